"""The first page: how everything stands."""

from collections.abc import Callable, Sequence

from fastapi import APIRouter, Response

from unbind_broker.base.database import Db
from unbind_broker.callbacks.braking import let_go
from unbind_broker.carriers import brakes
from unbind_broker.carriers.brakes import Brake
from unbind_broker.console.needs import address_of, counted, find_needs
from unbind_broker.console.platform_faults import explain
from unbind_broker.console.plots import Plot, Point, sparkline
from unbind_broker.console.posting import Posted
from unbind_broker.console.previews import Effect
from unbind_broker.console.problems import NotHere
from unbind_broker.console.visits import AdminVisit, Visit
from unbind_broker.console.whole import read_whole
from unbind_broker.orders.braking import count_braked
from unbind_broker.statistics.flow import Minute
from unbind_broker.statistics.standing import Standing

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
        whole = await read_whole(db, visit.now)
    needs, title = find_needs(whole), visit.say("overview.title")
    return {
        "whole": whole,
        "needs": needs,
        "tab": visit.say("needs.tab", n=len(needs), title=title) if needs else title,
        "plots": _plots(visit, whole.overview.minutes),
        "standings": _STANDINGS,
        "counted": counted,
        "address_of": address_of,
        "explain": lambda error: explain(visit, error),
        "alone": visit.request.url.path != HOME,
    }


# With the state that the list of platforms calls it.
_STANDINGS = (
    (Standing.BREAKER_OPEN, "breaker_open", "bad", "platform.state.breaker_open"),
    (Standing.DISABLED, "disabled", "bad", "platform.state.disabled"),
    (Standing.DEGRADED, "ill", "warn", "standing.degraded"),
    (Standing.PAUSED, "paused", "warn", "platform.state.paused"),
    (Standing.SUSPENDED, "suspended", "warn", "platform.state.suspended"),
    (Standing.HEALTHY, "healthy", "good", "platform.state.healthy"),
    (Standing.NOT_READY, "not_ready", "neutral", "platform.state.not_ready"),
)


def _plots(visit: Visit, minutes: Sequence[Minute]) -> tuple[Plot, Plot]:
    return (
        _plot(visit, "overview.orders_per_minute", minutes, lambda one: one.orders),
        _plot(visit, "overview.items_per_minute", minutes, lambda one: one.items),
    )


def _plot(
    visit: Visit, title: str, minutes: Sequence[Minute], value: Callable[[Minute], int]
) -> Plot:
    """Draw the minutes that are over: the one that runs would look like a fall."""
    over = minutes[:-1]
    show, values = visit.shows, [value(one) for one in over]
    key = "overview.rate"
    if any(one.estimated for one in over):
        key = "overview.rate.estimated"
    desc = visit.say(
        key,
        last=show.count(values[-1]),
        most=show.count(max(values)),
        all=show.count(sum(values)),
    )
    points = [Point(show.minute(one.at), value(one)) for one in over]
    return sparkline(visit.say(title), desc, points)
