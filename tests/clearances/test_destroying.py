"""Clearances lose their numbers step by step, and nothing revives them meanwhile."""

import asyncio
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.deadlines.test_waving import a_worker, found_in_use
from tests.support.app import bearer
from tests.support.builders import a_key
from tests.support.clearings import (
    a_draft,
    a_filled_draft,
    a_published,
    count,
    has_put,
    id_of,
    ndjson,
    number,
    put,
    shown,
)
from tests.support.clock import FixedClock
from tests.support.findings import is_done, page, refused
from tests.support.holdings_api import line, tell
from tests.support.order_api import Scene, a_scene
from unbind_broker.base.database import Db
from unbind_broker.carriers.brakes import engage, release
from unbind_broker.clearances.destroying import Ages, destroy_numbers
from unbind_broker.clearances.waves import resume
from unbind_broker.keys.tables import Role

HALF_A_YEAR = timedelta(days=181)


async def one_step(db: Db, clock: FixedClock, limit: int = 2) -> int:
    ages = Ages(clock.now() - timedelta(days=180), clock.now() - timedelta(days=7))
    return await destroy_numbers(db, clock.now(), ages, limit)


async def destroy_all(scene: Scene, limit: int = 2) -> None:
    for _ in range(20):
        async with scene.engine.begin() as db:
            if not await one_step(db, scene.clock, limit):
                return


async def test_a_draft_is_not_published_amid_its_destruction(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        path = await a_filled_draft(scene, range(5))
        clock.advance(HALF_A_YEAR)
        async with engine.begin() as db:
            assert await one_step(db, clock) == 2
            waiting = asyncio.create_task(scene.post(f"{path}/publish", {}))
            await asyncio.sleep(0.3)
        assert (await waiting).status_code == 404
        assert (await scene.post(f"{path}/publish", {})).status_code == 404
        await destroy_all(scene)
    assert await count(engine, "clearance_numbers") == 0
    assert await count(engine, "clearance_waves") == 0


async def test_a_carrier_is_told_that_what_it_still_reads_has_lost_its_numbers(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        path = await a_filled_draft(scene, range(3))
        clock.advance(HALF_A_YEAR)
        await destroy_all(scene)
        still = await scene.get(path)
        refusals = [
            await scene.post(f"{path}/publish", {}),
            await scene.get(f"{path}/results"),
            await put(scene, path, ndjson(range(3)), part=2),
        ]
    assert still.json()["destroyed_at"] is not None
    assert [one.status_code for one in refusals] == [404] * 3
    assert all("numbers are destroyed" in one.json()["detail"] for one in refusals)
    assert await count(engine, "clearances WHERE emptied_at IS NOT NULL") == 1


async def test_a_stopped_clearance_is_not_resumed_amid_its_destruction(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo", clearance_first_wave=2) as scene:
        path = await a_published(scene, range(5))
        clearance = id_of(path)
        await found_in_use(scene, 1)
        clock.advance(timedelta(hours=1))
        await a_worker(scene).wave()
        clock.advance(timedelta(days=200))

        async def resumed() -> bool:
            async with engine.begin() as db:
                return await resume(db, clock.now(), clearance)

        async with engine.begin() as db:
            assert await one_step(db, clock) == 2
            waiting = asyncio.create_task(resumed())
            await asyncio.sleep(0.3)
            assert not waiting.done()
        assert not await waiting
        assert (await shown(scene, path))["status"] == "stopped"


async def test_who_is_free_again_amid_the_destruction_gets_nothing_back(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo", clearance_first_wave=1) as scene:
        path = await a_published(scene, range(5))
        carrier = scene.carrier.id
        async with engine.begin() as db:
            await engage(db, clock.now(), carrier, "wrong dates", "admin:1")
        clock.advance(HALF_A_YEAR)
        async with engine.begin() as db:
            await one_step(db, clock)
            await release(db, clock.now(), carrier, "mended", "admin:1")
        await a_worker(scene).wave()
        assert (await page(scene, "weibo", path)).status_code == 404
        await destroy_all(scene)
    assert await count(engine, "clearance_numbers") == 0
    assert await count(engine, "clearance_waves WHERE published_at IS NULL") == 1


async def test_what_was_counted_stays_when_the_numbers_are_gone(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        path = await a_published(scene, range(6))
        await scene.post(f"{path}/withdraw", {"numbers": [number(5)]})

        await is_done(scene, "weibo", path, refused(1))
        before = await shown(scene, path)
        assert before["status"] == "completed"
        assert before["destroyed_at"] is None
        clock.advance(HALF_A_YEAR)
        async with engine.begin() as db:
            await one_step(db, clock)
        amid = await shown(scene, path)
        await destroy_all(scene)
        after = await shown(scene, path)
        (listed,) = (await scene.get("/v1/clearances")).json()["data"]
        async with engine.begin() as db:
            admin = bearer(await a_key(db, Role.ADMIN))
        all_ = await scene.http.get("/v1/admin/clearances", headers=admin)
    assert after["summary"] == amid["summary"] == before["summary"]
    assert before["summary"] == {
        "total": 6,
        "clean": 4,
        "blocked": 1,
        "partial": 0,
        "withdrawn": 1,
    }
    assert all_.json()["data"][0]["destroyed_at"] == after["destroyed_at"]
    for view in (amid, after, listed):
        assert (view["numbers"], view["withdrawn"], view["refused"]) == (6, 1, 0)
        assert view["destroyed_at"] is not None


async def test_who_came_to_hold_a_number_never_counts_as_its_withdrawal(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        path = await a_published(scene, range(3))
        await is_done(scene, "weibo", path)
        other = await scene.add_carrier("china-unicom")
        await tell(scene, line("activated", "2026-11-20", number(1)), **other)
        await a_worker(scene).look()
        before = await shown(scene, path)
        clock.advance(HALF_A_YEAR)
        await destroy_all(scene)
        after = await shown(scene, path)
    assert after["destroyed_at"] is not None
    for view in (before, after):
        assert view["summary"]["withdrawn"] == 1
        assert (view["withdrawn"], view["refused"]) == (0, 0)


async def test_a_draft_that_nobody_touches_goes_after_a_week(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        idle, used = await a_draft(scene), await a_draft(scene)
        for path in (idle, used):
            await has_put(scene, path, ndjson([1]))
        published = await a_published(scene, [2])
        clock.advance(timedelta(days=6))
        await has_put(scene, used, ndjson([3]), part=2)
        await a_worker(scene).forget()
        assert (await shown(scene, idle))["destroyed_at"] is None
        clock.advance(timedelta(days=1, seconds=1))
        for _ in range(3):
            await a_worker(scene).forget()
        assert (await shown(scene, idle))["destroyed_at"] is not None
        for path in (used, published):
            assert (await shown(scene, path))["destroyed_at"] is None
    async with engine.connect() as db:
        kept = await db.execute(text("SELECT count(*) FROM clearance_numbers"))
        assert kept.scalar_one() == 3
