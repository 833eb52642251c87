"""A database that keeps its connections, and says nothing more."""

import asyncio
import signal
from pathlib import Path

import pytest
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.receiver import Answer, Receiver
from tests.worker.a_command import SOON, a_busy_worker, commands
from tests.worker.gate import a_gate
from tests.worker.stage import Stage, set_stage, short
from unbind_broker.base.database import open_engine
from unbind_broker.items.states import ItemStatus

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(180)]


@pytest.fixture
async def stage(engine: AsyncEngine, receiver: Receiver) -> Stage:
    return await set_stage(engine, receiver)


async def test_worker_ends_while_the_database_is_silent(
    stage: Stage, tmp_path: Path
) -> None:
    async with (
        a_gate(stage.engine.url) as gate,
        commands(tmp_path, make_url(gate.url)) as started,
    ):
        worker = await a_busy_worker(stage, started)
        gate.silence()
        worker.send(signal.SIGTERM)
        async with asyncio.timeout(SOON):
            assert await worker.ended() == 0
    assert (await stage.counts())[ItemStatus.QUEUED] >= 3


async def test_worker_recovers_and_records_what_came_meanwhile(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.add_platforms(2, max_batch=2)
    async with a_gate(stage.engine.url) as gate:
        pool = open_engine(gate.url, pool=8, application="silenced", answer_limit=2)
        async with stage.working(short(lease=30), engine=pool):
            ids = await stage.order(3)
            await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED))
            for door in stage.doors:
                door.usual = Answer(delay=0.5)
            ids += await stage.order(3)
            await asyncio.sleep(0.2)
            gate.silence()
            ids += await stage.order(3)
            await asyncio.sleep(10)
            gate.speak()
            await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED), within=60)
        await pool.dispose()
    for door in stage.doors:
        assert door.times_sent == dict.fromkeys(ids, 1)
    assert len([one for one in caplog.records if one.exc_info]) <= 40
