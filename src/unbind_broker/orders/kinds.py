"""Tell what orders are, for those who know only their ids."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select

from unbind_broker.base.database import Db
from unbind_broker.orders.states import OrderKind
from unbind_broker.orders.tables import orders


async def kinds_of(db: Db, order_ids: Collection[UUID]) -> dict[UUID, OrderKind]:
    """Give the kinds of those of the orders that there are."""
    if not order_ids:
        return {}
    rows = await db.execute(
        select(orders.c.id, orders.c.kind).where(orders.c.id.in_(order_ids))
    )
    return {row.id: row.kind for row in rows}
