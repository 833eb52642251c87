"""All platforms in one table, those in trouble first."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Response

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
from unbind_broker.console.visits import AdminVisit, Visit

HOME = "/console/platforms"

router = APIRouter(prefix=HOME, include_in_schema=False)


def _search(
    name: Annotated[str, Query(max_length=100)] = "",
    state: Annotated[str, Query(max_length=20)] = "",
    sort: Annotated[str, Query(max_length=20)] = "state",
) -> Search:
    return Search(
        name.strip(),
        state if state in {ILL, *State} else "",
        sort if sort in SORTS else "state",
    )


Searched = Annotated[Search, Depends(_search)]


@router.get("")
async def list_platforms(visit: AdminVisit, search: Searched) -> Response:
    """Show all platforms, or those that are looked for."""
    asked = {"name": search.name, "state": search.state, "sort": search.sort}
    return visit.page(
        "platforms.html",
        200,
        search=search,
        states=list(State),
        sorts=SORTS,
        live=f"{HOME}/-/live?{urlencode(asked)}",
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
