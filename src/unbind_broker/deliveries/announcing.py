# ruff: noqa: S608 - only enum codes are put into statements
"""Queue what is sent besides requests: that items were cancelled, and notices."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple

from unbind_broker.base.database import (
    INSTANT,
    INT,
    INTS,
    SMALLS,
    TEXTS,
    UUIDS,
    Db,
    sql,
)
from unbind_broker.base.ids import CarrierId, EndpointId, EventId
from unbind_broker.deliveries.queue import Subject
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.posted_to import POSTED_TO
from unbind_broker.endpoints.states import Delivery
from unbind_broker.items.item import ItemKey, key_arrays
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.states import OrderKind

UNTIL_KNOWN = timedelta(minutes=3)
"""After so long whoever owned an endpoint has written down what it sent, or the lease
tells that it has not (``forced_at``): an owner that cannot write for half as long gives
the endpoint up, and its lease, of 20 s unless it is set otherwise, runs out."""

UNSURE = -1
"""The ``attempt`` of a cancellation about which it is not known yet whether its
platform was ever asked."""

ASKED_PERHAPS = "lease.forced_at > o.created_at - interval '1 minute'"
"""Since the order was made (clocks may differ) somebody lost the endpoint without
giving it back, and may have asked for the item without writing that down."""

_CANCELLED = sql(
    f"""
    INSERT INTO deliveries (endpoint_id, due_at, event, order_id, attempt)
    SELECT e.id, :now, {EventType.UNBIND_CANCELLED.code}, n.order_id, 0
    FROM unnest(:orders, :platforms) AS n (order_id, platform_id)
    JOIN endpoints e ON e.platform_id = n.platform_id AND e.verified_at IS NOT NULL
    JOIN orders o ON o.id = n.order_id AND o.kind <> {OrderKind.QUERY.code}
    ORDER BY e.id, n.order_id
    ON CONFLICT ON CONSTRAINT deliveries_subject
    DO UPDATE SET due_at = least(deliveries.due_at, excluded.due_at),
        attempt = greatest(deliveries.attempt, excluded.attempt)
    """,
    orders=UUIDS,
    platforms=INTS,
    now=INSTANT,
)
_PERHAPS = sql(
    f"""
    INSERT INTO deliveries (endpoint_id, due_at, event, order_id, attempt)
    SELECT e.id, CASE WHEN {ASKED_PERHAPS} THEN :now ELSE :later END,
        {EventType.UNBIND_CANCELLED.code}, n.order_id, {UNSURE}
    FROM unnest(:orders, :platforms) AS n (order_id, platform_id)
    JOIN endpoints e ON e.platform_id = n.platform_id AND {POSTED_TO}
    JOIN endpoint_leases lease ON lease.endpoint_id = e.id
    JOIN orders o ON o.id = n.order_id AND o.kind <> {OrderKind.QUERY.code}
    WHERE EXISTS (SELECT FROM order_log l WHERE l.order_id = n.order_id)
    ORDER BY e.id, n.order_id
    ON CONFLICT ON CONSTRAINT deliveries_subject DO NOTHING
    """,
    orders=UUIDS,
    platforms=INTS,
    now=INSTANT,
    later=INSTANT,
)
_KNOW_NOW = sql(
    f"""
    WITH unsure AS (
        SELECT id FROM deliveries
        WHERE endpoint_id = ANY(:endpoints) AND due_at > clock_timestamp()
            AND event = {EventType.UNBIND_CANCELLED.code} AND attempt = {UNSURE}
        ORDER BY endpoint_id, order_id
        FOR NO KEY UPDATE
    )
    UPDATE deliveries d SET due_at = clock_timestamp()
    FROM unsure WHERE d.id = unsure.id
    """,
    endpoints=INTS,
)
_CANCELLED_MEANWHILE = sql(
    f"""
    SELECT i.order_id, i.platform_id
    FROM unnest(:orders, :platforms) AS n (order_id, platform_id)
    JOIN items i USING (order_id, platform_id)
    WHERE i.status = {ItemStatus.CANCELLED.code}
    """,
    orders=UUIDS,
    platforms=INTS,
)
_NOTICES = sql(
    f"""
    INSERT INTO deliveries (endpoint_id, due_at, event, order_id, attempt)
    SELECT e.id, :now, n.event, n.notice, 0
    FROM unnest(:notices, :carriers, :events, :words)
        AS n (notice, carrier_id, event, word)
    JOIN endpoints e ON e.carrier_id = n.carrier_id AND {POSTED_TO}
        AND (e.event_types IS NULL OR n.word = ANY(e.event_types))
    """,
    now=INSTANT,
    notices=UUIDS,
    carriers=INTS,
    events=SMALLS,
    words=TEXTS,
)


_OLDEST_CANCELLED = sql(
    f"""
    SELECT order_id FROM deliveries
    WHERE endpoint_id = :endpoint AND event = {EventType.UNBIND_CANCELLED.code}
    ORDER BY due_at, id
    LIMIT :limit""",
    endpoint=INT,
    limit=INT,
)
_FETCH_CANCELLED = sql(
    f"""
    UPDATE deliveries SET attempt = least(attempt + 1, 32767)
    WHERE id = ANY (ARRAY(
        SELECT id FROM deliveries
        WHERE id = ANY (ARRAY(
            SELECT d.id FROM unnest(:orders) AS n (order_id)
            CROSS JOIN LATERAL (
                SELECT id FROM deliveries
                WHERE endpoint_id = :endpoint AND order_id = n.order_id
                    AND event = {EventType.UNBIND_CANCELLED.code}
                OFFSET 0
            ) d
        ))
        ORDER BY order_id
        FOR NO KEY UPDATE
    ))
    RETURNING order_id""",
    endpoint=INT,
    orders=UUIDS,
)
# What was acknowledged before it was handed out was the request, not its end.
_NOTE_CANCELLED = sql(
    f"""
    WITH noted AS (
        SELECT d.id
        FROM unnest(:orders, :platforms) AS n (order_id, platform_id)
        JOIN endpoints e ON e.platform_id = n.platform_id
            AND e.delivery = {Delivery.PULL.code}
        JOIN deliveries d ON d.endpoint_id = e.id AND d.order_id = n.order_id
            AND d.event = {EventType.UNBIND_CANCELLED.code} AND d.attempt > 0
        ORDER BY d.endpoint_id, d.order_id
        FOR UPDATE OF d
    )
    DELETE FROM deliveries d USING noted WHERE d.id = noted.id
    """,
    orders=UUIDS,
    platforms=INTS,
)


async def announce_cancelled(db: Db, now: datetime, keys: Collection[ItemKey]) -> None:
    """Let platforms know that these items were cancelled; queries change nothing.

    A platform that fetches finds it with its items. What is queued already goes out no
    later than now; the tries that it has had still count.
    """
    if keys:
        values = {**key_arrays(sorted(set(keys))), "now": now}
        await db.execute(_CANCELLED, values)


async def announce_perhaps(db: Db, now: datetime, keys: Collection[ItemKey]) -> None:
    """Let platforms know that may have been asked for these cancelled items.

    No attempt is written down. Whether there was one is known when the owner of the
    endpoint has had time to write it down: if none has lost the endpoint by then, what
    is queued here is dropped when it is due.
    """
    if keys:
        times = {"now": now, "later": now + UNTIL_KNOWN}
        await db.execute(_PERHAPS, {**key_arrays(sorted(keys)), **times})


async def know_now(db: Db, endpoint_ids: Collection[EndpointId]) -> None:
    """Decide at once about what was announced perhaps: these have a new owner.

    What the one before wrote down is written down by now.
    """
    if endpoint_ids:
        await db.execute(_KNOW_NOW, {"endpoints": list(endpoint_ids)})


async def announce_where_cancelled(
    db: Db, now: datetime, keys: Collection[ItemKey]
) -> None:
    """Let platforms know, of these items, which of them are cancelled by now."""
    if keys:
        rows = await db.execute(_CANCELLED_MEANWHILE, key_arrays(keys))
        await announce_cancelled(db, now, [ItemKey(*row) for row in rows])


async def find_cancelled(db: Db, endpoint_id: EndpointId, limit: int) -> list[Subject]:
    """Find what a platform that fetches has not noted yet, oldest first; no lock."""
    values = {"endpoint": endpoint_id, "limit": limit}
    found = (await db.execute(_OLDEST_CANCELLED, values)).scalars()
    return [Subject(endpoint_id, EventType.UNBIND_CANCELLED, one) for one in found]


async def fetch_cancelled(
    db: Db, endpoint_id: EndpointId, found: Collection[Subject]
) -> list[Subject]:
    """Count that these are handed out; return those that nobody has noted meanwhile.

    The caller has locked whatever items it locks at all.
    """
    if not found:
        return []
    orders = [one.subject_id for one in found]
    values = {"endpoint": endpoint_id, "orders": orders}
    fetched = set((await db.execute(_FETCH_CANCELLED, values)).scalars())
    return [one for one in found if one.subject_id in fetched]


async def note_cancelled(db: Db, keys: Collection[ItemKey]) -> None:
    """Forget cancellations that were handed out and have been acknowledged."""
    if keys:
        await db.execute(_NOTE_CANCELLED, key_arrays(keys))


class Announced(NamedTuple):
    """A notice that is written down."""

    notice: EventId
    carrier_id: CarrierId
    event: EventType


async def announce_notices(
    db: Db, now: datetime, notices: Collection[Announced]
) -> None:
    """Let notices be sent whose carriers have endpoints that want their types."""
    values = {
        "now": now,
        "notices": [one.notice for one in notices],
        "carriers": [one.carrier_id for one in notices],
        "events": [one.event.code for one in notices],
        "words": [one.event.value for one in notices],
    }
    await db.execute(_NOTICES, values)
