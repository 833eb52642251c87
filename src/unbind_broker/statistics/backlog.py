# ruff: noqa: S608 - only enum codes and conditions are put into statements
"""What is open, what is due, and since when something waits that should have gone.

Nothing here reads more than a bounded number of orders, however many are open; whoever
asks is told how many were looked at.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from unbind_broker.base.coded_enum import codes_of
from unbind_broker.base.database import INSTANT, INT, Db, fetch_all, sql
from unbind_broker.deliveries.reminders import STARTS_AT
from unbind_broker.endpoints.posted_to import POSTED_TO
from unbind_broker.endpoints.states import EndpointStatus
from unbind_broker.items.states import FIRST_FINAL_CODE, ItemStatus
from unbind_broker.orders.states import OPEN, HoldReason, OrderKind, OrderStatus
from unbind_broker.platforms.tables import PlatformStatus, World
from unbind_broker.statistics.flow import REAL

MOST_ORDERS = 20_000
"""So many open orders are counted, held ones and others."""
MOST_LOOKED_INTO = 500
"""Of so many orders, those due first, the items are counted."""
MOST_READ = 64
"""So many rows of the log are read for an endpoint, to find one that waits."""
SOON, LATER = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class OpenOrders:
    """Orders that are open, each count up to ``MOST_ORDERS``."""

    in_progress: int
    held: Mapping[HoldReason, int]


@dataclass(frozen=True)
class OpenItems:
    """Items that are open, by status, and when they are due.

    They are those of the ``among`` orders that are due first; None: of all that are
    in progress. Items that follow others are left out. ``overdue`` ones are about to be
    ended; within a day fall those within an hour, too. ``pressing`` are those within an
    hour that are of no query: a query is always due soon.
    """

    by_status: Mapping[ItemStatus, int]
    overdue: int
    within_hour: int
    pressing: int
    within_day: int
    among: int | None

    @property
    def total(self) -> int:
        """Count all."""
        return sum(self.by_status.values())


@dataclass(frozen=True)
class Unsent:
    """What has waited longest though it could be sent, at an active endpoint."""

    platform: str
    name_zh: str
    name_en: str
    since: datetime


async def read_open_orders(db: Db) -> OpenOrders:
    """Count the real orders that are open."""
    (row,) = await fetch_all(db, _IN_PROGRESS, {"most": MOST_ORDERS})
    held = await fetch_all(db, _HELD, {"most": MOST_ORDERS})
    counted = {one.held_for: one.n for one in held}
    by_reason = {reason: counted.get(reason.code, 0) for reason in HoldReason}
    return OpenOrders(row.n, by_reason)


async def read_open_items(
    db: Db, now: datetime, most: int = MOST_LOOKED_INTO
) -> OpenItems:
    """Count the items of real orders in progress."""
    values = {"now": now, "soon": now + SOON, "later": now + LATER, "most": most}
    (row,) = await fetch_all(db, _ITEMS, values)
    return OpenItems(
        by_status={
            ItemStatus.QUEUED: row.queued,
            ItemStatus.ACKNOWLEDGED: row.acknowledged,
            ItemStatus.IN_PROGRESS: row.in_progress,
            ItemStatus.ACTION_REQUIRED: row.action_required,
        },
        overdue=row.overdue,
        within_hour=row.within_hour,
        pressing=row.pressing,
        within_day=row.within_day,
        among=row.looked_at if row.looked_at == most else None,
    )


async def read_oldest_unsent(db: Db, now: datetime) -> Unsent | None:
    """Find what waits for longest, be it a first send or a retry that is due.

    Platforms that are parked, or fetch, are left out: what waits there waits rightly.
    """
    found = await read_unsent_of_each(db, now, 1)
    return found[0] if found else None


async def read_unsent_of_each(db: Db, now: datetime, most: int) -> list[Unsent]:
    """Find for each platform what waits for longest, the oldest first.

    Those where nothing waits are missing.
    """
    values = {"now": now, "read": MOST_READ, "most": most}
    return [Unsent(*row) for row in await fetch_all(db, _UNSENT, values)]


_OPEN = codes_of(OPEN)
# The partial index of open orders is found by its own condition alone.
_IN_PROGRESS = sql(
    f"""
    SELECT count(*) AS n FROM (
        SELECT FROM orders
        WHERE status IN ({_OPEN}) AND status = {OrderStatus.IN_PROGRESS.code} AND {REAL}
        ORDER BY deadline
        LIMIT :most
    ) o""",
    most=INT,
)
_HELD = sql(
    f"""
    SELECT held_for, count(*) AS n FROM (
        SELECT held_for FROM orders
        WHERE status = {OrderStatus.HELD.code} AND {REAL}
        ORDER BY held_until
        LIMIT :most
    ) o
    GROUP BY held_for""",
    most=INT,
)


def _count(status: ItemStatus) -> str:
    return f"count(*) FILTER (WHERE status = {status.code}) AS {status.value}"


_ITEMS = sql(
    f"""
    WITH urgent AS MATERIALIZED (
        SELECT id, deadline, kind FROM orders
        WHERE status IN ({_OPEN}) AND status = {OrderStatus.IN_PROGRESS.code} AND {REAL}
        ORDER BY deadline
        LIMIT :most
    )
    SELECT {_count(ItemStatus.QUEUED)}, {_count(ItemStatus.ACKNOWLEDGED)},
        {_count(ItemStatus.IN_PROGRESS)}, {_count(ItemStatus.ACTION_REQUIRED)},
        count(*) FILTER (WHERE u.deadline < :now) AS overdue,
        count(*) FILTER (WHERE u.deadline >= :now AND u.deadline < :soon)
            AS within_hour,
        count(*) FILTER (WHERE u.deadline >= :now AND u.deadline < :soon
            AND u.kind <> {OrderKind.QUERY.code}) AS pressing,
        count(*) FILTER (WHERE u.deadline >= :now AND u.deadline < :later)
            AS within_day,
        (SELECT count(*) FROM urgent) AS looked_at
    FROM urgent u
    CROSS JOIN LATERAL (
        SELECT status FROM items
        WHERE order_id = u.id AND status < {FIRST_FINAL_CODE} AND follows IS NULL
        OFFSET 0
    ) i""",
    now=INSTANT,
    soon=INSTANT,
    later=INSTANT,
    most=INT,
)
_UNSENT = sql(
    f"""
    SELECT p.slug, p.name_zh, p.name_en, least(first_send.since, retry.due_at) AS since
    FROM platforms p
    JOIN endpoints e ON e.platform_id = p.id
    JOIN endpoint_leases l ON l.endpoint_id = e.id
    LEFT JOIN LATERAL (
        SELECT min({STARTS_AT}) AS since
        FROM (
            SELECT order_id FROM order_log
            WHERE (xid, order_id) > (l.cursor_xid, l.cursor_order_id)
            ORDER BY xid, order_id
            LIMIT :read
        ) r
        CROSS JOIN LATERAL (
            SELECT FROM items i
            WHERE i.order_id = r.order_id AND i.platform_id = p.id
                AND i.status = {ItemStatus.QUEUED.code} AND i.attempts = 0
                AND i.follows IS NULL
            LIMIT 1
        ) waiting
        CROSS JOIN LATERAL (
            SELECT created_at, held_until FROM orders
            WHERE id = r.order_id AND status = {OrderStatus.IN_PROGRESS.code}
            OFFSET 0
        ) o
    ) first_send ON true
    LEFT JOIN LATERAL (
        SELECT due_at FROM deliveries
        WHERE endpoint_id = e.id AND due_at <= :now
        ORDER BY due_at
        LIMIT 1
    ) retry ON true
    WHERE p.world = {World.REAL.code} AND p.status = {PlatformStatus.ACTIVE.code}
        AND {POSTED_TO} AND e.status = {EndpointStatus.ACTIVE.code}
        AND least(first_send.since, retry.due_at) IS NOT NULL
    ORDER BY since, p.slug
    LIMIT :most""",
    now=INSTANT,
    read=INT,
    most=INT,
)
