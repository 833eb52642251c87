# ruff: noqa: S608 - only enum codes are put into statements
"""Hold unbind orders under way while the brake is on, and let them go after it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Boolean, func, select

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.coded_enum import codes_of
from unbind_broker.base.database import INSTANT, INT, INTS, Db, sql
from unbind_broker.carriers.brakes import Stopped
from unbind_broker.carriers.tables import carriers
from unbind_broker.orders.sendable import LOG_SENDABLE
from unbind_broker.orders.states import OPEN, HoldReason, OrderKind, OrderStatus
from unbind_broker.orders.tables import orders

_HELD = OrderStatus.HELD.code
_IN_PROGRESS = OrderStatus.IN_PROGRESS.code
_BRAKED = HoldReason.BRAKED.code
_UNBIND = OrderKind.UNBIND.code
_OPEN = codes_of(OPEN)

MOST_COUNTED = 20_000
"""Among so many open orders those are counted that a brake would hold."""
STOPPED_UNSEEN = f"""(
    o.told_at IS NOT NULL AND o.kind = {_UNBIND} AND EXISTS (
        SELECT FROM brakes b
        WHERE b.released_at IS NULL
            AND coalesce(b.carrier_id, o.carrier_id) = o.carrier_id)
)"""
"""A condition for orders ``o``: they are not held by the brake, because their carriers
were told their end and would see the hold; but nothing of them may go out."""


async def hold_braked(
    db: Db, now: datetime, stopped: Stopped, limit: int
) -> list[UUID]:
    """Hold up to ``limit`` orders in progress whose carrier is braked; return them.

    An order that its carrier believes complete is left alone: all of it has been taken
    once. Where a folded item of it goes out again, ``STOPPED_UNSEEN`` keeps that back.
    Rows that somebody works on are left for the next time.
    """
    values = {**_values(stopped, limit), "now": now}
    held = sorted((await db.execute(_HOLD, values)).scalars())
    await record(db, now, *_facts("order.held", held))
    return held


async def release_braked(
    db: Db, now: datetime, stopped: Stopped, limit: int
) -> list[UUID]:
    """Let up to ``limit`` orders go that no brake holds any more; return them.

    ``held_for`` stays, as it does after every hold.
    """
    released = sorted((await db.execute(_RELEASE, _values(stopped, limit))).scalars())
    await record(db, now, *_facts("order.released", released))
    return released


async def count_braked(db: Db) -> dict[str, int]:
    """Count the orders that the brake holds, by their carriers' slugs."""
    rows = await db.execute(
        select(carriers.c.slug, func.count().label("held"))
        .select_from(orders.join(carriers, carriers.c.id == orders.c.carrier_id))
        .where(
            orders.c.status == OrderStatus.HELD,
            orders.c.held_for == HoldReason.BRAKED,
        )
        .group_by(carriers.c.slug)
    )
    return {row.slug: row.held for row in rows}


async def count_holdable(db: Db, now: datetime, stopped: Stopped) -> int:
    """Count what ``hold_braked`` would hold by and by.

    Only the ``MOST_COUNTED`` open orders that are due first are looked at.
    """
    values = {**_values(stopped, MOST_COUNTED), "now": now}
    counted: int = (await db.execute(_HOLDABLE, values)).scalar_one()
    return counted


def _values(stopped: Stopped, limit: int) -> dict[str, object]:
    return {
        "everybody": stopped.everybody,
        "carriers": list(stopped.carriers),
        "limit": limit,
    }


def _facts(action: str, order_ids: Sequence[UUID]) -> list[Fact]:
    facts = {"held_for": HoldReason.BRAKED.value}
    return [Fact("broker", action, order_id=one, facts=facts) for one in order_ids]


_ARE_BRAKED = f"""
    FROM orders o
    WHERE o.status = {_HELD} AND o.held_for = {_BRAKED} AND o.held_until IS NULL
"""
ANY_BRAKED = f"SELECT {_ARE_BRAKED}"
"""Asks whether the brake holds any order."""

_STOPPED = "(:everybody OR o.carrier_id = ANY(:carriers))"
_HOLD = sql(
    f"""
    WITH due AS (
        SELECT o.id FROM orders o
        WHERE o.status = {_IN_PROGRESS} AND o.kind = {_UNBIND} AND o.deadline > :now
            AND o.told_at IS NULL AND {_STOPPED}
        ORDER BY o.deadline
        LIMIT :limit
        FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE orders o
    SET status = {_HELD}, held_for = {_BRAKED}, held_until = NULL
    FROM due WHERE o.id = due.id
    RETURNING o.id""",
    everybody=Boolean(),
    carriers=INTS,
    now=INSTANT,
    limit=INT,
)
# The partial index of open orders is found by its own condition alone.
_HOLDABLE = sql(
    f"""
    SELECT count(*) FROM (
        SELECT o.carrier_id, o.status, o.kind, o.told_at FROM orders o
        WHERE o.status IN ({_OPEN}) AND o.deadline > :now
        ORDER BY o.deadline
        LIMIT :limit
    ) o
    WHERE o.status = {_IN_PROGRESS} AND o.kind = {_UNBIND} AND o.told_at IS NULL
        AND {_STOPPED}""",
    everybody=Boolean(),
    carriers=INTS,
    now=INSTANT,
    limit=INT,
)
_RELEASE = sql(
    f"""
    WITH due AS (
        SELECT o.id {_ARE_BRAKED}
            AND NOT {_STOPPED}
        ORDER BY o.deadline
        LIMIT :limit
        FOR NO KEY UPDATE SKIP LOCKED
    ), sendable AS (
        UPDATE orders o SET status = {_IN_PROGRESS}
        FROM due WHERE o.id = due.id
        RETURNING o.id
    )
    {LOG_SENDABLE}""",
    everybody=Boolean(),
    carriers=INTS,
    limit=INT,
)
