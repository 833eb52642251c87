"""What a carrier was told, to be read on and on; nothing of it is ever skipped."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from unbind_broker.base.database import BIG, INT, Db, fetch_all, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import CarrierId
from unbind_broker.endpoints.events import EventType
from unbind_broker.orders.states import OrderKind

_LOWEST = UUID(int=0)

_PLACE = sql(
    "SELECT xid, id FROM notices WHERE id = :id AND carrier_id = :carrier",
    id=UUID_TYPE,
    carrier=INT,
)
# Transactions commit in any order. Below the oldest one under way nothing can appear
# any more, so that whoever reads on behind the last row has seen all before it.
_READ = sql(
    """
    SELECT n.id, n.event, n.order_id, n.at, n.data,
        (SELECT o.kind FROM orders o WHERE o.id = n.order_id) AS kind
    FROM notices n
    WHERE n.carrier_id = :carrier AND (n.xid, n.id) > (:xid, :id)
        AND n.xid < (pg_snapshot_xmin(pg_current_snapshot())::text)::bigint
    ORDER BY n.xid, n.id
    LIMIT :limit
    """,
    carrier=INT,
    xid=BIG,
    id=UUID_TYPE,
    limit=INT,
)


class Place(NamedTuple):
    """A place in the feed: behind a notice, or at its start."""

    xid: int
    id: UUID


START = Place(0, _LOWEST)


@dataclass(frozen=True)
class Told:
    """One notice; ``data`` is JSON as it was written when it happened."""

    id: UUID
    event: EventType
    at: datetime
    order_id: UUID | None
    kind: OrderKind | None
    data: bytes


async def find_place(db: Db, carrier_id: CarrierId, notice: UUID) -> Place | None:
    """Find where one of the carrier's own notices stands."""
    rows = await fetch_all(db, _PLACE, {"id": notice, "carrier": carrier_id})
    return Place(*rows[0]) if rows else None


async def read_on(
    db: Db, carrier_id: CarrierId, after: Place, limit: int
) -> list[Told]:
    """Read up to ``limit`` notices behind a place, oldest first."""
    values = {"carrier": carrier_id, "xid": after.xid, "id": after.id, "limit": limit}
    return [
        Told(
            id=row.id,
            event=EventType.from_code(row.event),
            at=row.at,
            order_id=row.order_id,
            kind=None if row.kind is None else OrderKind.from_code(row.kind),
            data=row.data,
        )
        for row in await fetch_all(db, _READ, values)
    ]
