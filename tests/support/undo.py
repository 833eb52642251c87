"""Look at what calling back and restoring did."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, select

from unbind_broker.base.database import Db
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.tables import endpoints
from unbind_broker.items.tables import items
from unbind_broker.orders.tables import orders


async def order_row(db: Db, order_id: UUID) -> Row[tuple[object, ...]]:
    """One order as it stands."""
    return (await db.execute(select(orders).where(orders.c.id == order_id))).one()


async def told_platforms(db: Db) -> list[tuple[int, UUID, datetime]]:
    """Which platforms get ``unbind.cancelled``, of which order, and when.

    Those that may have been asked, though nobody wrote it down, are left out.
    """
    found = await db.execute(
        select(endpoints.c.platform_id, deliveries.c.order_id, deliveries.c.due_at)
        .join(endpoints, endpoints.c.id == deliveries.c.endpoint_id)
        .join(
            items,
            (items.c.order_id == deliveries.c.order_id)
            & (items.c.platform_id == endpoints.c.platform_id),
        )
        .where(deliveries.c.event == EventType.UNBIND_CANCELLED, items.c.attempts > 0)
        .order_by(endpoints.c.platform_id, deliveries.c.order_id)
    )
    return [(row[0], row[1], row[2]) for row in found]
