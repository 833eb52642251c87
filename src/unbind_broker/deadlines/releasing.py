# ruff: noqa: S608 - only enum codes are put into statements
"""Let held orders go when their window has passed."""

from datetime import datetime
from uuid import UUID

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import INSTANT, INT, Db, sql
from unbind_broker.orders.sendable import LOG_SENDABLE
from unbind_broker.orders.states import OrderKind, OrderStatus


async def release_held(db: Db, now: datetime, limit: int) -> set[UUID]:
    """Release up to ``limit`` orders, so that their items go out, and return them.

    Unbind orders of braked carriers stay where they are until the brake is released.
    """
    rows = await db.execute(_RELEASE, {"now": now, "limit": limit})
    released = set(rows.scalars())
    await record(
        db,
        now,
        *(
            Fact("broker", "order.released", order_id=order_id)
            for order_id in sorted(released)
        ),
    )
    return released


_ARE_OVER = f"""
    FROM orders o
    WHERE o.status = {OrderStatus.HELD.code} AND o.held_until <= :now
"""
ANY_HOLD_OVER = f"SELECT {_ARE_OVER}"
"""Asks whether ``release_held`` might find anything: braked orders count too."""

_RELEASE = sql(
    f"""
    WITH due AS (
        SELECT o.id {_ARE_OVER}
            AND NOT (o.kind = {OrderKind.UNBIND.code} AND EXISTS (
                SELECT FROM brakes b
                WHERE b.released_at IS NULL
                    AND coalesce(b.carrier_id, o.carrier_id) = o.carrier_id))
        ORDER BY o.held_until
        LIMIT :limit
        FOR NO KEY UPDATE SKIP LOCKED
    ), sendable AS (
        UPDATE orders o SET status = {OrderStatus.IN_PROGRESS.code}
        FROM due WHERE o.id = due.id
        RETURNING o.id
    )
    {LOG_SENDABLE}""",
    now=INSTANT,
    limit=INT,
)
