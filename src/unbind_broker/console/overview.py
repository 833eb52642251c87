"""The first page: how everything stands."""

from fastapi import APIRouter, Response

from unbind_broker.base.database import Db
from unbind_broker.callbacks.braking import let_go
from unbind_broker.carriers import brakes
from unbind_broker.carriers.brakes import Brake
from unbind_broker.console.posting import Posted
from unbind_broker.console.previews import Effect
from unbind_broker.console.problems import NotHere
from unbind_broker.console.visits import AdminVisit
from unbind_broker.orders.braking import count_braked
from unbind_broker.sending.overview import (
    count_without_owner,
    list_workers,
    read_queue,
)

HOME = "/console"

router = APIRouter(prefix="/console", include_in_schema=False)


@router.get("")
async def show_overview(visit: AdminVisit) -> Response:
    """Show how everything stands."""
    return visit.page("overview.html", 200, **await _figures(visit))


@router.get("/overview/live")
async def show_figures(visit: AdminVisit) -> Response:
    """Show the same, for a page that stands open."""
    return visit.fragment("overview_live.html", **await _figures(visit))


@router.post("/brake/release")
async def release_brake(visit: AdminVisit, form: Posted) -> Response:
    """Let the unbinding of one carrier, or of all, go on, once that was previewed."""
    carrier, reason = form.text("carrier"), form.reason()
    async with visit.desk.write() as db:
        brake = await _brake(db, carrier)
        held = await count_braked(db)
        lines = (
            ("brake.whose", carrier or visit.say("brake.everybody")),
            ("brake.since", f"{brake.engaged_at:%FT%TZ}"),
            ("brake.why", brake.reason),
            (
                "brake.held",
                str(held.get(carrier, 0) if carrier else sum(held.values())),
            ),
            ("field.reason", reason),
        )
        effect = Effect("brake.release", "brake.release", HOME, lines, "brake.warning")
        asks = visit.preview(form, effect)
        if asks is not None:
            return asks
        await let_go(db, visit.now, brake.carrier_id, reason, visit.actor)
    return visit.go(HOME, "brake.released")


async def _brake(db: Db, carrier: str) -> Brake:
    for brake in await brakes.engaged(db):
        if (brake.carrier or "") == carrier:
            return brake
    raise NotHere("this brake is not engaged any more")


async def _figures(visit: AdminVisit) -> dict[str, object]:
    async with visit.desk.read() as db:
        return {
            "brakes": await brakes.engaged(db),
            "held": await count_braked(db),
            "queue": await read_queue(db, visit.now),
            "workers": await list_workers(db),
            "without_owner": await count_without_owner(db),
        }
