"""An order as its carrier sees it: platforms one by one, sensitive ones only counted.

A present holder must not learn with which sensitive services a former holder dealt. So
in scope ``previous_owner`` those platforms are no items and are in no summary; all that
is told of them is how many were asked and how many are finished, whatever they said.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import func, select

from unbind_broker.base.database import Db
from unbind_broker.base.ids import CarrierId
from unbind_broker.base.instants import show_instant_or_null
from unbind_broker.base.sealing import Sealer
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.orders.states import Scope
from unbind_broker.orders.views import (
    OrderFilter,
    OrderHead,
    ReadOrder,
    list_heads,
    read_head,
)
from unbind_broker.platforms.tables import platforms

_NOT_IN_TIME = frozenset({ItemStatus.EXPIRED, ItemStatus.UNDELIVERABLE})


class Sensitive(TypedDict):
    """How many sensitive platforms were asked, and how many are finished."""

    total: int
    finished: int


class ItemView(TypedDict):
    """One platform's part, ready for JSON."""

    platform: str
    platform_name: str
    status: str
    reason: str | None
    detail: str | None
    attempts: int
    acknowledged_at: str | None
    finished_at: str | None
    bindings: int | None
    removed: int | None
    kept: int | None
    restorable_until: str | None
    action_url: str | None
    late: bool
    overdue: bool


class ListedOrder(OrderHead):
    """An order as lists show it, ready for JSON: without its items."""

    summary: dict[str, int]
    sensitive: Sensitive


class OrderView(ListedOrder):
    """An order, ready for JSON."""

    items: list[ItemView]


async def read_order(
    db: Db, carrier_id: CarrierId, order_id: UUID, sealer: Sealer
) -> OrderView | None:
    """Read one order of a carrier; None if it is not its own, or not there."""
    order = await read_head(db, carrier_id, order_id, sealer)
    if order is None:
        return None
    rows = (
        await db.execute(
            select(items, *_PLATFORM)
            .join(platforms, platforms.c.id == items.c.platform_id)
            .where(items.c.order_id == order_id)
            .order_by(platforms.c.slug)
        )
    ).all()
    counts = (_Count(order_id, row.status, row.sensitive, 1) for row in rows)
    shown = [_item(row) for row in rows if not (row.sensitive and _folds(order))]
    return OrderView(**_summed(order, counts), items=shown)


async def list_orders(
    db: Db,
    carrier_id: CarrierId,
    chosen: OrderFilter,
    page: tuple[UUID | None, int],
    sealer: Sealer,
) -> list[tuple[UUID, ListedOrder]]:
    """Read orders of a carrier, newest first, without their items."""
    found = await list_heads(db, carrier_id, chosen, page, sealer)
    rows = await db.execute(
        select(items.c.order_id, items.c.status, platforms.c.sensitive, func.count())
        .join(platforms, platforms.c.id == items.c.platform_id)
        .where(items.c.order_id.in_([order.id for order in found]))
        .group_by(items.c.order_id, items.c.status, platforms.c.sensitive)
    )
    counts = [_Count(*row) for row in rows]
    return [
        (
            order.id,
            _summed(order, (count for count in counts if count.order_id == order.id)),
        )
        for order in found
    ]


@dataclass(frozen=True)
class _Count:
    order_id: UUID
    status: ItemStatus
    sensitive: bool
    items: int


_PLATFORM: Sequence[Any] = (
    platforms.c.slug,
    platforms.c.name_zh,
    platforms.c.sensitive,
)


def _folds(order: ReadOrder) -> bool:
    return order.scope is Scope.PREVIOUS_OWNER


def _summed(order: ReadOrder, counts: Iterable[_Count]) -> ListedOrder:
    named: Counter[ItemStatus] = Counter()
    sensitive = Sensitive(total=0, finished=0)
    for count in counts:
        if count.sensitive and _folds(order):
            sensitive["total"] += count.items
            sensitive["finished"] += count.items * count.status.is_final
        else:
            named[count.status] += count.items
    present = {status.value: named[status] for status in ItemStatus if named[status]}
    return ListedOrder(
        **order.head,
        summary={"total": named.total(), **present},
        sensitive=sensitive,
    )


def _item(row: Any) -> ItemView:
    return ItemView(
        platform=row.slug,
        platform_name=row.name_zh,
        status=row.status.value,
        reason=row.reason and row.reason.value,
        detail=row.detail,
        attempts=row.attempts,
        acknowledged_at=show_instant_or_null(row.acknowledged_at),
        finished_at=show_instant_or_null(row.finished_at),
        bindings=row.bindings,
        removed=row.removed,
        kept=row.kept,
        restorable_until=show_instant_or_null(row.restorable_until),
        action_url=row.action_url,
        late=row.late,
        overdue=row.late or row.status in _NOT_IN_TIME,
    )
