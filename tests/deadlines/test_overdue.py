"""Carriers are told once which platforms let an order's deadline pass."""

from datetime import timedelta

from sqlalchemy import update

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.news import news
from tests.support.order_builders import (
    a_reachable_platform,
    an_item,
    an_order,
    asked,
    bring_to,
)
from unbind_broker.base.database import Db
from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.deadlines.expiring import expire_overdue
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.notices.ending import settle
from unbind_broker.orders.states import OrderKind
from unbind_broker.orders.tables import orders

AFTER = NOON + timedelta(days=30)


async def test_overdue_platforms_are_named_once_and_sensitive_ones_never(
    db: Db,
) -> None:
    carrier = await a_carrier(db)
    slugs = ("weibo", "taobao", "done", "dating")
    made = [
        await a_reachable_platform(db, slug, sensitive=slug == "dating")
        for slug in slugs
    ]
    order_id = await an_order(db, carrier, asked(reference="R"))
    await bring_to(db, ItemKey(order_id, made[0].id), ItemStatus.IN_PROGRESS)
    await bring_to(db, ItemKey(order_id, made[2].id), ItemStatus.UNBOUND)
    for _ in range(2):
        assert await expire_overdue(db, AFTER, 10) == {order_id}
    await settle(db, AFTER, [order_id])
    overdue, completed = await news(db)
    assert overdue["type"] == "order.overdue"
    assert overdue["data"] == {
        "order_id": format_id(Prefix.ORDER, order_id),
        "reference": "R",
        "deadline": "2026-11-27T15:59:59Z",
        "platforms": ["taobao", "weibo"],
    }
    assert completed["type"] == "order.completed"
    assert completed["data"]["summary"]["expired"] == 1


async def test_a_silent_sensitive_platform_makes_no_order_overdue(db: Db) -> None:
    carrier = await a_carrier(db)
    dating = await a_reachable_platform(db, "dating", sensitive=True)
    order_id = await an_order(db, carrier)
    await bring_to(db, ItemKey(order_id, dating.id), ItemStatus.ACKNOWLEDGED)
    await expire_overdue(db, AFTER, 10)
    assert await news(db, "order.overdue") == []


async def test_queries_and_unseen_orders_are_not_told_to_be_overdue(db: Db) -> None:
    key = await an_item(db, kind=OrderKind.QUERY)
    await expire_overdue(db, AFTER, 10)
    await settle(db, AFTER, [key.order_id])
    carrier = await a_carrier(db, "china-telecom")
    await an_order(db, carrier)
    await db.execute(update(orders).values(hidden=True))
    await expire_overdue(db, AFTER, 10)
    assert [one["type"] for one in await news(db)] == ["query.completed"]
