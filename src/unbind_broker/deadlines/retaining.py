"""Let go of what is older than it may be kept: first of people, then of whole months.

Numbers, consents, attestations, references, platforms' words and the bodies of signed
reports are destroyed; months in which nothing is open are dropped as partitions. The
audit trail, which holds the blind index only, is never touched.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import INSTANT, INT, Db, fetch_all, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import uuid7_floor
from unbind_broker.orders.destroying import destroy, find_finished


@dataclass(frozen=True)
class RetainPosition:
    """How far a walk over old orders has come."""

    order_id: UUID = field(default=UUID(int=0))


@dataclass(frozen=True)
class Retained:
    """One step: what it destroyed, and where the next goes on; None: at the end."""

    orders: int
    reports: int
    position: RetainPosition | None


async def destroy_old(
    db: Db, now: datetime, before: datetime, position: RetainPosition | None, limit: int
) -> Retained:
    """Destroy what orders made ``before`` hold of people, and old reports' bodies.

    Looks at ``limit`` orders and as many reports. An order that is still open is left
    until the next walk.
    """
    behind = (position or RetainPosition()).order_id
    finished, following = await find_finished(db, before, behind, limit)
    orders = await destroy(db, now, finished)
    values = {"before": before, "limit": limit}
    reports = (await db.execute(_DESTROY_REPORTS, values)).rowcount
    if orders or reports:
        facts = {
            "orders": orders,
            "reports": reports,
            "made_before": before.isoformat(),
        }
        await record(db, now, Fact("broker", "retention.destroyed", facts=facts))
    more = following is not None or reports >= limit
    reached = RetainPosition(following or behind) if more else None
    return Retained(orders, reports, reached)


async def drop_old_months(db: Db, now: datetime, before: datetime) -> list[str]:
    """Drop partitions of months that ended ``before``, and return their names.

    A month of orders stays while one of them is open or holds a number. Waits at most
    two seconds for whoever reads there, then fails, to be tried again.
    """
    await db.execute(_PATIENCE)
    dropped = []
    for name, parent in await _partitions(db):
        month = _month_of(name)
        if month is None or _next(month) > before:
            continue
        if parent in {"orders", "items"} and await _is_needed(db, month):
            continue
        await db.execute(sql(f'DROP TABLE "{name}"'))
        dropped.append(name)
    if dropped:
        end = {"end": uuid7_floor(before.replace(day=1, hour=0, minute=0, second=0))}
        for leftover in _LEFTOVERS:
            await db.execute(leftover, end)
        facts = {"partitions": list(dropped)}
        await record(db, now, Fact("broker", "retention.dropped", facts=facts))
    return dropped


async def _partitions(db: Db) -> list[tuple[str, str]]:
    """Name partitions and their parents: items go before their orders."""
    rows = await fetch_all(db, _PARTITIONS, {})
    return [(row.name, row.parent) for row in rows]


async def _is_needed(db: Db, month: datetime) -> bool:
    values = {"first": uuid7_floor(month), "end": uuid7_floor(_next(month))}
    return bool((await db.execute(_IS_NEEDED, values)).scalar_one())


def _month_of(name: str) -> datetime | None:
    *_, year, month = name.rsplit("_", 2)
    if not (year.isdigit() and month.isdigit()):
        return None
    return datetime(int(year), int(month), 1, tzinfo=UTC)


def _next(month: datetime) -> datetime:
    later = month.year * 12 + month.month
    return month.replace(year=later // 12, month=later % 12 + 1)


# Platforms choose the ids of their reports, and some put the number into them.
_NUMBER = r"(^|\D)((00)?86)?\D?1[3-9]\d\D?\d{4}\D?\d{4}(\D|$)"
_DESTROY_REPORTS = sql(
    f"""
    UPDATE evidence SET body = NULL, answer = NULL,
        webhook_id = CASE WHEN webhook_id ~ '{_NUMBER}' THEN 'destroyed-' || id
            ELSE webhook_id END
    WHERE (platform_id, webhook_id) IN (
        SELECT platform_id, webhook_id FROM evidence
        WHERE received_at < :before AND body IS NOT NULL
        ORDER BY received_at
        LIMIT :limit
        FOR UPDATE SKIP LOCKED
    )""",  # noqa: S608 - no input
    before=INSTANT,
    limit=INT,
)
_PATIENCE = sql("SELECT set_config('lock_timeout', '2s', true)")
_PARTITIONS = sql(
    """
    SELECT child.relname AS name, parent.relname AS parent
    FROM pg_inherits
    JOIN pg_class child ON child.oid = inhrelid
    JOIN pg_class parent ON parent.oid = inhparent
    WHERE parent.relname IN ('items', 'orders', 'attempts', 'notices')
        AND child.relkind = 'r' AND parent.relnamespace = current_schema()::regnamespace
    ORDER BY array_position(ARRAY['items', 'orders'], parent.relname::text),
        child.relname"""
)
_IS_NEEDED = sql(
    """
    SELECT EXISTS (
        SELECT FROM orders
        WHERE id >= :first AND id < :end AND destroyed_at IS NULL
    )""",
    first=UUID_TYPE,
    end=UUID_TYPE,
)
_LEFTOVERS = [
    sql(
        f"""
        DELETE FROM {table} l WHERE l.order_id < :end
            AND NOT EXISTS (SELECT FROM orders o WHERE o.id = l.order_id)""",  # noqa: S608 - names of tables
        end=UUID_TYPE,
    )
    for table in ("receipts", "disputes", "undelivered")
]
