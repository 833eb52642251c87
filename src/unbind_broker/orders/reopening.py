# ruff: noqa: S608 - only enum codes are put into statements
"""Take orders up again whose items go out once more."""

from collections.abc import Collection
from uuid import UUID

from unbind_broker.base.database import UUIDS, Db, sql
from unbind_broker.orders.states import OrderStatus


async def lock(db: Db, order_ids: Collection[UUID]) -> None:
    """Lock orders, whatever their state, in the order of their ids."""
    await db.execute(_LOCK, {"orders": list(order_ids)})


async def reopen(db: Db, order_ids: Collection[UUID], untold: Collection[UUID]) -> None:
    """Bring completed orders back to ``in_progress``. The caller has locked them.

    Open ones stay as they are, held ones too. Carriers that were told the end of an
    order see it open again only if it is among ``untold``.
    """
    await db.execute(_REOPEN, {"orders": list(order_ids), "untold": list(untold)})


_LOCK = sql(
    """
    SELECT count(*) FROM (
        SELECT FROM orders WHERE id = ANY(:orders) ORDER BY id FOR NO KEY UPDATE
    ) locked""",
    orders=UUIDS,
)
_COMPLETED = OrderStatus.COMPLETED.code
_REOPEN = sql(
    f"""
    UPDATE orders SET completed_at = NULL,
        status = CASE
            WHEN status = {_COMPLETED} THEN {OrderStatus.IN_PROGRESS.code}
            ELSE status END,
        told_at = CASE WHEN id = ANY(:untold) THEN NULL ELSE told_at END
    WHERE id = ANY(:orders) AND status <> {OrderStatus.CANCELLED.code}""",
    orders=UUIDS,
    untold=UUIDS,
)
