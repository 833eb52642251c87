# ruff: noqa: S608 - only enum codes are put into statements
"""Keep the tables in shape: months ahead, and nothing that nobody reads any more."""

from datetime import datetime, timedelta

from unbind_broker.base.coded_enum import codes_of
from unbind_broker.base.database import INSTANT, INT, Db, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import uuid7_floor
from unbind_broker.endpoints.events import NOTICES, EventType
from unbind_broker.orders.states import OPEN
from unbind_broker.platforms.tables import World

MONTHS_AHEAD = 3
LOG_KEPT = timedelta(hours=1)
"""How long log rows of closed orders are kept for readers under way."""

_OPEN_CODES = codes_of(OPEN)


async def make_partitions(db: Db, now: datetime) -> int:
    """Make the partitions of this month and the next three; count the new ones."""
    made: int = (
        await db.execute(_MAKE_PARTITIONS, {"now": now, "months": MONTHS_AHEAD})
    ).scalar_one()
    return made


async def prune_log(db: Db, now: datetime, limit: int) -> int:
    """Delete up to ``limit`` log rows of each kind that no sender needs; count them.

    Those are the ones behind the cursor of every endpoint that items are made for, as
    far as ``deadlines.reminding`` has read them too, and those of orders that are
    closed and older than an hour, whatever a cursor says. Made-up platforms never read
    the log.
    """
    behind = await db.execute(_PRUNE_BEHIND, {"limit": limit})
    closed = await db.execute(
        _PRUNE_CLOSED, {"before": uuid7_floor(now - LOG_KEPT), "limit": limit}
    )
    return behind.rowcount + closed.rowcount


async def prune_idempotency(
    db: Db, now: datetime, kept_for: timedelta, limit: int
) -> int:
    """Forget up to ``limit`` stored answers older than ``kept_for``; count them."""
    pruned = await db.execute(
        _PRUNE_IDEMPOTENCY, {"before": now - kept_for, "limit": limit}
    )
    return pruned.rowcount


async def prune_attestations(db: Db, now: datetime, limit: int) -> int:
    """Forget up to ``limit`` used attestations that have expired; count them."""
    return (
        await db.execute(_PRUNE_ATTESTATIONS, {"now": now, "limit": limit})
    ).rowcount


async def prune_abandoned(
    db: Db, now: datetime, kept_for: timedelta, limit: int
) -> int:
    """Delete up to ``limit`` rows of ``deliveries`` that nobody will ever send.

    Endpoints that are parked are never read: what was due there ``kept_for`` ago stays
    only while it would still be sent. That is a request whose order is open, or a
    cancellation until its order's deadline, and a wave of a clearance until its own;
    notices stand in their carrier's feed.
    """
    values = {"now": now, "before": now - kept_for, "limit": limit}
    return (await db.execute(_PRUNE_ABANDONED, values)).rowcount


_MAKE_PARTITIONS = sql("SELECT ensure_months(:now, :months)", now=INSTANT, months=INT)
_PRUNE_BEHIND = sql(
    f"""
    DELETE FROM order_log WHERE (xid, order_id) IN (
        SELECT xid, order_id FROM order_log
        WHERE xid < (
            SELECT min(l.cursor_xid)
            FROM endpoint_leases l
            JOIN endpoints e ON e.id = l.endpoint_id
            JOIN platforms p ON p.id = e.platform_id
            WHERE e.verified_at IS NOT NULL AND p.world <> {World.REHEARSED.code}
        ) AND xid < ALL (
            SELECT last FROM upkeep_marks WHERE name = 'reminders'
        )
        ORDER BY xid, order_id
        LIMIT :limit
    )""",
    limit=INT,
)
_PRUNE_CLOSED = sql(
    f"""
    DELETE FROM order_log WHERE (xid, order_id) IN (
        SELECT l.xid, l.order_id
        FROM order_log l
        JOIN orders o ON o.id = l.order_id
        WHERE l.order_id < :before
            AND o.status NOT IN ({_OPEN_CODES})
        LIMIT :limit
    )""",
    before=UUID_TYPE,
    limit=INT,
)
_PRUNE_IDEMPOTENCY = sql(
    """
    DELETE FROM idempotency WHERE (carrier_id, key) IN (
        SELECT carrier_id, key FROM idempotency
        WHERE created_at < :before
        ORDER BY created_at
        LIMIT :limit
    )""",
    before=INSTANT,
    limit=INT,
)
_PRUNE_ATTESTATIONS = sql(
    """
    DELETE FROM attestations_used WHERE (carrier_id, jti) IN (
        SELECT carrier_id, jti FROM attestations_used
        WHERE expires_at < :now
        ORDER BY expires_at
        LIMIT :limit
    )""",
    now=INSTANT,
    limit=INT,
)
_NOTICES = codes_of(NOTICES)
_STILL_WANTED = f"""CASE r.event
    WHEN {EventType.CLEARANCE_PUBLISHED.code} THEN EXISTS (
        SELECT FROM clearance_waves w JOIN clearances c ON c.id = w.clearance_id
        WHERE w.notice_id = r.order_id AND c.deadline > :now
    )
    WHEN {EventType.UNBIND_CANCELLED.code} THEN o.deadline > :now
    ELSE o.status IN ({_OPEN_CODES}) END"""
_PRUNE_ABANDONED = sql(
    f"""
    DELETE FROM deliveries WHERE id IN (
        SELECT old.id
        FROM endpoints e
        CROSS JOIN LATERAL (
            SELECT r.id FROM deliveries r
            LEFT JOIN LATERAL (
                SELECT status, deadline FROM orders
                WHERE id = r.order_id AND r.event NOT IN ({_NOTICES})
                LIMIT 1
            ) o ON true
            WHERE r.endpoint_id = e.id AND r.due_at < :before
                AND NOT coalesce({_STILL_WANTED}, false)
            ORDER BY r.due_at, r.id
            LIMIT :limit
        ) old
        LIMIT :limit
    )""",
    now=INSTANT,
    before=INSTANT,
    limit=INT,
)
