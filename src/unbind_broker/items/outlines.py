"""Orders in short, as their carriers see them: what is told of many of them at once."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple, TypedDict
from uuid import UUID

from sqlalchemy import any_, bindparam, func, select

from unbind_broker.base.database import UUIDS, Db
from unbind_broker.base.ids import CarrierId
from unbind_broker.base.instants import show_instant, show_instant_or_null
from unbind_broker.items.views import ItemCount, Sensitive, count_items, sum_up
from unbind_broker.orders.states import OrderKind, OrderStatus, Scope
from unbind_broker.orders.tables import orders
from unbind_broker.orders.views import SEEN_STATUS, show_order_id


class Outline(TypedDict):
    """An order in short, ready for JSON. It names no number and no platform."""

    order_id: str
    kind: str
    status: str
    reference: str | None
    created_at: str
    deadline: str
    completed_at: str | None
    summary: dict[str, int]
    sensitive: Sensitive


class OutlinedOrder(NamedTuple):
    """An order in short, and who may be told of it."""

    id: UUID
    carrier_id: CarrierId
    kind: OrderKind
    outline: Outline


async def read_outlines(db: Db, order_ids: Collection[UUID]) -> list[OutlinedOrder]:
    """Read orders in short by two statements, those left out that nobody sees."""
    wanted = sorted(order_ids)
    if not wanted:
        return []
    rows = (await db.execute(_READ, {"orders": wanted})).all()
    counts = await count_items(db, [row.id for row in rows])
    return [_outlined(_Row(*row), counts[row.id]) for row in rows]


class _Row(NamedTuple):
    id: UUID
    carrier_id: CarrierId
    kind: OrderKind
    scope: Scope
    reference: str | None
    created_at: datetime
    deadline: datetime
    ended_at: datetime | None
    status: OrderStatus


_READ = (
    select(
        orders.c.id,
        orders.c.carrier_id,
        orders.c.kind,
        orders.c.scope,
        orders.c.reference,
        orders.c.created_at,
        orders.c.deadline,
        func.coalesce(orders.c.told_at, orders.c.completed_at),
        SEEN_STATUS,
    )
    .where(orders.c.id == any_(bindparam("orders", type_=UUIDS)), ~orders.c.hidden)
    .order_by(orders.c.id)
)


def _outlined(row: _Row, counts: list[ItemCount]) -> OutlinedOrder:
    sums = sum_up(counts, folds=row.scope is Scope.PREVIOUS_OWNER)
    outline = Outline(
        order_id=show_order_id(row.kind, row.id),
        kind=row.kind.value,
        status=row.status.value,
        reference=row.reference,
        created_at=show_instant(row.created_at),
        deadline=show_instant(row.deadline),
        completed_at=show_instant_or_null(row.ended_at),
        **sums,
    )
    return OutlinedOrder(row.id, row.carrier_id, row.kind, outline)
