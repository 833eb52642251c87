"""Clearances that platforms may not read at present are not late."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from tests.deadlines.test_waving import a_worker
from tests.support.clearings import a_published, shown
from tests.support.clock import FixedClock
from tests.support.findings import page, results
from tests.support.order_api import Scene, a_scene
from tests.support.rehearsals import a_rehearsal
from tests.support.trail import trail
from unbind_broker.carriers.brakes import engage, release
from unbind_broker.carriers.twins import find_or_make_twin


async def pass_days(scene: Scene, days: int) -> None:
    for _ in range(days):
        scene.clock.advance(timedelta(days=1))
        await a_worker(scene).wave()
        await a_worker(scene).end()


async def test_time_stands_still_for_what_a_brake_keeps_from_platforms(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        path = await a_published(scene, [1, 2])
        carrier = scene.carrier.id
        async with engine.begin() as db:
            await engage(db, clock.now(), carrier, "wrong dates", "admin:1")
        await pass_days(scene, 10)
        assert (await page(scene, "weibo", path)).status_code == 409
        assert (await shown(scene, path))["status"] == "in_progress"
        assert {one["release"] for one in await results(scene, path)} == {False}
        async with engine.begin() as db:
            await release(db, clock.now(), carrier, "mended", "admin:1")
        await pass_days(scene, 3)
        assert (await shown(scene, path))["status"] == "in_progress"
        await pass_days(scene, 7)
        assert (await shown(scene, path))["status"] == "completed"
    async with engine.connect() as db:
        moved = await trail(db, "clearance.deadline_moved")
    assert len(moved) == len({one.facts["deadline"] for one in moved}) > 1


async def test_rehearsal_that_a_brake_held_is_no_longer_for_it(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        rehearsal = await a_rehearsal(scene)
        path = await a_published(rehearsal, [1, 2])
        worker, short = a_worker(scene), timedelta(minutes=5)
        async with engine.begin() as db:
            twin = await find_or_make_twin(db, clock.now(), scene.carrier.id, "admin:1")
            await engage(db, clock.now(), twin, "wrong dates", "admin:1")
        for _ in range(10):
            clock.advance(timedelta(minutes=1))
            for _ in range(3):
                await worker.wave()
            await worker.end()
            read = await shown(rehearsal, path)
            left = datetime.fromisoformat(read["deadline"]) - clock.now()
            assert read["status"] == "in_progress"
            assert short / 2 <= left <= short
        async with engine.begin() as db:
            assert len(await trail(db, "clearance.deadline_moved")) < 5
            await release(db, clock.now(), twin, "mended", "admin:1")
        clock.advance(short + timedelta(seconds=1))
        await worker.end()
        assert (await shown(rehearsal, path))["status"] == "completed"


async def test_time_passes_for_all_others(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        path = await a_published(scene, [1, 2])
        await pass_days(scene, 10)
        assert (await shown(scene, path))["status"] == "completed"
    async with engine.connect() as db:
        assert await trail(db, "clearance.deadline_moved") == []
