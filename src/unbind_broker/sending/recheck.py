# ruff: noqa: S608 - only enum codes are put into the statement
"""Ask again about items that waited in memory: they may have been called back."""

from collections.abc import Collection
from uuid import UUID

from unbind_broker.base.database import INT, UUIDS, Db, fetch_all, sql
from unbind_broker.base.ids import PlatformId
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.states import OrderStatus

_WAITING = sql(
    f"""
    SELECT i.order_id
    FROM items i
    JOIN orders o ON o.id = i.order_id
    WHERE i.order_id = ANY(:orders) AND i.platform_id = :platform
        AND i.status = {ItemStatus.QUEUED.code} AND i.follows IS NULL
        AND o.status = {OrderStatus.IN_PROGRESS.code}
    """,
    orders=UUIDS,
    platform=INT,
)


async def still_waiting(
    db: Db, platform_id: PlatformId, order_ids: Collection[UUID]
) -> set[UUID]:
    """Return those of the orders whose item still waits to be sent."""
    values = {"orders": list(order_ids), "platform": platform_id}
    return {row.order_id for row in await fetch_all(db, _WAITING, values)}
