"""Write orders down, one decision about a number at a time."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import insert, select

from unbind_broker.base.database import BIG, UUID, Db, sql
from unbind_broker.base.ids import CarrierId, OrderId
from unbind_broker.orders.order import Order
from unbind_broker.orders.states import OrderKind, Scope
from unbind_broker.orders.tables import orders


async def lock_number(db: Db, number_index: bytes) -> None:
    """Wait until no other transaction decides about this number."""
    key = int.from_bytes(number_index[:8], "big", signed=True)
    await db.execute(_LOCK, {"key": key})


async def add(db: Db, order: Order) -> None:
    """Write a new order down."""
    await db.execute(insert(orders), [vars(order)])


async def log_sendable(db: Db, order_id: OrderId) -> None:
    """Tell the senders that an order's items may go out once this commits."""
    await db.execute(_LOG, {"order": order_id})


@dataclass(frozen=True)
class AskedQuery:
    """What an order takes over from the query that it follows."""

    id: OrderId
    number_sealed: bytes
    number_index: bytes
    owner_since: date
    scope: Scope
    ported_in_on: date | None


async def find_query(
    db: Db, carrier_id: CarrierId, query_id: OrderId
) -> AskedQuery | None:
    """Look up a carrier's own query."""
    found = await db.execute(
        select(
            orders.c.id,
            orders.c.number_sealed,
            orders.c.number_index,
            orders.c.owner_since,
            orders.c.scope,
            orders.c.ported_in_on,
        ).where(
            orders.c.id == query_id,
            orders.c.carrier_id == carrier_id,
            orders.c.kind == OrderKind.QUERY,
        )
    )
    row = found.one_or_none()
    return None if row is None else AskedQuery(*row)


_LOCK = sql("SELECT pg_advisory_xact_lock(:key)", key=BIG)
_LOG = sql(
    "INSERT INTO order_log (xid, order_id) "
    "VALUES ((pg_current_xact_id()::text)::bigint, :order)",
    order=UUID,
)
