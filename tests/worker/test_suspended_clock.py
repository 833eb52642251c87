"""What a suspended carrier has open ends, and is not looked for for ever."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier
from tests.support.clock import NOON, FixedClock
from tests.support.order_builders import a_reachable_platform, an_order, many_orders
from unbind_broker.base.working_days import WorkingTime
from unbind_broker.carriers.service import Carrier, resume, suspend
from unbind_broker.orders.states import OPEN
from unbind_broker.orders.tables import orders
from unbind_broker.worker.clocks import (
    MOST_CALLED_BACK,
    STRAGGLING,
    SUSPENDED_EVERY,
    Clocks,
)

LATER = SUSPENDED_EVERY.total_seconds()


@pytest.fixture
async def carrier(engine: AsyncEngine) -> Carrier:
    async with engine.begin() as db:
        made = await a_carrier(db)
        await a_reachable_platform(db)
        await suspend(db, NOON, made.slug, "test")
    return made


@pytest.fixture
def clocks(engine: AsyncEngine, clock: FixedClock) -> Clocks:
    working_time = WorkingTime(5, ZoneInfo("Asia/Shanghai"))
    return Clocks(engine, clock, timedelta(seconds=3), timedelta(days=2), working_time)


async def an_open_order(engine: AsyncEngine, carrier: Carrier, more: int = 0) -> None:
    async with engine.begin() as db:
        first = await an_order(db, carrier)
        if more:
            await many_orders(db, carrier, more, like=first)


async def count_open(engine: AsyncEngine) -> int:
    counted = select(func.count()).where(orders.c.status.in_(OPEN))
    async with engine.connect() as db:
        count: int = (await db.execute(counted)).scalar_one()
    return count


async def test_more_than_one_step_can_do_goes_on_at_once(
    engine: AsyncEngine, clocks: Clocks, carrier: Carrier
) -> None:
    await an_open_order(engine, carrier, more=MOST_CALLED_BACK)
    step = clocks.steps(released=lambda: None)["suspended"]
    assert await step() == 0.0
    assert await count_open(engine) == 1
    assert await step() == LATER
    assert await count_open(engine) == 0


async def test_calls_that_were_under_way_are_caught_too(
    engine: AsyncEngine, clocks: Clocks, carrier: Carrier, clock: FixedClock
) -> None:
    step = clocks.steps(released=lambda: None)["suspended"]
    assert await step() == LATER
    clock.advance(STRAGGLING - timedelta(seconds=1))
    await an_open_order(engine, carrier)
    await step()
    assert await count_open(engine) == 0


async def test_nobody_is_looked_at_for_ever(
    engine: AsyncEngine, clocks: Clocks, carrier: Carrier, clock: FixedClock
) -> None:
    step = clocks.steps(released=lambda: None)["suspended"]
    clock.advance(STRAGGLING)
    await step()
    await an_open_order(engine, carrier)
    await step()
    assert await count_open(engine) == 1
    async with engine.begin() as db:
        await resume(db, clock.now(), carrier.slug, "test")
        await suspend(db, clock.now() + timedelta(seconds=1), carrier.slug, "test")
    await step()
    assert await count_open(engine) == 0
