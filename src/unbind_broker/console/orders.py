"""Orders of all carriers: list them, find one."""

from fastapi import APIRouter, Response

from unbind_broker.base.errors import InvalidFields
from unbind_broker.base.ids import Prefix, format_id, parse_id
from unbind_broker.base.numbers import (
    InvalidNumber,
    PhoneNumber,
    holds_number,
    parse_number,
)
from unbind_broker.carriers import service as carriers
from unbind_broker.console.addresses import address
from unbind_broker.console.posting import Posted
from unbind_broker.console.seeking import MOST_TEXT, SoughtHere, seal_sought
from unbind_broker.console.statuses import Statuses
from unbind_broker.console.visits import AdminVisit
from unbind_broker.items.order_search import (
    MOST_LOOKED_AT,
    MOST_OF_NUMBER,
    FoundOrder,
    Standing,
    WantedOrders,
    find_orders,
    find_orders_of_number,
)
from unbind_broker.orders.kinds import kinds_of

HOME = "/console/orders"
PER_PAGE = 50
_MOST_CARRIERS = 200

router = APIRouter(prefix=HOME, include_in_schema=False)


@router.get("")
async def list_orders(
    visit: AdminVisit,
    sought: SoughtHere,
    carrier: str = "",
    standing: str = "",
    after: str = "",
) -> Response:
    """List orders, the newest first."""
    picked = {"carrier": carrier[:MOST_TEXT], "standing": standing[:MOST_TEXT]}
    chosen = {**picked, "reference": sought.text("reference")}
    chosen = {name: text for name, text in chosen.items() if text}
    behind = None if not after else parse_id(after, Prefix.ORDER)
    async with visit.desk.read() as db:
        found = await find_orders(
            db,
            visit.now,
            _wanted(chosen),
            (behind, PER_PAGE),
            visit.desk.runtime.sealer,
        )
    query, more = {**picked, "sought": sought.sealed}, ""
    if found.behind is not None:
        behind_id = format_id(Prefix.ORDER, found.behind)
        more = address(HOME, {**query, "after": behind_id})
    first = address(HOME, query) if after else ""
    return await _page(
        visit, found.orders, chosen, more=more, first=first, is_cut=found.is_cut
    )


@router.post("/find")
async def find_order(visit: AdminVisit, form: Posted) -> Response:
    """Find by an id, a reference or a number; which of them it is shows by itself.

    A number stands in no address, so those orders are answered at once.
    """
    what = form.text("what")[:MOST_TEXT]
    number = _number(what, visit.desk.settings.region)
    if number is not None:
        return await _of_number(visit, number)
    if not what or holds_number(what):
        return await _page(visit, [], {}, fault="orders.find.wrong")
    order_id = parse_id(what, Prefix.ORDER, Prefix.QUERY)
    if order_id is None:
        sealed = seal_sought(visit, {"reference": what})
        return visit.go(address(HOME, {"sought": sealed}))
    async with visit.desk.read() as db:
        kinds = await kinds_of(db, [order_id])
    if not kinds:
        return await _page(visit, [], {}, fault="orders.find.none")
    return visit.go(f"{HOME}/{what.lower()}")


async def _of_number(visit: AdminVisit, number: PhoneNumber) -> Response:
    runtime = visit.desk.runtime
    index = runtime.blind_index.index(number)
    async with visit.desk.write() as db:
        found = await find_orders_of_number(
            db, visit.now, index, runtime.sealer, visit.actor
        )
    return await _page(visit, found, {}, number=number.masked)


def _number(text: str, region: str) -> PhoneNumber | None:
    try:
        return parse_number(text, region)
    except InvalidNumber:
        return None


def _wanted(chosen: dict[str, str]) -> WantedOrders:
    standing = chosen.get("standing")
    if standing is not None and standing not in list(Standing):
        raise InvalidFields.at("/standing", "expected one of those of the list")
    return WantedOrders(
        carrier=chosen.get("carrier"),
        reference=chosen.get("reference"),
        standing=None if standing is None else Standing(standing),
    )


async def _page(  # noqa: PLR0913 - what a list shows beside its rows
    visit: AdminVisit,
    orders: list[FoundOrder],
    chosen: dict[str, str],
    *,
    more: str = "",
    first: str = "",
    is_cut: bool = False,
    fault: str = "",
    number: str = "",
) -> Response:
    async with visit.desk.read() as db:
        known = await carriers.list_page(db, None, _MOST_CARRIERS)
    return visit.page(
        "orders.html",
        422 if fault else 200,
        orders=orders,
        chosen=chosen,
        carriers=known,
        standings=list(Standing),
        more=more,
        first=first,
        cut=MOST_LOOKED_AT if is_cut else 0,
        fault=fault,
        number=number,
        most=MOST_OF_NUMBER,
        st=Statuses(visit.language),
    )
