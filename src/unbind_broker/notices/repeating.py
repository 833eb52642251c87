"""Tell a carrier once more what it was told."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from unbind_broker.base.database import INSTANT, INT, UUIDS, Db, fetch_all, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import FIRST_INSTANT, uuid7_floor
from unbind_broker.deliveries.replaying import MOST_AT_ONCE
from unbind_broker.deliveries.spreading import Plan, Redelivery, Sent, Thing, lay_out
from unbind_broker.endpoints.endpoint import Endpoint
from unbind_broker.endpoints.events import EventType

# The id's time is that of the notice; partitions are told apart by it.
_SINCE = sql(
    """
    SELECT id, event, at FROM notices
    WHERE carrier_id = :carrier AND id >= :first AND at >= :since
    ORDER BY id
    LIMIT :limit
    """,
    carrier=INT,
    first=UUID_TYPE,
    since=INSTANT,
    limit=INT,
)
_NAMED = sql(
    """
    SELECT id, event, at FROM notices
    WHERE carrier_id = :carrier AND id = ANY(:ids)
    ORDER BY id
    """,
    carrier=INT,
    ids=UUIDS,
)


async def repeat_since(
    db: Db, now: datetime, endpoint: Endpoint, since: datetime
) -> Redelivery:
    """Find everything of the wanted types that happened since then."""
    found = Redelivery()
    values = {
        "carrier": endpoint.carrier_id,
        "first": uuid7_floor(max(since, FIRST_INSTANT)),
        "since": since,
        "limit": MOST_AT_ONCE + 1,
    }
    rows = await fetch_all(db, _SINCE, values)
    if len(rows) > MOST_AT_ONCE:
        found.next_since = rows.pop().at
    wanted = endpoint.event_types
    chosen = [row for row in rows if wanted is None or _event(row).value in wanted]
    found.skipped = len(rows) - len(chosen)
    lay_out(now, endpoint, Plan(taken=_each(chosen)), found)
    return found


async def repeat_named(
    db: Db, now: datetime, endpoint: Endpoint, notices: Collection[UUID]
) -> Redelivery:
    """Find these, whatever types are wanted otherwise."""
    values = {"carrier": endpoint.carrier_id, "ids": sorted(set(notices))}
    rows = await fetch_all(db, _NAMED, values)
    found = Redelivery(unknown=len(set(notices)) - len(rows))
    lay_out(now, endpoint, Plan(taken=_each(rows)), found)
    return found


def _each(rows: Collection[Any]) -> list[Sent]:
    return [Sent([Thing(_event(row), row.id)]) for row in rows]


def _event(row: Any) -> EventType:
    return EventType.from_code(row.event)
