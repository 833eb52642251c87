"""The first page: how everything stands."""

from collections.abc import Callable, Sequence

from fastapi import APIRouter, Response

from unbind_broker.console.brake_reasons import explain_brake
from unbind_broker.console.needs import address_of, counted, find_needs
from unbind_broker.console.platform_faults import explain
from unbind_broker.console.plots import Plot, Point, sparkline
from unbind_broker.console.visits import AdminVisit, Visit
from unbind_broker.console.whole import read_whole
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
        "explain_brake": lambda brake: explain_brake(visit, brake),
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
    """Draw the minutes that are over: the one that runs would look like a fall.

    It is told in words, or a broker that has just begun would seem to stand still.
    """
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
        running=show.count(value(minutes[-1])),
    )
    points = [Point(show.minute(one.at), value(one)) for one in over]
    return sparkline(visit.say(title), desc, points)
