"""The inserts of an order by themselves: what this Postgres can do at the most.

One order that the service accepted is the model. Each copy is one transaction with the
same rows in the same tables (log, order, items, holding, audit event), about a number
of its own, sent by bare asyncpg connections in processes of their own.
"""

import asyncio
import secrets
from time import monotonic
from uuid import UUID

import asyncpg
from sqlalchemy import Table

from benchmarks.processes import elsewhere
from unbind_broker.audit.tables import audit_events
from unbind_broker.base.clock import SystemClock
from unbind_broker.base.ids import new_uuid7
from unbind_broker.holdings.tables import holdings
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.states import OrderStatus
from unbind_broker.orders.tables import orders

_LOG = (
    "INSERT INTO order_log (xid, order_id) "
    "VALUES (pg_current_xact_id()::text::bigint, $1)"
)
_ITEMS = (
    "INSERT INTO items (order_id, platform_id, status, attempts, late) "
    "SELECT $1, id, $2, 0, false FROM platforms"
)


def plain_rate(url: str, model: UUID, seconds: float, processes: int = 2) -> float:
    """Return orders per second."""
    return sum(elsewhere(_run, [(url, model, seconds)] * processes))


def _run(asked: tuple[str, UUID, float]) -> float:
    return asyncio.run(_insert(*asked))


async def _insert(url: str, model: UUID, seconds: float, clients: int = 8) -> float:
    pool = await asyncpg.create_pool(url, min_size=clients, max_size=clients)
    ends_at, done = monotonic() + seconds, 0

    async def client() -> None:
        nonlocal done
        async with pool.acquire() as db:
            while monotonic() < ends_at:
                async with db.transaction():
                    await _copy(db, model)
                done += 1

    started = monotonic()
    await asyncio.gather(*(client() for _ in range(clients)))
    elapsed = monotonic() - started
    await pool.close()
    return done / elapsed


async def _copy(db: "asyncpg.pool.PoolConnectionProxy", model: UUID) -> None:
    now, index = SystemClock().now(), secrets.token_bytes(32)
    order_id = new_uuid7(now)
    await db.execute(_ORDER, order_id, index, model)
    await db.execute(_LOG, order_id)
    await db.execute(_ITEMS, order_id, ItemStatus.QUEUED.code)
    await db.execute(_HOLDING, order_id, index, model)
    await db.execute(_EVENT, order_id, index, model, new_uuid7(now))


def _copying(table: Table, model: str, **changed: str) -> str:
    """Write a statement that copies the model's row with some columns changed."""
    names = [column.name for column in table.columns if changed.get(column.name) != ""]
    values = ", ".join(changed.get(name, name) for name in names)
    return (
        f"INSERT INTO {table.name} ({', '.join(names)}) "  # noqa: S608 - names of columns
        f"SELECT {values} FROM {table.name} WHERE {model} = $3 LIMIT 1"
    )


_ORDER = _copying(
    orders,
    "id",
    id="$1::uuid",
    number_index="$2::bytea",
    status=str(OrderStatus.IN_PROGRESS.code),
    completed_at="NULL::timestamptz",
    told_at="NULL::timestamptz",
)
_HOLDING = _copying(
    holdings, "order_id", id="", order_id="$1::uuid", number_index="$2::bytea"
)
_EVENT = _copying(
    audit_events,
    "order_id",
    id="$4::uuid",
    xid="",
    order_id="$1::uuid",
    number_index="$2::bytea",
)
