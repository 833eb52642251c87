# ruff: noqa: S608 - only enum codes are put into statements
"""Call orders back, and look at them while nobody else can change them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from unbind_broker.base.coded_enum import codes_of
from unbind_broker.base.database import INSTANT, UUIDS, Db, fetch_all, sql
from unbind_broker.orders.states import OPEN, OrderKind, OrderStatus

_OPEN_CODES = codes_of(OPEN)


@dataclass(frozen=True)
class CancelledOrder:
    """An order that was called back.

    ``ends_unseen``: its carrier was told before that it is complete.
    """

    id: UUID
    kind: OrderKind
    number_index: bytes | None
    ends_unseen: bool


async def numbers_of(db: Db, order_ids: Collection[UUID]) -> list[bytes]:
    """Read which numbers the open ones of the orders are about."""
    found = await db.execute(_NUMBERS, {"orders": list(order_ids)})
    return list(found.scalars())


async def lock_open(db: Db, order_ids: Collection[UUID]) -> list[UUID]:
    """Lock those of the orders that are open, in the order of their ids."""
    found = await db.execute(_LOCK_OPEN, {"orders": list(order_ids)})
    return list(found.scalars())


async def cancel(
    db: Db, now: datetime, order_ids: Collection[UUID]
) -> list[CancelledOrder]:
    """Cancel those of the orders that are open. The caller has locked them.

    An order that its carrier was told to be complete goes on saying so: it ends later
    than it was told, and that tells it from one whose carrier hears of the end.
    """
    rows = await fetch_all(db, _CANCEL, {"orders": list(order_ids), "now": now})
    return [
        CancelledOrder(
            row.id, OrderKind.from_code(row.kind), row.number_index, row.ends_unseen
        )
        for row in sorted(rows, key=lambda row: row.id)
    ]


# Orders are looked up one by one (LATERAL): a plan that was made when there were few of
# them would read all that are open.
_OPEN_ONES = f"""
    FROM unnest(:orders) AS n (id)
    CROSS JOIN LATERAL (
        SELECT id, status, number_index FROM orders WHERE id = n.id LIMIT 1
    ) o
    WHERE o.status IN ({_OPEN_CODES})
"""
_NUMBERS = sql(
    f"SELECT DISTINCT o.number_index {_OPEN_ONES} AND o.number_index IS NOT NULL",
    orders=UUIDS,
)
_LOCK_OPEN = sql(
    f"""
    SELECT o.id
    FROM (SELECT DISTINCT id FROM unnest(:orders) AS n (id) ORDER BY id) n
    CROSS JOIN LATERAL (
        SELECT id FROM orders
        WHERE id = n.id AND status IN ({_OPEN_CODES})
        FOR NO KEY UPDATE
    ) o""",
    orders=UUIDS,
)
_CANCEL = sql(
    f"""
    UPDATE orders SET status = {OrderStatus.CANCELLED.code},
        completed_at = greatest(:now, told_at + interval '1 microsecond'),
        told_at = coalesce(told_at, :now)
    WHERE id = ANY (ARRAY(SELECT o.id {_OPEN_ONES}))
    RETURNING id, kind, number_index, told_at < completed_at AS ends_unseen""",
    orders=UUIDS,
    now=INSTANT,
)
