"""Items as they stand at a moment, for lists that are kept by hand."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus, Reason
from unbind_broker.items.tables import items
from unbind_broker.orders.states import OrderKind
from unbind_broker.orders.tables import orders
from unbind_broker.statistics.measures import Measure

BY_US = {ItemStatus.EXPIRED, ItemStatus.UNDELIVERABLE, ItemStatus.CANCELLED}


@dataclass(frozen=True, kw_only=True)
class Row:
    """An item as it stands at a moment."""

    key: ItemKey
    kind: OrderKind
    status: ItemStatus
    late: bool
    reason: Reason | None
    was_sent: bool
    acknowledged_at: datetime | None
    finished_at: datetime | None
    created_at: datetime


async def rows_of(engine: AsyncEngine, status: ItemStatus | None = None) -> list[Row]:
    """Items that were sent themselves, in the order of their keys."""
    wanted = (
        select(items, orders.c.kind, orders.c.created_at)
        .join(orders, orders.c.id == items.c.order_id)
        .where(items.c.follows.is_(None))
        .order_by(items.c.order_id, items.c.platform_id)
    )
    if status is not None:
        wanted = wanted.where(items.c.status == status)
    async with engine.begin() as db:
        found = await db.execute(wanted)
    return [
        Row(
            key=ItemKey(row.order_id, row.platform_id),
            kind=row.kind,
            status=row.status,
            late=row.late,
            reason=row.reason,
            was_sent=row.attempts > 0 or row.acknowledged_at is not None,
            acknowledged_at=row.acknowledged_at,
            finished_at=row.finished_at,
            created_at=row.created_at,
        )
        for row in found
    ]


def punctuality(row: Row) -> list[int]:
    """What an end adds of being in time."""
    if row.status is ItemStatus.CANCELLED:
        return []
    if row.status in BY_US:
        return [Measure.NOT_IN_TIME]
    return [Measure.NOT_IN_TIME, Measure.LATE] if row.late else [Measure.IN_TIME]
