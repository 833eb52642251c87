"""A worker seals the trail while it works."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.audit import all_seals, check, some_events
from tests.support.clock import FixedClock
from tests.support.sealing import BLIND_INDEX, BROKER_KEY, SEALER
from tests.support.waiting import eventually
from tests.support.working import working
from tests.worker.stage import short
from unbind_broker.base.clock import SystemClock
from unbind_broker.base.database import sql
from unbind_broker.runtime.opening import Runtime
from unbind_broker.worker.seal_clock import SealClock


@pytest.fixture
def sealing(engine: AsyncEngine, clock: FixedClock) -> SealClock:
    return SealClock(engine, clock, BROKER_KEY, timedelta(seconds=3), most=4)


async def test_backlog_is_sealed_without_a_pause(
    engine: AsyncEngine, sealing: SealClock
) -> None:
    await some_events(engine, 9)
    pauses = [await sealing.step()]
    while len(await all_seals(engine)) < 3:
        pauses.append(await sealing.step())
    assert [one.events for one in await all_seals(engine)] == [4, 4, 1]
    assert pauses.count(0.0) == 2
    assert pauses[-1] == 3.0


async def test_nothing_is_sealed_while_another_worker_does(
    engine: AsyncEngine, sealing: SealClock
) -> None:
    await some_events(engine, 9)
    lock = sql("SELECT pg_advisory_xact_lock(x'636C6B08'::bigint)")
    async with engine.begin() as other, asyncio.timeout(60):
        await other.execute(lock)
        assert await sealing.step() == 3.0
    assert await all_seals(engine) == []


async def test_worker_seals_until_it_stops(engine: AsyncEngine) -> None:
    await some_events(engine, 3)
    settings = short(seal_interval=timedelta(seconds=0.05))
    runtime = Runtime(
        settings, engine, SystemClock(), SEALER, BLIND_INDEX, broker_key=BROKER_KEY
    )
    async with working(runtime):
        await eventually(lambda: all_seals(engine))
    faults, summary = await check(engine)
    assert faults == []
    assert summary.events >= 3
