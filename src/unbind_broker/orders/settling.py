# ruff: noqa: S608 - only enum codes are put into the statement
"""Complete orders whose items are all final."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import INSTANT, UUIDS, Db, sql
from unbind_broker.orders.states import OrderStatus


async def settle(db: Db, now: datetime, order_ids: Collection[UUID]) -> list[UUID]:
    """Complete those of the orders that have no open item left, and return them.

    Call it in a transaction of its own, after the one that ended the items has
    committed: then the last to commit sees the work of all. Counting open items inside
    the items' own transactions would leave an order open for ever when its last results
    race.
    """
    if not order_ids:
        return []
    rows = await db.execute(_SETTLE, {"orders": list(order_ids), "now": now})
    settled: list[UUID] = list(rows.scalars())
    await record(
        db,
        now,
        *(
            Fact(actor="broker", action="order.completed", order_id=order_id)
            for order_id in settled
        ),
    )
    return settled


# Open items are those whose status code is below 10: this package stands below `items`.
_SETTLE = sql(
    f"""
    WITH done AS (
        SELECT o.id
        FROM orders o
        WHERE o.id = ANY(:orders) AND o.status = {OrderStatus.IN_PROGRESS.code}
            AND NOT EXISTS (
                SELECT FROM items i WHERE i.order_id = o.id AND i.status < 10)
        ORDER BY o.id
        FOR NO KEY UPDATE
    )
    UPDATE orders o SET status = {OrderStatus.COMPLETED.code}, completed_at = :now
    FROM done
    WHERE o.id = done.id AND o.id = ANY(:orders)
        AND o.status = {OrderStatus.IN_PROGRESS.code}
    RETURNING o.id""",
    orders=UUIDS,
    now=INSTANT,
)
