"""Tell a carrier what happened: for its feed, and for its endpoint if it has one."""

import json
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from unbind_broker.base.database import BYTES, INSTANT, INT, Coded, Db, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import CarrierId, EventId, new_uuid7
from unbind_broker.deliveries.announcing import announce_notice
from unbind_broker.endpoints.events import EventType

_TELL = sql(
    """
    INSERT INTO notices (id, carrier_id, event, order_id, at, data)
    VALUES (:id, :carrier, :event, :order_id, :at, :data)
    """,
    id=UUID_TYPE,
    carrier=INT,
    event=Coded(EventType),
    order_id=UUID_TYPE,
    at=INSTANT,
    data=BYTES,
)


async def tell(
    db: Db,
    now: datetime,
    carrier_id: CarrierId,
    event: EventType,
    order_id: UUID | None,
    data: Mapping[str, object],
) -> EventId:
    """Write down that this happened, and have it sent where that type is wanted.

    ``data`` is plain JSON. It becomes bytes here and once: those bytes are what the
    carrier's webhook holds, whenever and however often it is sent. It must hold nothing
    that the carrier may not read: the feed shows it too.
    """
    notice = EventId(new_uuid7(now))
    await db.execute(
        _TELL,
        {
            "id": notice,
            "carrier": carrier_id,
            "event": event,
            "order_id": order_id,
            "at": now,
            "data": encode_data(data),
        },
    )
    await announce_notice(db, now, carrier_id, event, notice)
    return notice


def encode_data(data: Mapping[str, object]) -> bytes:
    """Write plain JSON in as few bytes as there can be."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
