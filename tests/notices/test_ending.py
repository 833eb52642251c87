"""Carriers are told that their orders are over: once, and in the same moment."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier, an_endpoint
from tests.support.clock import NOON
from tests.support.database import open_patient_engine
from tests.support.joining import a_number
from tests.support.news import news
from tests.support.order_builders import (
    a_query,
    a_reachable_platform,
    an_item,
    an_order,
    asked,
    bring_to,
    order_status,
)
from tests.support.sweeping import sweep
from unbind_broker.base.database import Db
from unbind_broker.base.ids import OrderId, Prefix, format_id
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus, Reason
from unbind_broker.notices.calling_back import call_back
from unbind_broker.notices.ending import settle
from unbind_broker.orders.reopening import reopen
from unbind_broker.orders.states import OrderKind, OrderStatus
from unbind_broker.orders.tables import orders

LATER = NOON + timedelta(hours=1)
OVER = ("query.completed", "order.completed")


async def test_the_end_of_an_order_is_told_as_its_resource_says_it(db: Db) -> None:
    carrier = await a_carrier(db)
    weibo = await a_reachable_platform(db, "weibo")
    taobao = await a_reachable_platform(db, "taobao")
    order_id = await an_order(db, carrier, asked(reference="店 1"))
    await bring_to(db, ItemKey(order_id, weibo.id), ItemStatus.UNBOUND)
    await bring_to(db, ItemKey(order_id, taobao.id), ItemStatus.REFUSED)
    await settle(db, LATER, [order_id])
    (told,) = await news(db)
    assert told["type"] == "order.completed"
    assert told["timestamp"] == "2026-11-20T05:00:00Z"
    assert told["data"] == {
        "order_id": format_id(Prefix.ORDER, order_id),
        "kind": "unbind",
        "status": "completed",
        "reference": "店 1",
        "created_at": "2026-11-20T04:00:00Z",
        "deadline": "2026-11-27T15:59:59Z",
        "completed_at": "2026-11-20T05:00:00Z",
        "summary": {"total": 2, "unbound": 1, "refused": 1},
        "sensitive": {"total": 0, "finished": 0},
    }


async def test_queries_have_a_type_of_their_own(db: Db) -> None:
    key = await an_item(db, kind=OrderKind.QUERY, status=ItemStatus.BOUND)
    await settle(db, LATER, [key.order_id])
    (told,) = await news(db)
    assert told["type"] == "query.completed"
    assert told["data"]["order_id"] == format_id(Prefix.QUERY, key.order_id)
    assert told["data"]["summary"] == {"total": 1, "bound": 1}


async def test_an_open_order_is_not_told_to_be_over(db: Db) -> None:
    key = await an_item(db, status=ItemStatus.ACKNOWLEDGED)
    await settle(db, NOON, [key.order_id])
    assert await news(db) == []


async def test_settling_again_and_sweeping_tell_nothing_more(db: Db) -> None:
    key = await an_item(db, status=ItemStatus.UNBOUND)
    for _ in range(2):
        await settle(db, NOON, [key.order_id])
        await sweep(db, NOON)
    assert len(await news(db)) == 1


async def test_a_sweep_tells_what_a_crash_before_settling_left(db: Db) -> None:
    await an_item(db, status=ItemStatus.UNBOUND)
    await sweep(db, NOON)
    assert [one["type"] for one in await news(db)] == ["order.completed"]


async def test_a_crash_after_settling_leaves_both_or_none(engine: AsyncEngine) -> None:
    async with engine.begin() as db:
        key = await an_item(db, status=ItemStatus.UNBOUND)
    async with engine.connect() as crashing, crashing.begin() as lost:
        await settle(crashing, NOON, [key.order_id])
        await lost.rollback()
    async with engine.connect() as db:
        assert await order_status(db, key.order_id) is OrderStatus.IN_PROGRESS
        assert await news(db) == []
    async with engine.begin() as db:
        await sweep(db, NOON)
        assert len(await news(db)) == 1


async def test_many_who_settle_at_once_tell_once(
    engine: AsyncEngine, database_url: str
) -> None:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        await an_endpoint(db, carrier)
        platform = await a_reachable_platform(db)
        made = [
            await an_order(db, carrier, asked(number=a_number(place)))
            for place in range(30)
        ]
        for order_id in made:
            await bring_to(db, ItemKey(order_id, platform.id), ItemStatus.NOT_BOUND)
    pool = open_patient_engine(database_url, pool=6, application="race")

    async def settle_all(ids: list[OrderId]) -> None:
        async with pool.begin() as db:
            await settle(db, NOON, ids)

    await asyncio.gather(*(settle_all(made[:: 1 if n % 2 else -1]) for n in range(6)))
    async with pool.connect() as db:
        told = [one["data"]["order_id"] for one in await news(db)]
        sent = select(deliveries).where(deliveries.c.event == EventType.ORDER_COMPLETED)
        assert len((await db.execute(sent)).all()) == len(made)
    await pool.dispose()
    assert sorted(told) == sorted(format_id(Prefix.ORDER, one) for one in made)


async def test_what_a_sensitive_platform_does_after_taking_it_tells_nothing(
    db: Db,
) -> None:
    carrier = await a_carrier(db)
    weibo = await a_reachable_platform(db, "weibo")
    dating = await a_reachable_platform(db, "dating", sensitive=True)
    order_id = await an_order(db, carrier)
    await bring_to(db, ItemKey(order_id, weibo.id), ItemStatus.UNBOUND)
    await bring_to(db, ItemKey(order_id, dating.id), ItemStatus.ACKNOWLEDGED)
    await settle(db, NOON, [order_id])
    before = await news(db)
    assert before[0]["data"]["status"] == "completed"
    assert before[0]["data"]["sensitive"] == {"total": 1, "finished": 1}
    assert before[0]["data"]["summary"] == {"total": 1, "unbound": 1}
    await bring_to(db, ItemKey(order_id, dating.id), ItemStatus.UNBOUND)
    await settle(db, LATER, [order_id])
    assert await news(db) == before


@pytest.mark.parametrize("kind", [OrderKind.QUERY, OrderKind.UNBIND])
async def test_an_order_that_is_called_back_is_told_to_be_cancelled(
    db: Db, kind: OrderKind
) -> None:
    key = await an_item(db, kind=kind, status=ItemStatus.ACKNOWLEDGED)
    for _ in range(2):
        await call_back(db, LATER, [key.order_id], Reason.SUPERSEDED, "test")
    (told,) = await news(db, *OVER)
    assert told["type"] == OVER[kind is not OrderKind.QUERY]
    assert told["data"]["status"] == "cancelled"
    assert told["data"]["completed_at"] == "2026-11-20T05:00:00Z"
    assert told["data"]["summary"] == {"total": 1, "cancelled": 1}


async def test_an_order_that_was_told_is_called_back_unseen(db: Db) -> None:
    key = await an_item(db, status=ItemStatus.ACKNOWLEDGED)
    await db.execute(update(orders).values(told_at=NOON))
    assert await call_back(db, LATER, [key.order_id], Reason.SUPERSEDED, "test")
    assert await news(db) == []


async def test_an_order_that_completes_while_it_is_called_back_is_told_so(
    db: Db,
) -> None:
    key = await an_item(db, status=ItemStatus.UNBOUND)
    await call_back(db, LATER, [key.order_id], Reason.SUPERSEDED, "test")
    (told,) = await news(db)
    assert told["data"]["status"] == "completed"


async def test_orders_that_no_carrier_sees_are_not_told_of(db: Db) -> None:
    key = await an_item(db, status=ItemStatus.UNBOUND)
    await db.execute(update(orders).values(hidden=True))
    assert await settle(db, NOON, [key.order_id]) == [key.order_id]
    assert await news(db) == []


async def test_an_order_that_was_opened_again_is_told_once_more(db: Db) -> None:
    key = await an_item(db, status=ItemStatus.UNBOUND)
    await settle(db, NOON, [key.order_id])
    await reopen(db, [key.order_id], [key.order_id])
    await settle(db, LATER, [key.order_id])
    ends = [one["data"]["completed_at"] for one in await news(db)]
    assert ends == ["2026-11-20T04:00:00Z", "2026-11-20T05:00:00Z"]


async def test_each_carrier_is_told_of_its_own(db: Db) -> None:
    first, second = await a_carrier(db), await a_carrier(db, "china-telecom")
    ours = (await an_endpoint(db, first)).endpoint
    platform = await a_reachable_platform(db)
    made = [await an_order(db, first), await a_query(db, second)]
    for order_id in made:
        await bring_to(db, ItemKey(order_id, platform.id), ItemStatus.NOT_BOUND)
    await settle(db, NOON, made)
    rows = await db.execute(select(deliveries.c.endpoint_id, deliveries.c.event))
    assert rows.all() == [(ours.id, EventType.ORDER_COMPLETED)]
    assert len(await news(db)) == 2
