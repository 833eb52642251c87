# ruff: noqa: S608 - only column names are put into statements
"""Write orders down, one decision about a number at a time."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import any_, literal, select

from unbind_broker.base.database import BIG, BIGS, BYTESES, Db, sql
from unbind_broker.base.ids import CarrierId, OrderId
from unbind_broker.orders.idempotency import (
    IdempotencyInProgress,
    Repeatable,
    lock_key_of,
)
from unbind_broker.orders.order import Order
from unbind_broker.orders.sendable import LOG_SENDABLE
from unbind_broker.orders.standing import UNDOES_VIOLATION
from unbind_broker.orders.states import OPEN, OrderKind, OrderStatus, Scope
from unbind_broker.orders.tables import orders


async def lock_number(db: Db, number_index: bytes) -> None:
    """Wait until no other transaction decides about this number."""
    await db.execute(_LOCK, {"key": _key_of(number_index)})


async def lock_number_for(
    db: Db, number_index: bytes, request: Repeatable | None
) -> None:
    """Lock a number, too, for a request that its sender may send again.

    Raises ``IdempotencyInProgress`` at once where the same request is being served.
    """
    if request is None:
        await lock_number(db, number_index)
        return
    keys = {"request": lock_key_of(request), "key": _key_of(number_index)}
    if not (await db.execute(_LOCK_FOR, keys)).scalar_one():
        raise IdempotencyInProgress


async def lock_numbers(db: Db, number_indexes: Collection[bytes]) -> None:
    """Lock several numbers, in the one order in which everybody locks them."""
    keys = sorted({_key_of(number_index) for number_index in number_indexes})
    if keys:
        await db.execute(_LOCK_EACH, {"keys": keys})


async def add(db: Db, order: Order) -> None:
    """Write a new order down; unless it is held, its items go out once this commits."""
    is_held = order.status is OrderStatus.HELD
    await db.execute(_ADD if is_held else _ADD_SENDABLE, vars(order))


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
            orders.c.destroyed_at.is_(None),
        )
    )
    row = found.one_or_none()
    return None if row is None else AskedQuery(*row)


@dataclass(frozen=True)
class OpenOrder:
    """An order that is held or in progress.

    ``told`` says that its carrier believes it to be over.
    """

    id: OrderId
    kind: OrderKind
    number_index: bytes
    carrier_id: CarrierId
    owner_since: date
    told: bool
    hidden: bool


async def open_orders(db: Db, number_indexes: Collection[bytes]) -> list[OpenOrder]:
    """Find the open orders about these numbers, of all carriers, oldest first.

    Those that undo violations are left out: no later holder ends them.
    """
    found = await db.execute(
        select(
            orders.c.id,
            orders.c.kind,
            orders.c.number_index,
            orders.c.carrier_id,
            orders.c.owner_since,
            orders.c.told_at.is_not(None).label("told"),
            orders.c.hidden,
        )
        .where(
            orders.c.number_index == any_(literal(list(number_indexes), BYTESES)),
            orders.c.status.in_(OPEN),
            ~UNDOES_VIOLATION,
        )
        .order_by(orders.c.id)
    )
    return [OpenOrder(**row) for row in found.mappings()]


def _key_of(number_index: bytes) -> int:
    return int.from_bytes(number_index[:8], "big", signed=True)


_LOCK = sql("SELECT pg_advisory_xact_lock(:key)", key=BIG)
_LOCK_FOR = sql(
    """
    SELECT CASE WHEN pg_try_advisory_xact_lock(:request)
        THEN pg_advisory_xact_lock(:key) IS NOT NULL ELSE false END""",
    request=BIG,
    key=BIG,
)
_LOCK_EACH = sql(
    "SELECT count(pg_advisory_xact_lock(key)) FROM unnest(:keys) AS key", keys=BIGS
)
_NAMES = tuple(Order.__dataclass_fields__)
COLUMN_TYPES = {name: orders.c[name].type for name in _NAMES}
INSERT = f"""
    INSERT INTO orders ({", ".join(_NAMES)})
    VALUES ({", ".join(f":{name}" for name in _NAMES)})"""
_ADD = sql(INSERT, **COLUMN_TYPES)
_ADD_SENDABLE = sql(
    f"WITH sendable AS ({INSERT} RETURNING id) {LOG_SENDABLE}", **COLUMN_TYPES
)
