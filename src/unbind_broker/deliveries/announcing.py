# ruff: noqa: S608 - only enum codes are put into statements
"""Queue what is sent besides requests: that items were cancelled, and notices."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from unbind_broker.base.database import (
    INSTANT,
    INT,
    INTS,
    TEXT,
    UUIDS,
    Coded,
    Db,
    fetch_all,
    sql,
)
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import CarrierId, EndpointId, EventId
from unbind_broker.deliveries.queue import Subject
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.posted_to import POSTED_TO
from unbind_broker.endpoints.states import Delivery
from unbind_broker.items.item import ItemKey, key_arrays
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.states import OrderKind

_CANCELLED = sql(
    f"""
    INSERT INTO deliveries (endpoint_id, due_at, event, order_id, attempt)
    SELECT e.id, :now, {EventType.UNBIND_CANCELLED.code}, n.order_id, 0
    FROM unnest(:orders, :platforms) AS n (order_id, platform_id)
    JOIN endpoints e ON e.platform_id = n.platform_id AND e.verified_at IS NOT NULL
    JOIN orders o ON o.id = n.order_id AND o.kind <> {OrderKind.QUERY.code}
    ORDER BY e.id, n.order_id
    ON CONFLICT ON CONSTRAINT deliveries_subject DO NOTHING
    """,
    orders=UUIDS,
    platforms=INTS,
    now=INSTANT,
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
_NOTICE = sql(
    f"""
    INSERT INTO deliveries (endpoint_id, due_at, event, order_id, attempt)
    SELECT e.id, :now, :event, :notice, 0
    FROM endpoints e
    WHERE e.carrier_id = :carrier AND {POSTED_TO}
        AND (e.event_types IS NULL OR :word = ANY(e.event_types))
    """,
    now=INSTANT,
    event=Coded(EventType),
    notice=UUID_TYPE,
    carrier=INT,
    word=TEXT,
)


_FETCH_CANCELLED = sql(
    f"""
    WITH fetched AS (
        SELECT id FROM deliveries
        WHERE endpoint_id = :endpoint AND event = {EventType.UNBIND_CANCELLED.code}
        ORDER BY due_at, id
        LIMIT :limit
        FOR UPDATE
    )
    UPDATE deliveries d SET attempt = least(d.attempt + 1, 32767)
    FROM fetched f WHERE d.id = f.id
    RETURNING d.id, d.order_id""",
    endpoint=INT,
    limit=INT,
)
# What was acknowledged before it was handed out was the request, not its end.
_NOTE_CANCELLED = sql(
    f"""
    DELETE FROM deliveries d
    USING unnest(:orders, :platforms) AS n (order_id, platform_id)
    JOIN endpoints e ON e.platform_id = n.platform_id
    WHERE d.endpoint_id = e.id AND e.delivery = {Delivery.PULL.code}
        AND d.event = {EventType.UNBIND_CANCELLED.code}
        AND d.order_id = n.order_id AND d.attempt > 0
    """,
    orders=UUIDS,
    platforms=INTS,
)


async def announce_cancelled(db: Db, now: datetime, keys: Collection[ItemKey]) -> None:
    """Let platforms know that these items were cancelled; queries change nothing.

    A platform that fetches finds it with its items. What is queued already stays as it
    is.
    """
    if keys:
        values = {**key_arrays(sorted(keys)), "now": now}
        await db.execute(_CANCELLED, values)


async def announce_where_cancelled(
    db: Db, now: datetime, keys: Collection[ItemKey]
) -> None:
    """Let platforms know, of these items, which of them are cancelled by now."""
    if keys:
        rows = await db.execute(_CANCELLED_MEANWHILE, key_arrays(keys))
        await announce_cancelled(db, now, [ItemKey(*row) for row in rows])


async def fetch_cancelled(db: Db, endpoint_id: EndpointId, limit: int) -> list[Subject]:
    """Hand out what a platform that fetches has not been told yet, oldest first."""
    values = {"endpoint": endpoint_id, "limit": limit}
    rows = sorted(await fetch_all(db, _FETCH_CANCELLED, values), key=_row_id)
    event = EventType.UNBIND_CANCELLED
    return [Subject(endpoint_id, event, row.order_id) for row in rows]


async def note_cancelled(db: Db, keys: Collection[ItemKey]) -> None:
    """Forget cancellations that were handed out and have been acknowledged."""
    if keys:
        await db.execute(_NOTE_CANCELLED, key_arrays(keys))


async def announce_notice(
    db: Db, now: datetime, carrier_id: CarrierId, event: EventType, notice: EventId
) -> None:
    """Let a notice be sent, if its carrier has an endpoint that wants its type."""
    values = {"event": event, "word": event.value, "carrier": carrier_id}
    await db.execute(_NOTICE, {**values, "now": now, "notice": notice})


def _row_id(row: Any) -> int:
    row_id: int = row.id
    return row_id
