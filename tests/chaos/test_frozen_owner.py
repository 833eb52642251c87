"""A worker that is frozen for longer than its lease, while secrets are changed."""

import asyncio
import signal
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import a_runtime, bearer, in_process
from tests.support.builders import a_key
from tests.support.receiver import Answer, Receiver
from tests.support.waiting import eventually
from tests.worker.a_command import commands
from tests.worker.stage import CLOCK, Stage, set_stage, short
from unbind_broker.deliveries.tables import attempts
from unbind_broker.items.states import ItemStatus
from unbind_broker.platforms import service as platforms

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(180)]


@pytest.fixture
async def stage(engine: AsyncEngine, receiver: Receiver) -> Stage:
    return await set_stage(engine, receiver)


async def test_thawed_worker_signs_nothing_with_a_dead_secret(
    stage: Stage, tmp_path: Path
) -> None:
    await stage.add_platforms(1, max_batch=1, max_concurrency=2)
    (door,) = stage.doors
    door.usual = Answer(delay=0.02)
    async with stage.engine.begin() as db:
        platform = await platforms.find(db, door.slug)
        assert platform is not None
        key = await a_key(db, platform, now=CLOCK.now())
    settings = short(lease=3)
    clocks = {"lease": settings.lease, "request_timeout": settings.request_timeout}
    async with (
        commands(tmp_path, stage.engine.url) as started,
        in_process(a_runtime(stage.engine, CLOCK, **clocks)) as api,
    ):
        worker = await started.start("worker")
        ids = await stage.order(300)
        await eventually(lambda: len(door.deliveries) > 20)
        worker.send(signal.SIGSTOP)
        await asyncio.sleep(0.2)  # what it had sent has arrived
        answer = await api.post(
            "/v1/endpoint/rotate-secret",
            headers=bearer(key),
            json={"grace_seconds": 0},
            timeout=60,
        )
        answered_at = CLOCK.now()
        door.secrets[:] = [answer.json()["secret"]]
        async with stage.working(settings):
            worker.send(signal.SIGCONT)
            await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED), within=60)
        assert await worker.stop() == 0
    later = select(attempts.c.id).where(attempts.c.started_at > answered_at)
    assert await stage.all(later)
    assert door.rejected == 0
    assert door.times_sent.keys() == set(ids)
    assert sum(door.times_sent.values()) <= len(ids) + 2  # what was under way
