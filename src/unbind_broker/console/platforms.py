"""All platforms in one table, those in trouble first."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from unbind_broker.console.addresses import address
from unbind_broker.console.platform_faults import explain
from unbind_broker.console.platform_rows import (
    DAYS,
    ILL,
    SORTS,
    Search,
    State,
    count_states,
    read_rows,
)
from unbind_broker.console.seeking import SoughtHere
from unbind_broker.console.visits import AdminVisit, Visit

HOME = "/console/platforms"

router = APIRouter(prefix=HOME, include_in_schema=False)


def _search(
    sought: SoughtHere, state: Annotated[str, Query(max_length=20)] = ""
) -> Search:
    """Read what is looked for; links lead to those in a ``state``."""
    state, sort = state or sought.text("state"), sought.text("sort")
    return Search(
        sought.text("name"),
        state if state in {ILL, *State} else "",
        sort if sort in SORTS else "state",
    )


Searched = Annotated[Search, Depends(_search)]


@router.get("")
async def list_platforms(
    visit: AdminVisit, sought: SoughtHere, search: Searched
) -> Response:
    """Show all platforms, or those that are looked for."""
    asked = {"sought": sought.sealed, "state": search.state}
    return visit.page(
        "platforms.html",
        200,
        search=search,
        states=list(State),
        sorts=SORTS,
        live=address(f"{HOME}/-/live", asked),
        **await _figures(visit, search),
    )


# No slug is a dash, so that this is nobody's page.
@router.get("/-/live")
async def show_rows(visit: AdminVisit, search: Searched) -> Response:
    """Show the same rows, for a page that stands open."""
    return visit.fragment("platforms_live.html", **await _figures(visit, search))


async def _figures(visit: Visit, search: Search) -> dict[str, object]:
    today = visit.now.astimezone(visit.desk.settings.zone).date()
    async with visit.desk.read() as db:
        rows = await read_rows(db, visit.now, today)
    among = [row.open.among for row in rows if row.open.among is not None]
    return {
        "rows": search.choose(rows),
        "all_rows": len(rows),
        "counts": count_states(rows),
        "among": min(among, default=None),
        "days": DAYS,
        "explain": lambda error: explain(visit, error),
        "home": HOME,
    }
