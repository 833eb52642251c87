"""A carrier calls its own order back: what may be, and what races with it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.database import open_patient_engine
from tests.support.guards import APPLYING
from tests.support.order_builders import (
    a_query,
    a_reachable_platform,
    an_item,
    an_order,
    asked,
    asking,
    bring_to,
    item_row,
    order_status,
)
from tests.support.trail import trail
from tests.support.undo import order_row
from unbind_broker.base.database import Db
from unbind_broker.base.ids import OrderId, Prefix, format_id
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.callbacks.results import apply
from unbind_broker.carriers.service import Carrier, find
from unbind_broker.deadlines.expiring import expire_overdue
from unbind_broker.deadlines.releasing import release_held
from unbind_broker.intake.cancelling import OrderAlreadyCompleted, cancel
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus, Reason
from unbind_broker.notices.calling_back import call_back
from unbind_broker.notices.ending import settle
from unbind_broker.orders.states import OrderStatus, Scope
from unbind_broker.orders.tables import orders
from unbind_broker.platforms.service import Platform

ROUNDS = 50
LATER = NOON + timedelta(hours=1)


def a_number(place: int) -> PhoneNumber:
    """Orders about one number would join each other."""
    return PhoneNumber(f"+861380000{place:04}")


async def the_carrier(db: Db) -> Carrier:
    carrier = await find(db, "china-mobile")
    assert carrier is not None
    return carrier


@pytest.mark.parametrize("told_at", [None, NOON])
@pytest.mark.parametrize("item", ItemStatus)
@pytest.mark.parametrize("order", OrderStatus)
async def test_what_becomes_of_an_order_that_its_carrier_cancels(
    db: Db, order: OrderStatus, item: ItemStatus, told_at: datetime | None
) -> None:
    key = await an_item(db, status=item)
    ended_at = (
        LATER if order in {OrderStatus.COMPLETED, OrderStatus.CANCELLED} else None
    )
    await db.execute(
        update(orders).values(
            status=order, held_until=LATER, told_at=told_at, completed_at=ended_at
        )
    )
    cancelled = cancel(db, LATER, asking(await the_carrier(db)), key.order_id)
    if _is_over(order, item, told_at):
        with pytest.raises(OrderAlreadyCompleted):
            await cancelled
        assert (await item_row(db, key)).status is item
        return
    assert await cancelled
    assert await order_status(db, key.order_id) is OrderStatus.CANCELLED
    was_open = order is not OrderStatus.CANCELLED and not item.is_final
    found = (await item_row(db, key)).status
    assert found is (ItemStatus.CANCELLED if was_open else item)


def _is_over(order: OrderStatus, item: ItemStatus, told_at: datetime | None) -> bool:
    """Tell what a carrier sees as completed."""
    if order is OrderStatus.COMPLETED or told_at is not None:
        return True
    return order is OrderStatus.IN_PROGRESS and item.is_final


async def test_strangers_and_queries_are_not_there(db: Db) -> None:
    carrier, stranger = await a_carrier(db), await a_carrier(db, "other")
    await a_reachable_platform(db)
    order_id, query_id = await an_order(db, carrier), await a_query(db, carrier)
    assert not await cancel(db, NOON, asking(stranger), order_id)
    assert not await cancel(db, NOON, asking(carrier), query_id)
    await db.execute(update(orders).values(hidden=True))
    assert not await cancel(db, NOON, asking(carrier), order_id)
    assert await trail(db, "order.cancelled") == []


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[AsyncEngine]:
    opened = open_patient_engine(database_url, pool=10, application="race")
    yield opened
    await opened.dispose()


async def test_the_last_result_and_a_cancellation_have_one_outcome(
    engine: AsyncEngine, pool: AsyncEngine
) -> None:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        platform = await a_reachable_platform(db)
        folded = await a_reachable_platform(db, "dating", sensitive=True)
        order_ids = [
            await an_order(db, carrier, asked(number=a_number(n)))
            for n in range(ROUNDS)
        ]
        for order_id in order_ids:
            await bring_to(db, ItemKey(order_id, folded.id), ItemStatus.ACKNOWLEDGED)
    for order_id in order_ids:
        was_cancelled, _ = await asyncio.gather(
            _cancel(pool, carrier, order_id), _report(pool, platform, order_id)
        )
        async with engine.connect() as db:
            order = await order_row(db, order_id)
            item = await item_row(db, ItemKey(order_id, platform.id))
            other = await item_row(db, ItemKey(order_id, folded.id))
        assert item.status is ItemStatus.NOT_BOUND
        assert order.told_at is not None
        assert item.late is was_cancelled
        if was_cancelled:
            assert order.status is OrderStatus.CANCELLED
            assert other.status is ItemStatus.CANCELLED
        else:
            assert order.status is OrderStatus.IN_PROGRESS
            assert other.status is ItemStatus.ACKNOWLEDGED


async def _cancel(pool: AsyncEngine, carrier: Carrier, order_id: OrderId) -> bool:
    try:
        async with pool.begin() as db:
            return await cancel(db, NOON, asking(carrier), order_id)
    except OrderAlreadyCompleted:
        return False


async def _report(pool: AsyncEngine, platform: Platform, order_id: OrderId) -> None:
    line = {"id": format_id(Prefix.ORDER, order_id), "outcome": "not_bound"}
    async with pool.begin() as db:
        applied = await apply(db, NOON, platform.id, [line], APPLYING)
    async with pool.begin() as db:
        await settle(db, NOON, applied.touched)


async def test_an_order_is_cancelled_once_however_many_ask(
    engine: AsyncEngine, pool: AsyncEngine
) -> None:
    async with engine.begin() as db:
        key = await an_item(db, status=ItemStatus.ACKNOWLEDGED)
        carrier = await the_carrier(db)
    asking_often = (_cancel(pool, carrier, OrderId(key.order_id)) for _ in range(10))
    assert await asyncio.gather(*asking_often) == [True] * 10
    async with engine.connect() as db:
        assert len(await trail(db, "order.cancelled")) == 1


async def test_what_is_cancelled_while_it_is_let_go_stays_cancelled(
    engine: AsyncEngine, pool: AsyncEngine
) -> None:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        platform = await a_reachable_platform(db)
        order_ids = [
            await an_order(
                db,
                carrier,
                asked(
                    number=a_number(n),
                    scope=Scope.CURRENT_OWNER,
                    platforms=("weibo",),
                ),
            )
            for n in range(20)
        ]

    async def release() -> None:
        async with pool.begin() as db:
            await release_held(db, NOON + timedelta(days=2), 1)

    for order_id in order_ids:
        cancelled, _ = await asyncio.gather(_cancel(pool, carrier, order_id), release())
        assert cancelled
    async with engine.connect() as db:
        for order_id in order_ids:
            assert await order_status(db, order_id) is OrderStatus.CANCELLED
            item = await item_row(db, ItemKey(order_id, platform.id))
            assert (item.status, item.attempts) == (ItemStatus.CANCELLED, 0)


async def test_everything_that_ends_orders_at_once_never_deadlocks(
    engine: AsyncEngine, pool: AsyncEngine
) -> None:
    async with engine.begin() as db:
        carrier, other = await a_carrier(db), await a_carrier(db, "other")
        reporters = [await a_reachable_platform(db, f"platform-{n}") for n in range(4)]
        order_ids = [
            await an_order(
                db, carrier if n % 2 else other, asked(number=a_number(n // 4))
            )
            for n in range(24)
        ]

    async def supersede(ids: list[OrderId]) -> None:
        async with pool.begin() as db:
            await call_back(db, LATER, ids, Reason.SUPERSEDED, "broker")

    async def expire() -> None:
        async with pool.begin() as db:
            ended = await expire_overdue(db, NOON + timedelta(days=30), 10)
        async with pool.begin() as db:
            await settle(db, LATER, ended)

    await asyncio.gather(
        supersede(order_ids[::-2]),
        supersede(order_ids[::3]),
        expire(),
        expire(),
        *(_cancel(pool, carrier, one) for one in order_ids[::-1]),
        *(
            _report(pool, platform, one)
            for platform in reporters
            for one in order_ids[::5]
        ),
    )
    async with engine.begin() as db:
        await settle(db, LATER, order_ids)
    async with engine.connect() as db:
        for order_id in order_ids:
            order = await order_status(db, order_id)
            items = [
                (await item_row(db, ItemKey(order_id, one.id))).status
                for one in reporters
            ]
            if order in {OrderStatus.COMPLETED, OrderStatus.CANCELLED}:
                assert all(status.is_final for status in items)
