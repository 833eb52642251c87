# ruff: noqa: S608 - only enum codes are put into statements
"""End what was not answered in time."""

from collections import Counter, defaultdict
from datetime import datetime
from uuid import UUID

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.coded_enum import codes_of
from unbind_broker.base.database import INSTANT, INT, UUIDS, Db, sql
from unbind_broker.deadlines.overdue import tell_overdue
from unbind_broker.deliveries.joining import promote
from unbind_broker.deliveries.outcomes import Cause
from unbind_broker.deliveries.queue import stop_sending
from unbind_broker.deliveries.undelivered import note
from unbind_broker.items.expiring import expire
from unbind_broker.items.states import ItemStatus
from unbind_broker.notices.changes import note_changed
from unbind_broker.orders.states import OPEN, OrderStatus


async def expire_overdue(db: Db, now: datetime, limit: int) -> set[UUID]:
    """End the open items of up to ``limit`` open orders whose deadline has passed.

    Returns those orders, to be settled once this has committed: whoever calls again
    gets them again until they are. An order that is still held leaves its hold, because
    nothing is left to send.
    """
    values = {"now": now, "limit": limit}
    orders = list((await db.execute(_OVERDUE, values)).scalars())
    if not orders:
        return set()
    await db.execute(_END_HOLD, {"orders": orders})
    ended = await expire(db, now, orders)
    untaken = [one.key for one in ended if one.status is ItemStatus.UNDELIVERABLE]
    await note(db, now, untaken, Cause.OVERDUE)
    await stop_sending(db, [one.key for one in ended])
    freed = await promote(db, now, [one.key for one in ended if one.followed])
    await note_changed(db, now, freed.changed)
    await tell_overdue(db, now, [one.key for one in ended])
    outcomes: defaultdict[UUID, Counter[str]] = defaultdict(Counter)
    for one in ended:
        outcomes[one.key.order_id][one.status.value] += 1
    await record(
        db,
        now,
        *(
            Fact("broker", "order.expired", order_id=order_id, facts=dict(counts))
            for order_id, counts in outcomes.items()
        ),
    )
    return set(orders)


_ARE_OVERDUE = f"""
    FROM orders
    WHERE status IN ({codes_of(OPEN)})
        AND deadline <= :now
"""
ANY_OVERDUE = f"SELECT {_ARE_OVERDUE}"
"""Asks whether ``expire_overdue`` would find anything, ``:now``."""

_OVERDUE = sql(
    f"""
    SELECT id {_ARE_OVERDUE}
    ORDER BY deadline
    LIMIT :limit
    FOR NO KEY UPDATE SKIP LOCKED""",
    now=INSTANT,
    limit=INT,
)
_END_HOLD = sql(
    f"""
    UPDATE orders SET status = {OrderStatus.IN_PROGRESS.code}
    WHERE id = ANY(:orders) AND status = {OrderStatus.HELD.code}""",
    orders=UUIDS,
)
