# ruff: noqa: S608 - only enum codes and conditions are put into statements
"""Remind platforms of what they have taken, at 50 % and at 90 % of its time.

The order log names each order when it becomes sendable: read here as endpoints read it,
it says of which orders to remind without anything more being written on accepting.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from unbind_broker.base.coded_enum import codes_of
from unbind_broker.base.database import (
    BIG,
    INSTANT,
    INSTANTS,
    INT,
    SMALLS,
    UUIDS,
    Db,
    fetch_all,
    sql,
)
from unbind_broker.deliveries.reminders import (
    DONE,
    HALF,
    NEARLY_OVER,
    SHARES,
    STARTS_AT,
    Occasion,
    announce_reminders,
    due_of,
)
from unbind_broker.orders.braking import STOPPED_UNSEEN
from unbind_broker.orders.states import OPEN, OrderKind, OrderStatus

LOOK_AGAIN = timedelta(minutes=1)
"""After so long an order is looked at again that was held when it was due."""


class Step(NamedTuple):
    """What is done about an order that is due: ``mark`` None forgets it."""

    occasion: Occasion | None = None
    mark: int | None = None
    due_at: datetime | None = None


class Standing(NamedTuple):
    """Where an order stands; ``starts_at`` is when its platforms could first work."""

    mark: int
    starts_at: datetime
    deadline: datetime
    held: bool

    def at(self, mark: int) -> datetime:
        """Give the instant of a mark: the deadline may have moved since the last."""
        return self.starts_at + (self.deadline - self.starts_at) * SHARES[mark]


def decide(now: datetime, order: Standing) -> Step:
    """Say what is due of an open order now: the latest mark only, each one once."""
    if now >= order.deadline:
        return Step()
    if now < order.at(order.mark):
        return Step(mark=order.mark, due_at=order.at(order.mark))
    if order.held:
        return Step(mark=order.mark, due_at=min(now + LOOK_AGAIN, order.deadline))
    if now >= order.at(NEARLY_OVER):
        return Step(Occasion.NEARLY_OVER, DONE, order.deadline)
    return Step(Occasion.HALF, NEARLY_OVER, order.at(NEARLY_OVER))


async def remind(db: Db, now: datetime, limit: int) -> int:
    """Look at up to ``limit`` orders that are due, and return how many there were."""
    rows = await fetch_all(db, _DUE, {"now": now, "limit": limit})
    steps: dict[UUID, Step] = {
        row.order_id: decide(now, Standing(*row[2:])) if row.is_open else Step()
        for row in rows
    }
    occasions = {one: step.occasion for one, step in steps.items() if step.occasion}
    await announce_reminders(db, now, occasions)
    await _write(db, steps)
    return len(rows)


async def enrol(db: Db, limit: int) -> int:
    """Take up to ``limit`` orders more under the clock; return how many were read.

    The first time these are all that are open, afterwards those that the log names:
    the last transaction whole, however much it wrote, so that each is read once.
    Nothing is read that a transaction under way might still come before.
    """
    read_to = (await db.execute(_READ_TO)).scalar_one_or_none()
    if read_to is None:
        found = (await db.execute(_ENROL_OPEN, {"limit": limit})).one()
        if found.orders < limit:
            await db.execute(_NOTE, {"to": found.horizon})
    else:
        values = {"from": read_to, "limit": limit}
        found = (await db.execute(_ENROL, values)).one()
        # Where nothing was found nothing is noted: each note is a transaction, which
        # would move the horizon and so call for the next note, for ever.
        if found.orders:
            to = found.horizon if found.orders < limit else found.last + 1
            await db.execute(_NOTE, {"to": to})
    orders: int = found.orders
    return orders


async def _write(db: Db, steps: Mapping[UUID, Step]) -> None:
    over = [one for one, step in steps.items() if step.mark is None]
    if over:
        await db.execute(_FORGET, {"orders": over})
    due = [(one, step) for one, step in steps.items() if step.mark is not None]
    if due:
        values = {
            "orders": [one for one, _ in due],
            "marks": [step.mark for _, step in due],
            "dues": [step.due_at for _, step in due],
        }
        await db.execute(_NEXT, values)


_OPEN = f"o.status IN ({codes_of(OPEN)})"
_HORIZON = "(pg_snapshot_xmin(pg_current_snapshot())::text)::bigint"
_DUE = sql(
    f"""
    SELECT r.order_id, coalesce(o.is_open, false) AS is_open,
        r.mark, o.starts_at, o.deadline, o.held
    FROM order_reminders r
    LEFT JOIN LATERAL (
        SELECT {_OPEN} AS is_open, {STARTS_AT} AS starts_at, o.deadline,
            o.status = {OrderStatus.HELD.code} OR {STOPPED_UNSEEN} AS held
        FROM orders o WHERE o.id = r.order_id LIMIT 1
    ) o ON true
    WHERE r.due_at <= :now
    ORDER BY r.due_at
    LIMIT :limit""",
    now=INSTANT,
    limit=INT,
)
_FORGET = sql("DELETE FROM order_reminders WHERE order_id = ANY(:orders)", orders=UUIDS)
_NEXT = sql(
    """
    UPDATE order_reminders r SET mark = n.mark, due_at = n.due_at
    FROM unnest(:orders, :marks, :dues) AS n (order_id, mark, due_at)
    WHERE r.order_id = n.order_id""",
    orders=UUIDS,
    marks=SMALLS,
    dues=INSTANTS,
)
_MARK = "SELECT last FROM upkeep_marks WHERE name = 'reminders'"
_READ_TO = sql(_MARK)
ANY_REMINDERS = f"""
    SELECT FROM order_reminders WHERE due_at <= :now
    UNION ALL SELECT FROM order_log WHERE xid >= ({_MARK})
    UNION ALL SELECT WHERE NOT EXISTS ({_MARK})
"""
"""Asks whether ``enrol`` or ``remind`` might find anything, ``:now``."""

_NOTE = sql(
    """
    INSERT INTO upkeep_marks (name, looked_at, last, total)
    VALUES ('reminders', 0, :to, 0)
    ON CONFLICT (name) DO UPDATE SET last = excluded.last""",
    to=BIG,
)
_INSERT = f"""
    INSERT INTO order_reminders (order_id, due_at, mark)
    SELECT o.id, {due_of(SHARES[HALF])}, {HALF}"""
_ENROL_OPEN = sql(
    f"""
    WITH enrolled AS (
        {_INSERT} FROM orders o
        WHERE {_OPEN} AND o.kind <> {OrderKind.QUERY.code}
            AND NOT EXISTS (SELECT FROM order_reminders r WHERE r.order_id = o.id)
        ORDER BY o.deadline
        LIMIT :limit
        ON CONFLICT (order_id) DO NOTHING
        RETURNING order_id
    )
    SELECT count(*) AS orders, {_HORIZON} AS horizon FROM enrolled""",
    limit=INT,
)
_ENROL = sql(
    f"""
    WITH named AS (
        SELECT xid, order_id FROM order_log
        WHERE xid >= :from AND xid < {_HORIZON}
        ORDER BY xid
        FETCH FIRST (:limit) ROWS WITH TIES
    ), enrolled AS (
        {_INSERT} FROM named n
        CROSS JOIN LATERAL (
            SELECT * FROM orders WHERE id = n.order_id OFFSET 0
        ) o
        WHERE {_OPEN} AND o.kind <> {OrderKind.QUERY.code}
        ON CONFLICT (order_id) DO NOTHING
    )
    SELECT count(*) AS orders, max(xid) AS last, {_HORIZON} AS horizon FROM named""",
    limit=INT,
    **{"from": BIG},
)
