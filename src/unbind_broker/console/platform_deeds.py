"""What administrators do about one platform; each is previewed first."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
from unbind_broker.base.errors import InvalidFields
from unbind_broker.base.instants import show_instant, show_instant_or_null
from unbind_broker.console.forms import Form
from unbind_broker.console.platform_page import SlugInPath
from unbind_broker.console.platforms import HOME
from unbind_broker.console.posting import Posted, require_first
from unbind_broker.console.previews import Effect
from unbind_broker.console.problems import NotHere
from unbind_broker.console.requeuing import ask_or_requeue
from unbind_broker.console.visits import AdminVisit, Visit
from unbind_broker.deliveries.outcomes import Cause
from unbind_broker.deliveries.replaying import replay_since
from unbind_broker.deliveries.spreading import Redelivery, in_parts, write
from unbind_broker.deliveries.undelivered_views import WantedItems
from unbind_broker.endpoints import service as endpoints
from unbind_broker.endpoints.endpoint import Endpoint, Owner
from unbind_broker.endpoints.states import PausedBy, require_posting
from unbind_broker.endpoints.taking_effect import wait_until_in_force
from unbind_broker.platforms import service as platforms
from unbind_broker.platforms.service import Platform
from unbind_broker.platforms.tables import PlatformStatus

MARGIN = timedelta(seconds=1)
LONGEST_AGO = timedelta(days=30)

router = APIRouter(prefix=HOME, include_in_schema=False)


@router.post("/{slug}/pause")
async def pause(visit: AdminVisit, slug: SlugInPath, form: Posted) -> Response:
    """Send nothing to the platform any more, once that was previewed."""
    async with visit.desk.write() as db:
        platform = await _platform(db, slug)
        asks = visit.preview(form, _effect(visit, platform, "platform.pause"))
        if asks is not None:
            return asks
        endpoint = await endpoints.pause(
            db, visit.now, _owner(platform), PausedBy.ADMIN, visit.actor
        )
    await _until_in_force(visit, endpoint)
    return visit.go(f"{HOME}/{slug}", "platform.paused")


@router.post("/{slug}/resume")
async def resume(visit: AdminVisit, slug: SlugInPath, form: Posted) -> Response:
    """Send everything that waited, once that was previewed."""
    async with visit.desk.write() as db:
        platform = await _platform(db, slug)
        asks = visit.preview(form, _effect(visit, platform, "platform.resume"))
        if asks is not None:
            return asks
        await endpoints.resume(
            db, visit.now, _owner(platform), PausedBy.ADMIN, visit.actor
        )
    return visit.go(f"{HOME}/{slug}", "platform.resumed")


@router.post("/{slug}/suspend")
async def suspend(visit: AdminVisit, slug: SlugInPath, form: Posted) -> Response:
    """Make no new items for the platform, once that was previewed."""
    async with visit.desk.write() as db:
        platform = await _platform(db, slug)
        asks = visit.preview(form, _effect(visit, platform, "platform.suspend"))
        if asks is not None:
            return asks
        await platforms.suspend(db, visit.now, slug, visit.actor)
    return visit.go(f"{HOME}/{slug}", "platform.suspended")


@router.post("/{slug}/readmit")
async def readmit(visit: AdminVisit, slug: SlugInPath, form: Posted) -> Response:
    """Make items for a suspended platform again, once that was previewed."""
    async with visit.desk.write() as db:
        platform = await _platform(db, slug)
        asks = visit.preview(form, _effect(visit, platform, "platform.readmit"))
        if asks is not None:
            return asks
        await platforms.resume(db, visit.now, slug, visit.actor)
    return visit.go(f"{HOME}/{slug}", "platform.readmitted")


@router.post("/{slug}/requeue")
async def requeue_items(visit: AdminVisit, slug: SlugInPath, form: Posted) -> Response:
    """Send undeliverable items again, once it was shown how many."""
    async with visit.desk.read() as db:
        await _platform(db, slug)
    wanted = WantedItems(platform=slug, cause=_cause(form))
    return await ask_or_requeue(visit, form, wanted, f"{HOME}/{slug}")


@router.post("/{slug}/redeliver")
async def redeliver(visit: AdminVisit, slug: SlugInPath, form: Posted) -> Response:
    """Send what was sent once more, once it was shown how much."""
    since = _since(form, visit.now, visit.desk.settings.zone)
    async with visit.desk.write() as db:
        platform = await _platform(db, slug)
        endpoint = await endpoints.require(db, _owner(platform))
        require_posting(endpoint)
        found = await replay_since(db, visit.now, endpoint, since, None)
        if not found.scheduled:
            return visit.go(f"{HOME}/{slug}", "platform.redeliver.none")
        lines = (
            ("platform.redeliver.since", f"{since:%F %H:%M} {since.tzname()}"),
            ("platform.redeliver.scheduled", about(found.scheduled)),
        )
        effect = _effect(visit, platform, "platform.redeliver", *lines)
        asks = visit.preview(form, effect)
        if asks is not None:
            return asks
        await require_first(db, visit, form)
        await record(db, visit.now, _redelivered(visit, endpoint, since, found))
        parts = list(in_parts(found.repeats))
        for part in parts[:1]:
            await write(db, endpoint.id, part)
    for part in parts[1:]:
        async with visit.desk.write() as db:
            await write(db, endpoint.id, part)
    said = "platform.redelivered" if found.next_since is None else _MORE_TO_REDELIVER
    return visit.go(f"{HOME}/{slug}", said, n=found.scheduled)


_MORE_TO_REDELIVER = "platform.redelivered.more"


async def _platform(db: Db, slug: str) -> Platform:
    platform = await platforms.find(db, slug)
    if platform is None:
        raise NotHere("no platform is registered under this slug")
    return platform


def _owner(platform: Platform) -> Owner:
    return Owner(platform.slug, platform_id=platform.id)


def _effect(
    visit: Visit, platform: Platform, deed: str, *lines: tuple[str, str]
) -> Effect:
    name = visit.name_of(platform.profile)
    told = [("platforms.name", f"{name} ({platform.slug})")]
    if platform.status is PlatformStatus.SUSPENDED:
        told.append(("platforms.state", visit.say("platform.state.suspended")))
    back = f"{HOME}/{platform.slug}"
    return Effect(deed, deed, back, (*told, *lines), f"{deed}.warning")


async def _until_in_force(visit: Visit, endpoint: Endpoint) -> None:
    runtime = visit.desk.runtime
    await wait_until_in_force(
        runtime.readers or runtime.engine,
        endpoint.id,
        endpoint.version,
        visit.desk.settings.lease + MARGIN,
    )


def _cause(form: Form) -> Cause | None:
    text = form.text("cause")
    if not text:
        return None
    for cause in Cause:
        if cause == text:
            return cause
    raise InvalidFields.at("/cause", "expected refused or overdue")


def about(count: int) -> str:
    """Show between which round numbers a count lies.

    Requests go on while a preview is read; the exact count would be another each time.
    """
    step = 10 ** (len(str(count)) - 1)
    low = count // step * step
    return str(count) if step == 1 else f"{low:,}–{low + step - 1:,}"


def _since(form: Form, now: datetime, zone: ZoneInfo) -> datetime:
    """Read when to begin, in the broker's zone; raises ``InvalidFields``."""
    text = form.required("since")
    try:
        since = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidFields.at(
            "/since", "expected a time such as 2026-11-21T08:00"
        ) from None
    since = since.replace(tzinfo=zone) if since.tzinfo is None else since
    if not now - LONGEST_AGO <= since <= now:
        raise InvalidFields.at("/since", "expected a time within the last 30 days")
    return since.astimezone(zone)


def _redelivered(
    visit: Visit, endpoint: Endpoint, since: datetime, found: Redelivery
) -> Fact:
    facts = {
        "endpoint": endpoint.id,
        "owner": endpoint.owner_slug,
        "since": show_instant(since),
        "named": None,
        "status": None,
        "scheduled": found.scheduled,
        "unknown": found.unknown,
        "closed": found.closed,
        "until": show_instant_or_null(found.until),
    }
    return Fact(visit.actor, "endpoint.redelivered", facts=facts)
