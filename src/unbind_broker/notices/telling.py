"""Tell carriers what happened: for their feeds, and for endpoints that want it."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from unbind_broker.base.database import (
    BYTESES,
    INSTANT,
    INTS,
    SMALLS,
    UUIDS,
    Db,
    sql,
)
from unbind_broker.base.ids import CarrierId, EventId, new_uuid7
from unbind_broker.deliveries.announcing import Announced, announce_notices
from unbind_broker.endpoints.events import EventType

_TELL = sql(
    """
    INSERT INTO notices (id, carrier_id, event, order_id, at, data)
    SELECT n.id, n.carrier_id, n.event, n.order_id, :at, n.data
    FROM unnest(:ids, :carriers, :events, :orders, :data)
        AS n (id, carrier_id, event, order_id, data)
    """,
    ids=UUIDS,
    carriers=INTS,
    events=SMALLS,
    orders=UUIDS,
    at=INSTANT,
    data=BYTESES,
)


class News(NamedTuple):
    """What happened, and to whom it is told; ``data`` is plain JSON."""

    carrier_id: CarrierId
    event: EventType
    order_id: UUID | None
    data: Mapping[str, object]


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
    (notice,) = await tell_all(db, now, [News(carrier_id, event, order_id, data)])
    return notice


async def tell_all(db: Db, now: datetime, news: Sequence[News]) -> list[EventId]:
    """Write down all of this, as ``tell`` does, by two statements."""
    if not news:
        return []
    ids = [EventId(new_uuid7(now)) for _ in news]
    await db.execute(
        _TELL,
        {
            "ids": ids,
            "carriers": [one.carrier_id for one in news],
            "events": [one.event.code for one in news],
            "orders": [one.order_id for one in news],
            "at": now,
            "data": [encode_data(one.data) for one in news],
        },
    )
    named = zip(ids, news, strict=True)
    announced = [Announced(id_, one.carrier_id, one.event) for id_, one in named]
    await announce_notices(db, now, announced)
    return ids


def encode_data(data: Mapping[str, object]) -> bytes:
    """Write plain JSON in as few bytes as there can be."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
