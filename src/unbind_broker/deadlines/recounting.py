# ruff: noqa: S608 - only enum codes are put into statements
"""Count deadlines again once the holidays of their year are published."""

from datetime import datetime

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.coded_enum import codes_of
from unbind_broker.base.database import INSTANTS, UUIDS, Db, fetch_all, sql
from unbind_broker.base.working_days import WorkingTime
from unbind_broker.deliveries.fetching import MovedDeadline, wait_by
from unbind_broker.orders.states import OPEN

MOST_TOGETHER = 500
"""Two lists are named to a statement, and Postgres compares each order of the one with
each of the other."""


async def recount_provisional(db: Db, now: datetime, time: WorkingTime) -> int:
    """Give open orders the deadline that their year's calendar says; count them.

    A deadline that was counted without the holidays moves later or stays, never
    earlier: somebody may have been told of it. An order that is over for its carrier
    keeps its deadline: what still goes on is none of its carrier's business.
    """
    rows = await fetch_all(db, _PROVISIONAL, {})
    counted = {row.id: time.deadline(row.created_at) for row in rows}
    final = {
        order: found.at for order, found in counted.items() if not found.provisional
    }
    if not final:
        return 0
    ids = sorted(final)
    moved = []
    for start in range(0, len(ids), MOST_TOGETHER):
        some = ids[start : start + MOST_TOGETHER]
        values = {"orders": some, "deadlines": [final[one] for one in some]}
        moved += await fetch_all(db, _MOVE, values)
    later = [MovedDeadline(*row) for row in moved if row.deadline > row.earlier]
    await wait_by(db, later)
    await record(
        db,
        now,
        *(
            Fact(
                "broker",
                "order.deadline_counted",
                order_id=row.id,
                facts={"deadline": row.deadline.isoformat()},
            )
            for row in moved
        ),
    )
    return len(moved)


_WAITS = f"status IN ({codes_of(OPEN)}) AND deadline_provisional AND told_at IS NULL"
_PROVISIONAL = sql(
    f"""
    SELECT id, created_at FROM orders
    WHERE {_WAITS}
    ORDER BY deadline
    LIMIT 10000"""
)
# Locked in the order of their ids, as settling does: neither waits in a circle.
_MOVE = sql(
    f"""
    WITH locked AS (
        SELECT id, deadline FROM orders
        WHERE id = ANY(:orders) AND {_WAITS}
        ORDER BY id
        FOR NO KEY UPDATE
    )
    UPDATE orders o
    SET deadline = greatest(o.deadline, n.deadline), deadline_provisional = false
    FROM locked l
    JOIN unnest(:orders, :deadlines) AS n (id, deadline) ON n.id = l.id
    WHERE o.id = l.id AND o.id = ANY(:orders)
    RETURNING o.id, l.deadline AS earlier, o.deadline""",
    orders=UUIDS,
    deadlines=INSTANTS,
)
