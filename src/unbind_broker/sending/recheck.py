# ruff: noqa: S608 - only enum codes are put into the statement
"""Ask again about items that waited in memory: they may have been called back."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Boolean

from unbind_broker.base.coded_enum import codes_of
from unbind_broker.base.database import INT, UUIDS, Db, fetch_all, sql
from unbind_broker.base.ids import PlatformId
from unbind_broker.items.states import OPEN, ItemStatus
from unbind_broker.orders.states import OrderStatus

_WAITING = sql(
    f"""
    SELECT i.order_id
    FROM items i
    JOIN orders o ON o.id = i.order_id
    WHERE i.order_id = ANY(:orders) AND i.platform_id = :platform
        AND i.follows IS NULL
        AND (i.status = {ItemStatus.QUEUED.code}
            OR (:replay AND i.status IN ({codes_of(OPEN)})))
        AND o.status = {OrderStatus.IN_PROGRESS.code}
    """,
    orders=UUIDS,
    platform=INT,
    replay=Boolean(),
)


async def still_waiting(
    db: Db,
    platform_id: PlatformId,
    order_ids: Collection[UUID],
    *,
    replay: bool = False,
) -> set[UUID]:
    """Return those of the orders whose item still waits to be sent.

    What is sent again because its platform asked for it waits until it is final.
    """
    values = {"orders": list(order_ids), "platform": platform_id, "replay": replay}
    return {row.order_id for row in await fetch_all(db, _WAITING, values)}
