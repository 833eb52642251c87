# ruff: noqa: S608 - only enum codes are put into statements
"""End what is open of orders that are called back."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from unbind_broker.base.database import INSTANT, INT, UUIDS, Db, sql
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import FIRST_FINAL_CODE, ItemStatus, Reason


class CancelledItem(NamedTuple):
    """An item that was called back.

    ``attempts`` is how often a request for it went out; ``followed`` says that items of
    other orders joined it.
    """

    key: ItemKey
    attempts: int
    followed: bool


async def lock_open(db: Db, order_ids: Collection[UUID]) -> None:
    """Lock the open items of the orders in the order of their keys.

    Who was about to end one of them has done so afterwards, or waits.
    """
    await db.execute(_LOCK_OPEN, {"orders": list(order_ids)})


async def cancel(
    db: Db, now: datetime, order_ids: Collection[UUID], reason: Reason
) -> list[CancelledItem]:
    """Cancel the open items of the orders. The caller has locked them."""
    values = {"orders": list(order_ids), "now": now, "reason": reason.code}
    rows = await db.execute(_CANCEL, values)
    return sorted(
        CancelledItem(ItemKey(order, platform), attempts, followed)
        for order, platform, attempts, followed in rows
    )


_LOCK_OPEN = sql(
    f"""
    SELECT count(*) FROM (
        SELECT FROM items
        WHERE order_id = ANY(:orders) AND status < {FIRST_FINAL_CODE}
        ORDER BY order_id, platform_id
        FOR NO KEY UPDATE
    ) locked""",
    orders=UUIDS,
)
_CANCEL = sql(
    f"""
    UPDATE items SET status = {ItemStatus.CANCELLED.code}, reason = :reason,
        finished_at = :now
    WHERE order_id = ANY(:orders) AND status < {FIRST_FINAL_CODE}
    RETURNING order_id, platform_id, attempts, followed""",
    orders=UUIDS,
    now=INSTANT,
    reason=INT,
)
