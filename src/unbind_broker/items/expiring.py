# ruff: noqa: S608 - only enum codes are put into the statement
"""End items that were not answered in time."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from unbind_broker.base.database import INSTANT, UUIDS, Db, sql
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import FIRST_FINAL_CODE, ItemStatus

_QUEUED = ItemStatus.QUEUED.code
_UNDELIVERABLE = ItemStatus.UNDELIVERABLE.code
_EXPIRED = ItemStatus.EXPIRED.code


class Expired(NamedTuple):
    """An item that its deadline ended; ``followed`` says that others follow it."""

    key: ItemKey
    status: ItemStatus
    followed: bool


async def expire(db: Db, now: datetime, orders: Collection[UUID]) -> list[Expired]:
    """End every open item of orders whose deadline has passed.

    Those that no platform has taken become undeliverable, the others expired.
    """
    rows = await db.execute(_EXPIRE, {"orders": list(orders), "now": now})
    return [
        Expired(ItemKey(order, platform), ItemStatus.from_code(status), followed)
        for order, platform, status, followed in rows
    ]


_EXPIRE = sql(
    f"""
    WITH locked AS (
        SELECT i.order_id, i.platform_id
        FROM items i
        WHERE i.order_id = ANY(:orders) AND i.status < {FIRST_FINAL_CODE}
        ORDER BY i.order_id, i.platform_id
        FOR NO KEY UPDATE
    )
    UPDATE items i SET finished_at = :now,
        status = CASE
            WHEN i.status = {_QUEUED} THEN {_UNDELIVERABLE} ELSE {_EXPIRED} END
    FROM locked l
    WHERE i.order_id = l.order_id AND i.platform_id = l.platform_id
        AND i.status < {FIRST_FINAL_CODE}
    RETURNING i.order_id, i.platform_id, i.status, i.followed""",
    orders=UUIDS,
    now=INSTANT,
)
