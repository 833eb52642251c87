# ruff: noqa: S608 - only enum codes are put into statements
"""Queue what is sent besides requests: that items were cancelled, and notices."""

from collections.abc import Collection
from datetime import datetime

from unbind_broker.base.database import (
    INSTANT,
    INT,
    INTS,
    TEXT,
    UUIDS,
    Coded,
    Db,
    sql,
)
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import CarrierId, EventId
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.states import Delivery
from unbind_broker.items.item import ItemKey
from unbind_broker.orders.states import OrderKind

_POSTED_TO = f"e.delivery = {Delivery.PUSH.code} AND e.verified_at IS NOT NULL"

_CANCELLED = sql(
    f"""
    INSERT INTO deliveries (endpoint_id, due_at, event, order_id, attempt)
    SELECT e.id, :now, {EventType.UNBIND_CANCELLED.code}, n.order_id, 0
    FROM unnest(:orders, :platforms) AS n (order_id, platform_id)
    JOIN endpoints e ON e.platform_id = n.platform_id AND {_POSTED_TO}
    JOIN orders o ON o.id = n.order_id AND o.kind <> {OrderKind.QUERY.code}
    ORDER BY e.id, n.order_id
    ON CONFLICT ON CONSTRAINT deliveries_subject DO NOTHING
    """,
    orders=UUIDS,
    platforms=INTS,
    now=INSTANT,
)
_NOTICE = sql(
    f"""
    INSERT INTO deliveries (endpoint_id, due_at, event, order_id, attempt)
    SELECT e.id, :now, :event, :notice, 0
    FROM endpoints e
    WHERE e.carrier_id = :carrier AND {_POSTED_TO}
        AND (e.event_types IS NULL OR :word = ANY(e.event_types))
    """,
    now=INSTANT,
    event=Coded(EventType),
    notice=UUID_TYPE,
    carrier=INT,
    word=TEXT,
)


async def announce_cancelled(db: Db, now: datetime, keys: Collection[ItemKey]) -> None:
    """Let platforms know that these items were cancelled; queries change nothing.

    A platform that fetches is not posted to. What is queued already stays as it is.
    """
    if keys:
        named = sorted(keys)
        values = {
            "orders": [key.order_id for key in named],
            "platforms": [key.platform_id for key in named],
        }
        await db.execute(_CANCELLED, {**values, "now": now})


async def announce_notice(
    db: Db, now: datetime, carrier_id: CarrierId, event: EventType, notice: EventId
) -> None:
    """Let a notice be sent, if its carrier has an endpoint that wants its type."""
    values = {"event": event, "word": event.value, "carrier": carrier_id}
    await db.execute(_NOTICE, {**values, "now": now, "notice": notice})
