"""One order: how it stands, what happened, and what can be done about it."""

from uuid import UUID

from fastapi import APIRouter, Response

from unbind_broker.audit.reading import Wanted, list_events
from unbind_broker.base.database import Db
from unbind_broker.base.ids import Prefix, parse_id
from unbind_broker.base.working_days import working_days_left
from unbind_broker.console.order_steps import steps_of
from unbind_broker.console.orders import HOME
from unbind_broker.console.posting import Posted
from unbind_broker.console.problems import NotHere
from unbind_broker.console.requeuing import ask_or_requeue
from unbind_broker.console.statuses import Statuses
from unbind_broker.console.visits import AdminVisit, Visit
from unbind_broker.items.item import ItemKey
from unbind_broker.items.receipts import (
    ReceiptAsked,
    ReceiptTools,
    current_receipt,
    digest_of,
    key_id_of,
)
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.whole_order import WholeOrder, read_whole_order, unmask
from unbind_broker.orders.states import OrderKind

MOST_EVENTS = 200
_URGENCY = {
    status: place
    for place, status in enumerate(
        (
            ItemStatus.UNDELIVERABLE,
            ItemStatus.EXPIRED,
            ItemStatus.QUEUED,
            ItemStatus.ACTION_REQUIRED,
            ItemStatus.REFUSED,
            ItemStatus.PARTLY_UNBOUND,
            ItemStatus.IN_PROGRESS,
            ItemStatus.ACKNOWLEDGED,
        )
    )
}
"""What an administrator looks for stands first, the rest by slugs behind it."""

router = APIRouter(prefix=HOME, include_in_schema=False)


@router.get("/{name}")
async def show_order(visit: AdminVisit, name: str) -> Response:
    """Show one order."""
    return visit.page("order.html", 200, **await _read(visit, name))


@router.get("/{name}/live")
async def show_progress(visit: AdminVisit, name: str) -> Response:
    """Show how it stands, for a page that stays open."""
    return visit.fragment("order_live.html", **await _read(visit, name))


@router.post("/{name}/number")
async def show_number(visit: AdminVisit, name: str, form: Posted) -> Response:
    """Show the whole number, this once, to whoever gives a reason."""
    order_id, reason = id_of(name), form.reason()
    sealer = visit.desk.runtime.sealer
    async with visit.desk.write() as db:
        order = await require_order(db, visit, order_id)
        why = (visit.actor, reason)
        number = await unmask(db, visit.now, order_id, sealer, why)
    if number is None:
        raise NotHere("the number of this order has been destroyed")
    return visit.page("order_number.html", 200, order=order, number=number.e164)


@router.post("/{name}/receipt")
async def show_receipt(visit: AdminVisit, name: str, form: Posted) -> Response:
    """Show the receipt as its carrier gets it; issue it if nobody has had it yet."""
    del form
    runtime = visit.desk.runtime
    tools = ReceiptTools(runtime.sealer, runtime.broker_key)
    async with visit.desk.write() as db:
        order = await require_order(db, visit, id_of(name))
        asked = ReceiptAsked(order.carrier_id, visit.actor, order.id, list(OrderKind))
        stored = await current_receipt(db, visit.now, asked, tools)
    if stored is None or not stored.jws:
        raise NotHere("this order has no receipt, or it has been destroyed")
    return visit.page(
        "order_receipt.html",
        200,
        order=order,
        receipt=stored,
        sha256=digest_of(stored.jws),
        key_id=key_id_of(stored.jws),
    )


@router.post("/{name}/requeue")
async def requeue_items(visit: AdminVisit, name: str, form: Posted) -> Response:
    """Send the undeliverable items of an order again, once that was previewed."""
    async with visit.desk.read() as db:
        order = await require_order(db, visit, id_of(name))
    return await ask_or_requeue(
        visit, form, undeliverable(order), back=f"{HOME}/{order.name}"
    )


def id_of(name: str) -> UUID:
    """Read the id in an address; raises ``NotHere``."""
    order_id = parse_id(name, Prefix.ORDER, Prefix.QUERY)
    if order_id is None:
        raise NotHere("this is no id of an order or a query")
    return order_id


async def require_order(db: Db, visit: Visit, order_id: UUID) -> WholeOrder:
    """Read an order; raises ``NotHere``."""
    order = await read_whole_order(db, order_id, visit.desk.runtime.sealer)
    if order is None:
        raise NotHere("there is no order with this id")
    return order


def undeliverable(order: WholeOrder) -> list[ItemKey]:
    """Name the items of an order that no platform took."""
    return [
        ItemKey(order.id, part.platform_id)
        for part in order.parts
        if part.status is ItemStatus.UNDELIVERABLE
    ]


async def _read(visit: Visit, name: str) -> dict[str, object]:
    order_id = id_of(name)
    async with visit.desk.read() as db:
        order = await require_order(db, visit, order_id)
        wanted = Wanted(order_id=order_id)
        events = await list_events(db, wanted, None, MOST_EVENTS + 1)
    order.parts.sort(key=lambda part: _URGENCY.get(part.status, len(_URGENCY)))
    shown = [read.event for read in events[:MOST_EVENTS]]
    zone = visit.desk.settings.zone
    open_parts = sum(not part.status.is_final for part in order.parts)
    return {
        "order": order,
        "open_parts": open_parts,
        "steps": steps_of(visit, order, shown),
        "cut": len(events) > MOST_EVENTS,
        "days_left": working_days_left(visit.now, order.deadline, zone),
        "is_query": order.kind is OrderKind.QUERY,
        "is_open": order.completed_at is None and bool(open_parts),
        "undeliverable": len(undeliverable(order)),
        "st": Statuses(visit.language),
    }
