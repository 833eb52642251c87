"""The brake on unbinding: whom it stops, why and since when; engage it, release it."""

from fastapi import APIRouter, Response

from unbind_broker.base.database import Db
from unbind_broker.callbacks.braking import let_go, stop
from unbind_broker.carriers import brakes, service
from unbind_broker.carriers.brakes import Brake, Stopped
from unbind_broker.carriers.service import Carrier
from unbind_broker.console.brake_reasons import explain_brake
from unbind_broker.console.posting import Posted
from unbind_broker.console.previews import Effect
from unbind_broker.console.problems import NotHere
from unbind_broker.console.visits import AdminVisit, Visit
from unbind_broker.orders.braking import count_braked, count_holdable

HOME = "/console/brake"
MOST_NAMED = 200
"""So many carriers can be chosen; the page of carriers leads here with any other."""

router = APIRouter(prefix=HOME, include_in_schema=False)


@router.get("")
async def show_brake(visit: AdminVisit, carrier: str = "") -> Response:
    """Show what is stopped, and offer to stop more (``carrier``) or less."""
    async with visit.desk.read() as db:
        known = await service.list_page(db, None, MOST_NAMED)
        chosen = await service.find(db, carrier, or_twin=True) if carrier else None
        figures = await _figures(db, visit)
    slugs = [one.slug for one in known]
    if chosen is not None and chosen.slug not in slugs:
        slugs.append(chosen.slug)
    return visit.page(
        "brake.html",
        200,
        slugs=slugs,
        chosen="" if chosen is None else chosen.slug,
        **figures,
    )


@router.get("/live")
async def show_state(visit: AdminVisit) -> Response:
    """Show what is stopped, for a page that stands open."""
    async with visit.desk.read() as db:
        return visit.fragment("brake_live.html", **await _figures(db, visit))


@router.post("/engage")
async def engage_brake(visit: AdminVisit, form: Posted) -> Response:
    """Stop the unbinding of one carrier, or of all, once that was previewed."""
    slug, reason = form.text("carrier"), form.reason()
    async with visit.desk.write() as db:
        carrier = await _carrier(db, slug)
        asks = visit.preview(form, await _stopping(db, visit, carrier, reason))
        if asks is not None:
            return asks
        carrier_id = None if carrier is None else carrier.id
        stopped = await stop(db, visit.now, carrier_id, reason, visit.actor)
    return visit.go(HOME, "brake.engaged" if stopped else "brake.engaged.before")


@router.post("/release")
async def release_brake(visit: AdminVisit, form: Posted) -> Response:
    """Let the unbinding of one carrier, or of all, go on, once that was previewed."""
    slug, reason = form.text("carrier"), form.reason()
    async with visit.desk.write() as db:
        engaged = await brakes.engaged(db)
        brake = next((one for one in engaged if (one.carrier or "") == slug), None)
        if brake is None:
            raise NotHere("this brake is not engaged any more")
        held = await count_braked(db)
        asks = visit.preview(form, _releasing(visit, brake, engaged, held, reason))
        if asks is not None:
            return asks
        await let_go(db, visit.now, brake.carrier_id, reason, visit.actor)
    return visit.go(HOME, "brake.released")


async def _figures(db: Db, visit: Visit) -> dict[str, object]:
    engaged = await brakes.engaged(db)
    held = await count_braked(db)
    own = {one.carrier for one in engaged}
    return {
        "engaged": engaged,
        "held": held,
        "all_held": sum(held.values()),
        "others": sorted(set(held) - own),
        "everybody": None in own,
        "explain_brake": lambda brake: explain_brake(visit, brake),
    }


async def _carrier(db: Db, slug: str) -> Carrier | None:
    """Find a carrier; None stands for all of them."""
    carrier = await service.find(db, slug, or_twin=True) if slug else None
    if slug and carrier is None:
        raise NotHere("this carrier is not registered")
    return carrier


async def _stopping(
    db: Db, visit: Visit, carrier: Carrier | None, reason: str
) -> Effect:
    ids = frozenset() if carrier is None else frozenset({carrier.id})
    under_way = await count_holdable(db, visit.now, Stopped(carrier is None, ids))
    return Effect(
        "carriers.brake",
        "carriers.brake",
        HOME,
        (
            (
                "brake.whose",
                visit.say("brake.everybody") if carrier is None else carrier.slug,
            ),
            ("field.reason", reason),
        ),
        "carriers.brake.warning",
        (("brake.would_hold", str(under_way)),),
    )


def _releasing(
    visit: Visit,
    brake: Brake,
    engaged: list[Brake],
    held: dict[str, int],
    reason: str,
) -> Effect:
    own = {one.carrier for one in engaged}
    others = own - {brake.carrier}
    whose = set(held) if brake.carrier is None else {brake.carrier}
    mine = sum(held.get(slug, 0) for slug in whose)
    kept = mine if None in others else sum(held.get(s, 0) for s in whose & others)
    return Effect(
        "brake.release",
        "brake.release",
        HOME,
        (
            ("brake.whose", brake.carrier or visit.say("brake.everybody")),
            ("brake.since", visit.shows.plain(brake.engaged_at)),
            ("brake.why", explain_brake(visit, brake)),
            ("field.reason", reason),
        ),
        "brake.warning",
        (
            ("brake.held", f"{mine:,}"),
            ("brake.goes_on", f"{mine - kept:,}"),
            ("brake.stays", f"{kept:,}"),
        ),
    )
