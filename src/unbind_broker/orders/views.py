"""What a carrier reads of its orders, without their items.

An order that was told to be over reads so for ever, whatever becomes of it afterwards;
one that the broker made about a sensitive platform is not there at all.
"""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    literal_column,
    select,
)

from unbind_broker.base.database import INT, Db
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import (
    FIRST_INSTANT,
    CarrierId,
    Prefix,
    format_id,
    uuid7_floor,
)
from unbind_broker.base.instants import show_instant, show_instant_or_null
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.base.sealing import SealBroken, Sealer
from unbind_broker.carriers.tables import REAL_SLUG, carriers
from unbind_broker.orders.order import Order
from unbind_broker.orders.sealed_numbers import open_number
from unbind_broker.orders.states import OrderKind, OrderStatus, Scope
from unbind_broker.orders.tables import orders

log = logging.getLogger(__name__)


class OrderHead(TypedDict):
    """The fields of an order, ready for JSON, in the order in which they are shown."""

    id: str
    kind: str
    status: str
    number: str
    owner_since: str
    cutoff: str
    scope: str
    action: str | None
    carrier: str
    reference: str | None
    created_at: str
    held_until: str | None
    held_for: str | None
    deadline: str
    completed_at: str | None


@dataclass(frozen=True)
class ReadOrder:
    """An order that its carrier reads."""

    id: UUID
    scope: Scope
    deadline: datetime
    head: OrderHead


@dataclass(frozen=True, kw_only=True)
class OrderFilter:
    """Which orders a list holds; what is left out does not restrict it."""

    kinds: Collection[OrderKind] = tuple(OrderKind)
    status: OrderStatus | None = None
    reference: str | None = None
    created_after: datetime | None = None
    number_index: bytes | None = None


async def read_head(
    db: Db, carrier_id: CarrierId, order_id: UUID, sealer: Sealer
) -> ReadOrder | None:
    """Read one order of a carrier; None if it is not its own, or not there."""
    found = await db.execute(_ONE, {"carrier": carrier_id, "order": order_id})
    row = found.one_or_none()
    return None if row is None else _shown(row, show_number(row, sealer))


def head_of(order: Order, carrier_slug: str, number: PhoneNumber) -> ReadOrder:
    """Show what ``read_head`` would read of an order that was just written down."""
    row = SimpleNamespace(
        **vars(order),
        seen_status=order.status,
        carrier=carrier_slug,
        told_at=None,
        completed_at=None,
    )
    return _shown(row, number.masked)


async def find_kind(db: Db, carrier_id: CarrierId, order_id: UUID) -> OrderKind | None:
    """Tell of which kind an order is; None if it is not the carrier's, or not there."""
    found = await db.execute(
        select(orders.c.kind).where(
            orders.c.id == order_id, orders.c.carrier_id == carrier_id, ~orders.c.hidden
        )
    )
    return found.scalar_one_or_none()


async def list_heads(
    db: Db,
    carrier_id: CarrierId,
    chosen: OrderFilter,
    page: tuple[UUID | None, int],
    sealer: Sealer,
) -> Sequence[ReadOrder]:
    """Read orders of a carrier, newest first.

    ``page`` is the id behind which the page starts and how many orders it holds. Ids
    sort by time, so orders that arrive meanwhile neither repeat nor hide others.
    """
    behind, limit = page
    statement = _own(carrier_id).where(*_conditions(chosen))
    if behind is not None:
        statement = statement.where(orders.c.id < behind)
    found = await db.execute(statement.order_by(orders.c.id.desc()).limit(limit))
    return [_shown(row, show_number(row, sealer)) for row in found]


def show_order_id(kind: OrderKind, order_id: UUID) -> str:
    """Write the public id of an order: ``qry_…`` or ``ord_…``."""
    prefix = Prefix.QUERY if kind is OrderKind.QUERY else Prefix.ORDER
    return format_id(prefix, order_id)


# A cancelled order was told to be complete only if that was before it was cancelled.
SEEN_STATUS = case(
    (orders.c.told_at.is_(None), orders.c.status),
    (
        and_(
            orders.c.status == OrderStatus.CANCELLED,
            orders.c.told_at >= orders.c.completed_at,
        ),
        orders.c.status,
    ),
    else_=OrderStatus.COMPLETED.code,
).label("seen_status")
"""Where an order stands as its carrier may know."""


def _own(carrier_id: CarrierId | BindParameter[Any]) -> Select[Any]:
    return (
        select(orders, SEEN_STATUS, literal_column(REAL_SLUG).label("carrier"))
        .join(carriers, carriers.c.id == orders.c.carrier_id)
        .where(orders.c.carrier_id == carrier_id, ~orders.c.hidden)
    )


# Made once: to put it together takes longer than to run it.
_ONE = _own(bindparam("carrier", type_=INT)).where(
    orders.c.id == bindparam("order", type_=UUID_TYPE)
)


def _conditions(chosen: OrderFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [orders.c.kind.in_(chosen.kinds)]
    if chosen.status is not None:
        conditions.append(SEEN_STATUS.element == chosen.status)
    if chosen.reference is not None:
        conditions.append(orders.c.reference == chosen.reference)
    if chosen.number_index is not None:
        conditions.append(orders.c.number_index == chosen.number_index)
    if chosen.created_after is not None:
        after = max(chosen.created_after, FIRST_INSTANT)
        conditions.append(orders.c.created_at > after)
        conditions.append(orders.c.id >= uuid7_floor(after))
    return conditions


def _shown(row: Any, number: str) -> ReadOrder:
    head = OrderHead(
        id=show_order_id(row.kind, row.id),
        kind=row.kind.value,
        status=row.seen_status.value,
        number=number,
        owner_since=row.owner_since.isoformat(),
        cutoff=show_instant(row.cutoff),
        scope=row.scope.value,
        action=row.action and row.action.value,
        carrier=row.carrier,
        reference=row.reference,
        created_at=show_instant(row.created_at),
        held_until=show_instant_or_null(row.held_until),
        held_for=row.held_for and row.held_for.value,
        deadline=show_instant(row.deadline),
        completed_at=show_instant_or_null(row.told_at or row.completed_at),
    )
    return ReadOrder(row.id, row.scope, row.deadline, head)


def show_number(row: Any, sealer: Sealer) -> str:
    """Show the number of an order masked, as far as it is still there.

    It is destroyed in the end; and where its key is lost, one order spoils no list.
    ``row`` has ``number_sealed``, and ``kind`` and ``id`` to name the order by.
    """
    if row.number_sealed is None:
        return "****"
    try:
        return open_number(sealer, row.number_sealed).masked
    except SealBroken:
        log.error(  # noqa: TRY400 - the trace tells nothing that the id does not
            "number_unreadable", extra={"order": show_order_id(row.kind, row.id)}
        )
        return "****"
