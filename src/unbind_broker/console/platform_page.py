"""One platform: how it stands, what it was sent, and what can be done about it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from unbind_broker.base.database import Db
from unbind_broker.base.errors import InvalidFields
from unbind_broker.base.ids import EndpointId, Prefix, format_id, parse_id
from unbind_broker.base.names import slug_fault
from unbind_broker.console.platform_faults import explainers
from unbind_broker.console.platform_rows import DAYS, Row, last_days, rows_of
from unbind_broker.console.platforms import HOME
from unbind_broker.console.plots import Plot, Point, bars, sparkline
from unbind_broker.console.problems import NotHere
from unbind_broker.console.visits import AdminVisit, Visit
from unbind_broker.deliveries.attempt_log import WantedAttempts, list_attempts
from unbind_broker.deliveries.attempts import Attempt
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.deliveries.undelivered_views import WantedItems, pick
from unbind_broker.endpoints import health_store
from unbind_broker.endpoints import service as endpoints
from unbind_broker.endpoints.endpoint import Endpoint, Owner
from unbind_broker.items.states import Reason
from unbind_broker.items.words import REASONS
from unbind_broker.statistics.figures import Sums, read_sums
from unbind_broker.statistics.measures import Family, members_of
from unbind_broker.statistics.roll import Answered, find_enrolled, read_answered

PLOTTED = 100
"""So many requests make the plot of how long answers take."""
NEWEST = 10
SHOWN = 20
"""So many older requests stand on a page."""
MONTH = 30
MOST_COUNTED = 1000
_ANSWERED = {
    OutcomeKind.ACCEPTED,
    OutcomeKind.GONE,
    OutcomeKind.PAYLOAD_REFUSED,
    OutcomeKind.THROTTLED,
    OutcomeKind.FAILED,
    OutcomeKind.MISCONFIGURED,
}

router = APIRouter(prefix=HOME, include_in_schema=False)


def _slug(slug: str) -> str:
    if slug_fault(slug) is not None:
        raise NotHere("no platform is registered under this slug")
    return slug


SlugInPath = Annotated[str, Depends(_slug)]


@router.get("/{slug}")
async def show_platform(visit: AdminVisit, slug: SlugInPath) -> Response:
    """Show one platform."""
    async with visit.desk.read() as db:
        row = await find_row(db, visit, slug)
        endpoint = await endpoints.find(db, _owner(row))
        values = {
            **await _standing(db, visit, row, endpoint),
            "plots": await _plots(db, visit, row, endpoint),
            "refusals": await _refusals(db, visit, row),
            "undeliverable": len(await pick(db, WantedItems(slug), None, MOST_COUNTED)),
        }
    hour_ago = visit.now.astimezone(visit.desk.settings.zone) - timedelta(hours=1)
    return visit.page(
        "platform.html",
        200,
        **values,
        endpoint=endpoint,
        host=_host(endpoint.url if endpoint else None),
        pending_host=_host(endpoint.pending_url if endpoint else None),
        most_counted=MOST_COUNTED,
        month=MONTH,
        since=f"{hour_ago:%FT%H:%M}",
    )


@router.get("/{slug}/live")
async def show_standing(visit: AdminVisit, slug: SlugInPath) -> Response:
    """Show what changes by itself, for a page that stands open."""
    async with visit.desk.read() as db:
        row = await find_row(db, visit, slug)
        endpoint = await endpoints.find(db, _owner(row))
        values = await _standing(db, visit, row, endpoint)
    return visit.fragment("platform_live.html", **values)


@router.get("/{slug}/attempts")
async def show_attempts(
    visit: AdminVisit,
    slug: SlugInPath,
    before: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Show requests behind one, the newest first."""
    async with visit.desk.read() as db:
        row = await find_row(db, visit, slug)
        endpoint = await endpoints.find(db, _owner(row))
        found = await _attempts(db, endpoint, _attempt_id(before), SHOWN)
    return visit.page(
        "platform_attempts.html",
        200,
        row=row,
        attempts=found[:SHOWN],
        older=_older(slug, found, SHOWN),
        first=f"{HOME}/{slug}/attempts" if before else "",
        **explainers(visit),
    )


async def find_row(db: Db, visit: Visit, slug: str) -> Row:
    """Read a platform with its figures; raises ``NotHere``."""
    found = await find_enrolled(db, slug)
    if found is None:
        raise NotHere("no platform is registered under this slug")
    today = visit.now.astimezone(visit.desk.settings.zone).date()
    (row,) = await rows_of(db, visit.now, today, [found])
    return row


def _owner(row: Row) -> Owner:
    return Owner(row.platform.slug, platform_id=row.platform.id)


async def _standing(
    db: Db, visit: Visit, row: Row, endpoint: Endpoint | None
) -> dict[str, object]:
    slug = row.platform.slug
    found = await _attempts(db, endpoint, None, NEWEST)
    events = []
    if endpoint is not None:
        events = await health_store.list_events(db, endpoint.id, None, SHOWN)
    return {
        "row": row,
        "paused_by": endpoint and endpoint.paused_by,
        "events": events,
        "attempts": found[:NEWEST],
        "older": _older(slug, found, NEWEST),
        "days": DAYS,
        "page": f"{HOME}/{slug}",
        "home": HOME,
        **explainers(visit),
    }


async def _attempts(
    db: Db, endpoint: Endpoint | None, before: UUID | None, most: int
) -> list[Attempt]:
    if endpoint is None:
        return []
    wanted = WantedAttempts()
    return await list_attempts(db, endpoint.id, wanted, before, most + 1)


def _older(slug: str, found: Sequence[Attempt], most: int) -> str:
    if len(found) <= most:
        return ""
    last = format_id(Prefix.ATTEMPT, found[most - 1].id)
    return f"{HOME}/{slug}/attempts?before={last}"


def _attempt_id(text: str) -> UUID | None:
    if not text:
        return None
    found = parse_id(text, Prefix.ATTEMPT)
    if found is None:
        raise InvalidFields.at("/query/before", "expected an id such as att_…")
    return found


def _host(url: str | None) -> str:
    """Leave out the path and the query, which may hold a token."""
    return "" if url is None else urlsplit(url).hostname or ""


async def _plots(
    db: Db, visit: Visit, row: Row, endpoint: Endpoint | None
) -> list[Plot]:
    today = visit.now.astimezone(visit.desk.settings.zone).date()
    days = await read_answered(db, last_days(today, MONTH), row.platform.id)
    found = [] if endpoint is None else await _newest(db, endpoint.id)
    return [_latency(visit, found), _punctuality(visit, days)]


async def _newest(db: Db, endpoint_id: EndpointId) -> list[Attempt]:
    found = await list_attempts(db, endpoint_id, WantedAttempts(), None, PLOTTED)
    return found[::-1]


def _latency(visit: Visit, found: Sequence[Attempt]) -> Plot:
    zone = visit.desk.settings.zone
    points = [
        Point(
            f"{one.started_at.astimezone(zone):%F %T}",
            one.timings.total_ms if one.outcome.kind in _ANSWERED else None,
        )
        for one in found
    ]
    known = [point.value for point in points if point.value is not None]
    most = f"{max(known):,.0f}" if known else "–"
    desc = visit.say("platform.latency.desc", n=len(points), most=most)
    return sparkline(visit.say("platform.latency"), desc, points)


def _punctuality(visit: Visit, days: Sequence[Answered]) -> Plot:
    points = [
        Point(
            f"{one.day:%F}",
            round(100 * one.in_time / (one.in_time + one.missed), 1)
            if one.in_time + one.missed
            else None,
        )
        for one in days
    ]
    told = any(point.value is not None for point in points)
    desc = visit.say("platform.punctuality.desc", days=MONTH)
    title = visit.say("platform.punctuality")
    return bars(title, desc, points if told else [])


async def _refusals(db: Db, visit: Visit, row: Row) -> list[tuple[str, int]]:
    today = visit.now.astimezone(visit.desk.settings.zone).date()
    platform = row.platform.id
    sums = await read_sums(db, last_days(today, MONTH), [platform])
    counted = members_of(Family.REFUSAL, sums.get(platform, Sums()).of_all)
    told = [(REASONS[Reason.from_code(code)], n) for code, n in counted.items()]
    told.sort(key=lambda pair: -pair[1])
    return [(getattr(words, visit.language), n) for words, n in told]
