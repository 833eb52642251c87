"""End orders, and tell their carriers in the same transaction that they are over."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from unbind_broker.base.database import Db
from unbind_broker.base.ids import PlatformId
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.outlines import read_outlines
from unbind_broker.notices.telling import News, tell_all
from unbind_broker.orders.settling import NOBODY, conclude
from unbind_broker.orders.states import OrderKind


async def settle(
    db: Db, now: datetime, order_ids: Collection[UUID], beside: PlatformId = NOBODY
) -> list[UUID]:
    """Complete those of the orders that have no open item left, and return them.

    The carriers of those that are over for them now are told so. Call it in a
    transaction of its own; for ``beside``, the platform that has just reported, see
    ``orders.settling`` too.
    """
    concluded = await conclude(db, now, order_ids, beside)
    await tell_over(db, now, concluded.told)
    return concluded.completed


async def tell_over(db: Db, now: datetime, order_ids: Collection[UUID]) -> None:
    """Tell carriers that these orders are over, whether completed or called back.

    Once for each time that ``told_at`` is set, by whoever sets it. Orders that no
    carrier sees are left out.
    """
    news = [
        News(one.carrier_id, _event(one.kind), one.id, dict(one.outline))
        for one in await read_outlines(db, order_ids)
    ]
    await tell_all(db, now, news)


def _event(kind: OrderKind) -> EventType:
    if kind is OrderKind.QUERY:
        return EventType.QUERY_COMPLETED
    return EventType.ORDER_COMPLETED
