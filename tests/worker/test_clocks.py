"""What happens because time passes happens once, whoever does it."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier, an_endpoint
from tests.support.clock import NOON, FixedClock
from tests.support.order_builders import (
    a_reachable_platform,
    an_item,
    an_order,
    bring_to,
    many_orders,
    order_status,
)
from unbind_broker.base.database import Db, sql
from unbind_broker.base.ids import EventId, OrderId, new_uuid7
from unbind_broker.base.working_days import WorkingTime
from unbind_broker.deliveries.announcing import Announced, announce_notices
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.service import disable
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.keys.spent import spend
from unbind_broker.keys.tables import spent_tokens
from unbind_broker.orders.states import OrderStatus
from unbind_broker.orders.tables import order_log, orders
from unbind_broker.worker.clocks import MOST_ORDERS, Clocks

LATER = NOON + timedelta(days=30)
WORKING_TIME = WorkingTime(5, ZoneInfo("Asia/Shanghai"))


@pytest.fixture
def clocks(engine: AsyncEngine, clock: FixedClock) -> Clocks:
    clock.set(LATER)
    return Clocks(
        engine, clock, timedelta(seconds=3), timedelta(hours=48), WORKING_TIME
    )


async def test_overdue_order_ends_and_is_settled(
    engine: AsyncEngine, clocks: Clocks
) -> None:
    async with engine.begin() as db:
        key = await an_item(db)
    assert await clocks.expire() == 3.0
    async with engine.connect() as db:
        assert await order_status(db, key.order_id) is OrderStatus.COMPLETED
        (status,) = (await db.execute(select(items.c.status))).scalars()
    assert status is ItemStatus.UNDELIVERABLE


async def test_more_than_one_step_can_do_goes_on_at_once(
    engine: AsyncEngine, clocks: Clocks
) -> None:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        await a_reachable_platform(db)
        first = await an_order(db, carrier)
        await many_orders(db, carrier, MOST_ORDERS, like=first)
    assert await clocks.expire() == 0.0
    assert await clocks.expire() == 3.0
    async with engine.connect() as db:
        assert set((await db.execute(select(orders.c.status))).scalars()) == {
            OrderStatus.COMPLETED
        }


async def test_a_sweep_finds_orders_of_one_deadline_once(
    engine: AsyncEngine, clocks: Clocks
) -> None:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        await a_reachable_platform(db)
        first = await an_order(db, carrier)
        await many_orders(db, carrier, 2 * MOST_ORDERS, like=first)
        done = {"status": ItemStatus.NOT_BOUND, "finished_at": NOON}
        await db.execute(update(items).values(done))
    looks: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        looks.extend(["look"] * ("(deadline, id) >" in statement))

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    sweep = clocks.steps(lambda: None)["sweep"]
    assert [await sweep() for _ in range(3)] == [0.05, 0.05, 60.0]
    assert looks == ["look"]
    async with engine.connect() as db:
        assert set((await db.execute(select(orders.c.status))).scalars()) == {
            OrderStatus.COMPLETED
        }


async def test_held_orders_are_let_go_and_told(
    engine: AsyncEngine, clocks: Clocks
) -> None:
    told: list[int] = []
    async with engine.begin() as db:
        await an_item(db)
        await db.execute(
            update(orders).values(status=OrderStatus.HELD, held_until=NOON)
        )
        await db.execute(sql("DELETE FROM order_log"))
    assert await clocks.release(lambda: told.append(1)) == 3.0
    assert await clocks.release(lambda: told.append(2)) == 3.0
    assert told == [1]
    async with engine.connect() as db:
        assert len((await db.execute(select(order_log.c.order_id))).all()) == 1


async def test_order_that_a_crash_left_open_is_settled(
    engine: AsyncEngine, clocks: Clocks
) -> None:
    async with engine.begin() as db:
        key = await an_item(db)
        await bring_to(db, key, ItemStatus.UNBOUND)
    steps = clocks.steps(released=lambda: None)
    assert await steps["sweep"]() == 60.0
    async with engine.connect() as db:
        assert await order_status(db, key.order_id) is OrderStatus.COMPLETED


async def test_sweep_walks_on_until_it_has_seen_all(
    engine: AsyncEngine, clocks: Clocks
) -> None:
    async with engine.begin() as db:
        key = await an_item(db)
        carrier = await a_carrier(db, "china-unicom")
        *_, last = await many_orders(
            db, carrier, MOST_ORDERS, like=OrderId(key.order_id)
        )
        done = ItemKey(last, key.platform_id)
        await bring_to(db, done, ItemStatus.UNBOUND)
    sweep = clocks.steps(released=lambda: None)["sweep"]
    assert await sweep() < 1.0
    assert await sweep() == 60.0
    async with engine.connect() as db:
        assert await order_status(db, last) is OrderStatus.COMPLETED


async def test_upkeep_makes_months_and_deletes_what_nobody_reads(
    engine: AsyncEngine, clocks: Clocks
) -> None:
    async with engine.begin() as db:
        await spend(db, "of a login that has ended", NOON)
        await spend(db, "of a login that may last", LATER)
    steps = clocks.steps(released=lambda: None)
    assert await steps["upkeep"]() == 60.0
    async with engine.connect() as db:
        found = await db.execute(sql("SELECT to_regclass('items_2027_03') IS NOT NULL"))
        assert found.scalar_one()
        left = await db.execute(select(spent_tokens.c.kept_until))
        assert list(left.scalars()) == [LATER]


@pytest.mark.parametrize("name", ["expire", "release", "sweep", "upkeep"])
async def test_only_one_worker_does_it_at_a_time(
    engine: AsyncEngine, clocks: Clocks, name: str
) -> None:
    async with engine.begin() as db:
        key = await an_item(db)
        await bring_to(db, key, ItemStatus.UNBOUND)
    steps = clocks.steps(released=lambda: None)
    async with engine.begin() as other:
        locks = sql(
            "SELECT pg_advisory_xact_lock(n::bigint)"
            " FROM generate_series(x'636C6B00'::int, x'636C6B09'::int) n"
        )
        await other.execute(locks)
        async with asyncio.timeout(60):
            assert await steps[name]() > 0
        async with engine.connect() as db:
            status = await order_status(db, key.order_id)
            assert status is OrderStatus.IN_PROGRESS


async def test_deadline_of_a_year_published_since_is_counted_again(
    engine: AsyncEngine, clocks: Clocks
) -> None:
    async with engine.begin() as db:
        await a_reachable_platform(db)
        await an_order(db, await a_carrier(db))
        told = orders.c.deadline - timedelta(days=3)
        await db.execute(
            update(orders).values(deadline=told, deadline_provisional=True)
        )
    assert await clocks.recount() == 3600
    async with engine.connect() as db:
        found = (await db.execute(select(orders))).one()
    assert not found.deadline_provisional
    assert found.deadline == datetime(2026, 11, 27, 15, 59, 59, tzinfo=UTC)


async def test_what_nobody_will_send_goes_and_is_told(
    engine: AsyncEngine, clocks: Clocks, caplog: pytest.LogCaptureFixture
) -> None:
    async with engine.begin() as db:
        await announce_to_a_parked_carrier(db)
    with caplog.at_level(logging.INFO):
        assert await clocks.abandoned() == 3600.0
    (told,) = [one for one in caplog.records if one.msg == "deliveries_abandoned"]
    assert vars(told)["rows"] == 1
    async with engine.connect() as db:
        assert (await db.execute(select(deliveries.c.id))).all() == []


async def announce_to_a_parked_carrier(db: Db) -> None:
    carrier = await a_carrier(db)
    endpoint = (await an_endpoint(db, carrier)).endpoint
    notice = EventId(new_uuid7(NOON))
    announced = Announced(notice, carrier.id, EventType.ORDER_HELD)
    await announce_notices(db, NOON, [announced])
    await disable(db, NOON, endpoint.id, endpoint.url or "", "410 Gone", "test")
