# ruff: noqa: S608 - only enum codes are put into statements
"""What waits for a platform that fetches: rows of ``deliveries``, by deadline.

Such a platform has a cursor in the order log as those have that are posted to. What
waits beyond it is taken in first: it gets a row that is due at its deadline. So a page
is found in the rows of what waits, however many orders are open that this platform has
taken already. Whatever is to be sent again has a row in any case.
"""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from unbind_broker.base.database import (
    BIG,
    INSTANT,
    INSTANTS,
    INT,
    UUIDS,
    Db,
    fetch_all,
    sql,
)
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import EndpointId, PlatformId
from unbind_broker.deliveries.queue import REQUEST_EVENTS, REQUEST_OF_ORDER
from unbind_broker.endpoints.states import Delivery
from unbind_broker.items.service import hand_out
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.braking import STOPPED_UNSEEN
from unbind_broker.orders.positions import Position, start_of
from unbind_broker.orders.states import OrderStatus

LOG_ROWS = 5_000
"""How many rows of the log one statement looks at."""
BEGINNING = start_of(0)


class TakenIn(NamedTuple):
    """How many items got a row, and where to go on: None at the end of the log."""

    items: int
    go_on_at: Position | None


class MovedDeadline(NamedTuple):
    """Say that an order has another deadline than it had."""

    order_id: UUID
    earlier: datetime
    deadline: datetime


async def take_in(
    db: Db,
    endpoint: EndpointId,
    platform: PlatformId,
    after: Position = BEGINNING,
    most: int = LOG_ROWS,
) -> TakenIn:
    """Give what waits in the next ``most`` rows of the log a row each.

    They lie beyond the endpoint's cursor, and ``after``: the cursor itself does not
    pass a transaction that still runs, and what lies behind one is read once more.
    Nothing is taken in for an endpoint that is posted to by now. Call it in a
    transaction of its own, which locks no item.
    """
    values = {
        "endpoint": endpoint,
        "platform": platform,
        "xid": after.xid,
        "order": after.order_id,
        "limit": most,
    }
    if not await fetch_all(db, _HOLD, {"endpoint": endpoint}):
        return TakenIn(0, None)
    (row,) = await fetch_all(db, _TAKE_IN, values)
    last = Position(row.last_xid, row.last_order) if row.seen == most else None
    return TakenIn(row.taken, last)


async def fetch(
    db: Db, now: datetime, endpoint: EndpointId, platform: PlatformId, limit: int
) -> list[UUID]:
    """Count an attempt of the most urgent items that wait, and return their orders."""
    values = {"endpoint": endpoint, "platform": platform, "now": now, "limit": limit}
    waiting = list((await db.execute(_WAITING, values)).scalars())
    handed_out = await hand_out(db, platform, waiting)
    return [one for one in waiting if one in handed_out]


async def wait_by(db: Db, moved: Collection[MovedDeadline]) -> None:
    """Let what was taken in wait by its order's new deadline.

    What is asked once more keeps its time. The caller has locked these orders, and
    locks none after it.
    """
    if not moved:
        return
    values = {
        "orders": [one.order_id for one in moved],
        "earlier": [one.earlier for one in moved],
        "deadlines": [one.deadline for one in moved],
    }
    await db.execute(_WAIT_BY, values)


async def push_what_was_fetched(db: Db, now: datetime, endpoint: EndpointId) -> None:
    """Let what waits be sent at once: from now on this platform is posted to."""
    await db.execute(_PUSH, {"endpoint": endpoint, "now": now})


_REQUESTS = ", ".join(str(event.code) for event in sorted(REQUEST_EVENTS))
_WAITS = f"i.status = {ItemStatus.QUEUED.code} AND i.follows IS NULL"
# A statement of its own, so that the next one sees what it has locked as it is by now.
# In one with what follows, a lease that changed meanwhile has Postgres 18.4 look at the
# rest anew, at which its process ends by a segmentation fault, and all others with it.
_HOLD = sql(
    f"""
    SELECT l.endpoint_id FROM endpoint_leases l
    JOIN endpoints e ON e.id = l.endpoint_id
    WHERE l.endpoint_id = :endpoint AND e.delivery = {Delivery.PULL.code}
    FOR NO KEY UPDATE OF l FOR SHARE OF e""",
    endpoint=INT,
)
# Items and orders are looked up row by row (LATERAL with LIMIT): Postgres must not
# decide to read all of them because it expects many.
_TAKE_IN = sql(
    f"""
    WITH mine AS (
        SELECT CASE WHEN behind THEN :xid ELSE cursor_xid END AS xid,
            CASE WHEN behind THEN :order ELSE cursor_order_id END AS order_id
        FROM (
            SELECT cursor_xid, cursor_order_id,
                (cursor_xid, cursor_order_id) < (:xid, :order) AS behind
            FROM endpoint_leases WHERE endpoint_id = :endpoint
        ) l
    ), seen AS MATERIALIZED (
        SELECT l.xid, l.order_id
        FROM mine m
        CROSS JOIN LATERAL (
            SELECT xid, order_id FROM order_log
            WHERE (xid, order_id) > (m.xid, m.order_id)
            ORDER BY xid, order_id
            LIMIT :limit
        ) l
    ), taken AS (
        INSERT INTO deliveries (endpoint_id, due_at, event, order_id, attempt)
        SELECT :endpoint, o.deadline, {REQUEST_OF_ORDER} AS event, o.id, 0
        FROM seen s
        CROSS JOIN LATERAL (
            SELECT FROM items i
            WHERE i.order_id = s.order_id AND i.platform_id = :platform AND {_WAITS}
            LIMIT 1
        ) i
        CROSS JOIN LATERAL (
            SELECT id, kind, deadline FROM orders WHERE id = s.order_id LIMIT 1
        ) o
        ORDER BY event, o.id
        ON CONFLICT ON CONSTRAINT deliveries_subject DO NOTHING
        RETURNING order_id
    ), passed AS (
        SELECT xid, order_id FROM seen
        WHERE xid < (pg_snapshot_xmin(pg_current_snapshot())::text)::bigint
        ORDER BY xid DESC, order_id DESC
        LIMIT 1
    ), moved AS (
        UPDATE endpoint_leases l
        SET cursor_xid = p.xid, cursor_order_id = p.order_id
        FROM passed p
        WHERE l.endpoint_id = :endpoint
            AND (l.cursor_xid, l.cursor_order_id) < (p.xid, p.order_id)
    )
    SELECT (SELECT count(*) FROM taken) AS taken, count(*) AS seen,
        max(xid) AS last_xid,
        (array_agg(order_id ORDER BY xid DESC, order_id DESC))[1] AS last_order
    FROM seen""",
    endpoint=INT,
    platform=INT,
    xid=BIG,
    order=UUID_TYPE,
    limit=INT,
)
_WAITING = sql(
    f"""
    SELECT d.order_id
    FROM deliveries d
    CROSS JOIN LATERAL (
        SELECT FROM items i
        WHERE i.order_id = d.order_id AND i.platform_id = :platform AND {_WAITS}
        LIMIT 1
    ) i
    CROSS JOIN LATERAL (
        SELECT status, deadline, {STOPPED_UNSEEN} AS stopped
        FROM orders o WHERE id = d.order_id LIMIT 1
    ) o
    WHERE d.endpoint_id = :endpoint AND d.event IN ({_REQUESTS})
        AND o.status = {OrderStatus.IN_PROGRESS.code} AND o.deadline > :now
        AND NOT o.stopped
    ORDER BY d.due_at, d.id
    LIMIT :limit""",
    endpoint=INT,
    platform=INT,
    now=INSTANT,
    limit=INT,
)
# Rows are looked up one by one, then locked in the order of their key. When one is due
# is asked of it once it is locked: its platform may have begun to be posted to.
_WAIT_BY = sql(
    f"""
    WITH found AS MATERIALIZED (
        SELECT d.id, n.earlier, n.deadline
        FROM unnest(:orders, :earlier, :deadlines) AS n (order_id, earlier, deadline)
        JOIN endpoints e ON e.platform_id IS NOT NULL
            AND e.delivery = {Delivery.PULL.code}
        CROSS JOIN LATERAL (
            SELECT id FROM deliveries
            WHERE endpoint_id = e.id AND event IN ({_REQUESTS})
                AND order_id = n.order_id
            OFFSET 0
        ) d
    ), locked AS (
        SELECT d.id, f.deadline
        FROM found f
        JOIN deliveries d ON d.id = f.id AND d.due_at = f.earlier
        ORDER BY d.endpoint_id, d.event, d.order_id
        FOR NO KEY UPDATE OF d
    )
    UPDATE deliveries d SET due_at = l.deadline FROM locked l WHERE d.id = l.id""",
    orders=UUIDS,
    earlier=INSTANTS,
    deadlines=INSTANTS,
)
_PUSH = sql(
    f"""
    WITH locked AS (
        SELECT id FROM deliveries
        WHERE endpoint_id = :endpoint AND due_at > :now AND event IN ({_REQUESTS})
        ORDER BY event, order_id
        FOR NO KEY UPDATE
    )
    UPDATE deliveries d SET due_at = :now FROM locked l WHERE d.id = l.id""",
    endpoint=INT,
    now=INSTANT,
)
