# ruff: noqa: S608 - only conditions are put into statements
"""Tell carriers how their orders get on: gathered, one order at most once in a while.

Whoever changes items notes it (``notices.changes``). What was noted is taken in here,
and an order that was not waiting waits for a whole interval before it is told of, as it
stands then. So most orders, which are over within one, cost no news at all. Nothing but
what a carrier sees is noted, so neither that there is news nor when tells more than the
resource itself.
"""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from unbind_broker.base.database import INSTANT, INT, Db, fetch_all, sql
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.outlines import OutlinedOrder, read_outlines
from unbind_broker.notices.telling import News, tell_all


async def take_in(db: Db, now: datetime, interval: timedelta, limit: int) -> int:
    """Take in up to ``limit`` notes of what changed; return how many there were."""
    values = {"due": now + interval, "limit": limit}
    taken: int = (await db.execute(_TAKE_IN, values)).scalar_one()
    return taken


async def tell_gathered(db: Db, now: datetime, limit: int) -> int:
    """Tell of up to ``limit`` orders that have waited; return how many had.

    What changed before an order was told to be over is no news any more; a result that
    came in late is.
    """
    due = [
        _Due(*row) for row in await fetch_all(db, _DUE, {"now": now, "limit": limit})
    ]
    open_then = {one.order_id for one in due if one.told_at is None}
    found = await read_outlines(db, [one.order_id for one in due if one.is_news])
    # One that has ended since the first statement was told by whoever ended it.
    news = [one for one in found if not (_is_over(one) and one.id in open_then)]
    event = EventType.ORDER_UPDATED
    told = [News(one.carrier_id, event, one.id, dict(one.outline)) for one in news]
    await tell_all(db, now, told)
    return len(due)


class _Due(NamedTuple):
    order_id: UUID
    changed_at: datetime
    told_at: datetime | None

    @property
    def is_news(self) -> bool:
        return self.told_at is None or self.told_at < self.changed_at


def _is_over(order: OutlinedOrder) -> bool:
    return order.outline["completed_at"] is not None


# Orders are looked up one by one (LATERAL with OFFSET): Postgres must not decide to
# read all of them because it expects many.
_TAKE_IN = sql(
    """
    WITH taken AS (
        DELETE FROM order_changes WHERE id = ANY (ARRAY(
            SELECT id FROM order_changes ORDER BY id LIMIT :limit))
        RETURNING at, order_ids
    ), changed AS (
        SELECT n.order_id, max(t.at) AS at
        FROM taken t, unnest(t.order_ids) AS n (order_id)
        GROUP BY n.order_id
    ), waiting AS (
        INSERT INTO order_updates (order_id, due_at, changed_at)
        SELECT c.order_id, :due, c.at
        FROM changed c
        CROSS JOIN LATERAL (
            SELECT FROM orders WHERE id = c.order_id AND NOT hidden OFFSET 0
        ) o
        ORDER BY c.order_id
        ON CONFLICT (order_id) DO UPDATE
            SET changed_at = greatest(order_updates.changed_at, excluded.changed_at)
    )
    SELECT count(*) FROM taken""",
    due=INSTANT,
    limit=INT,
)
_ARE_DUE = "FROM order_updates WHERE due_at <= :now"
# LIMIT tells Postgres 15, too, that the first row is enough.
ANY_NEWS = f"(SELECT FROM order_changes LIMIT 1) UNION ALL (SELECT {_ARE_DUE} LIMIT 1)"
"""Asks whether anything was noted, or has waited long enough to be told."""

_DUE = sql(
    f"""
    WITH due AS (
        DELETE FROM order_updates WHERE order_id = ANY (ARRAY(
            SELECT order_id {_ARE_DUE}
            ORDER BY due_at LIMIT :limit))
        RETURNING order_id, changed_at
    )
    SELECT d.order_id, d.changed_at, o.told_at
    FROM due d
    CROSS JOIN LATERAL (
        SELECT told_at FROM orders WHERE id = d.order_id OFFSET 0
    ) o""",
    now=INSTANT,
    limit=INT,
)
