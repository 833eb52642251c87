"""Waves of clearances go out when they are due, once, unless the first one speaks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.clearings import (
    USUAL_WAVES,
    a_draft,
    a_published,
    count,
    has_put,
    id_of,
    ndjson,
    number,
    shown,
)
from tests.support.clock import FixedClock
from tests.support.findings import read_all, results
from tests.support.holdings_api import line, tell
from tests.support.order_api import Scene, a_scene, order_body
from tests.support.sealing import SEALER
from tests.support.trail import trail
from unbind_broker.carriers.brakes import engage, release
from unbind_broker.clearances.waves import resume
from unbind_broker.worker.clearing import Clearing

HOUR = timedelta(hours=1)


def a_worker(scene: Scene) -> Clearing:
    return Clearing(
        scene.engine,
        scene.clock,
        SEALER,
        interval=timedelta(seconds=1),
        retention=timedelta(days=180),
        draft_kept=timedelta(days=7),
        waving=USUAL_WAVES,
    )


async def found_in_use(scene: Scene, *places: int, reason: int = 5) -> None:
    """Let a platform find numbers in use after their holder had left."""
    finding = text(
        "INSERT INTO clearance_findings"
        " (clearance_id, platform_id, place, outcome, reason, at)"
        " SELECT id, :platform, :place, 16, :reason, :at FROM clearances"
    )
    async with scene.engine.begin() as db:
        for platform in scene.platforms.values():
            for place in places:
                values = {"platform": platform.id, "place": place, "reason": reason}
                await db.execute(finding, {**values, "at": scene.clock.now()})


async def waves(scene: Scene, path: str) -> list[str | None]:
    return [one["published_at"] for one in (await shown(scene, path))["waves"]]


async def test_the_rest_goes_out_after_the_pause_and_once(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(
        engine, clock, "weibo", "taobao", clearance_first_wave=10
    ) as scene:
        path = await a_published(scene, range(25))
        await a_worker(scene).wave()
        assert (await waves(scene, path))[1] is None
        await scene.add_platform("joined-later")
        clock.advance(HOUR)
        workers = [a_worker(scene) for _ in range(3)]
        await asyncio.gather(*(one.wave() for one in workers))
        for one in workers:
            await one.wave()
        assert (await waves(scene, path))[1] == "2026-11-20T05:00:00Z"
    assert await count(engine, "clearance_platforms WHERE wave = 2") == 3
    assert await count(engine, "clearance_platforms WHERE wave = 1") == 2
    assert await count(engine, "deliveries") == 5
    async with engine.connect() as db:
        told = await trail(db, "clearance.wave_published")
    assert [one.facts["numbers"] for one in told] == [15]


async def test_a_worker_that_dies_amid_a_wave_leaves_it_to_the_next(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo", clearance_first_wave=1) as scene:
        path = await a_published(scene, range(3))
        clock.advance(HOUR)
        broken = a_worker(scene)
        async with engine.begin() as db:
            await db.execute(text("ALTER TABLE deliveries RENAME TO away"))
        with pytest.raises(Exception, match="deliveries"):
            await broken.wave()
        assert (await waves(scene, path))[1] is None
        async with engine.begin() as db:
            await db.execute(text("ALTER TABLE away RENAME TO deliveries"))
        await a_worker(scene).wave()
        assert (await waves(scene, path))[1] is not None
    assert await count(engine, "clearance_platforms") == 2


async def test_it_stops_when_too_many_of_the_first_are_in_use(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(
        engine, clock, "weibo", "taobao", clearance_first_wave=100
    ) as scene:
        path = await a_published(scene, range(150))
        await found_in_use(scene, 7, 8)
        clock.advance(HOUR)
        await a_worker(scene).wave()
        await a_worker(scene).wave()
        view = await shown(scene, path)
        assert (view["status"], view["stop_reason"]) == (
            "stopped",
            "active_after_cutoff",
        )
        assert view["stopped_at"] == "2026-11-20T05:00:00Z"
        assert await waves(scene, path) == ["2026-11-20T04:00:00Z", None]
        withdrawn = await scene.post(f"{path}/withdraw", {"numbers": [number(3)]})
        assert withdrawn.json()["withdrawn"] == 1
    async with engine.connect() as db:
        (stopped,) = await trail(db, "clearance.stopped")
    assert (stopped.actor, stopped.facts["in_use"], stopped.facts["of"]) == (
        "broker",
        2,
        100,
    )


async def test_it_goes_on_at_the_share_itself_and_for_other_reasons(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    """Two platforms that find the same number in use count once."""
    async with a_scene(
        engine, clock, "weibo", "taobao", clearance_first_wave=100
    ) as scene:
        path = await a_published(scene, range(150))
        await found_in_use(scene, 7)
        await found_in_use(scene, 20, 21, 22, reason=2)
        await found_in_use(scene, 120, 121)
        clock.advance(HOUR)
        await a_worker(scene).wave()
        assert (await shown(scene, path))["status"] == "in_progress"
        assert (await waves(scene, path))[1] is not None


async def test_a_stopped_clearance_that_is_resumed_goes_on_for_good(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo", clearance_first_wave=10) as scene:
        path = await a_published(scene, range(15))
        clearance = id_of(path)
        await found_in_use(scene, 1, 2)
        clock.advance(HOUR)
        await a_worker(scene).wave()
        async with engine.begin() as db:
            assert await resume(db, clock.now(), clearance)
            assert not await resume(db, clock.now(), clearance)
        await a_worker(scene).wave()
        view = await shown(scene, path)
        assert view["status"] == "in_progress"
        assert (await waves(scene, path))[1] is not None


@asynccontextmanager
async def braked(scene: Scene) -> AsyncIterator[None]:
    """The scene's carrier is under the brake meanwhile."""
    held = scene.carrier.id
    async with scene.engine.begin() as db:
        await engage(db, scene.clock.now(), held, "wrong dates", "admin:1")
    yield
    async with scene.engine.begin() as db:
        await release(db, scene.clock.now(), held, "mended", "admin:1")


async def test_waves_of_a_braked_carrier_wait_for_its_release(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo", clearance_first_wave=1) as scene:
        path = await a_published(scene, range(2))
        async with braked(scene):
            clock.advance(HOUR)
            await a_worker(scene).wave()
            assert (await waves(scene, path))[1] is None
        await a_worker(scene).wave()
        assert (await waves(scene, path))[1] is not None


async def test_a_wave_that_was_held_back_gets_the_whole_time(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo", clearance_first_wave=1) as scene:
        path = await a_published(scene, range(2))
        async with braked(scene):
            clock.advance(timedelta(days=10))
        await a_worker(scene).wave()
        await a_worker(scene).end()
        view = await shown(scene, path)
        assert view["status"] == "in_progress"
        assert view["deadline"] == "2026-12-07T15:59:59Z"
        assert [row["release"] for row in await results(scene, path)] == [False, False]


async def test_old_numbers_are_destroyed_step_by_step_and_young_ones_kept(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        draft = await a_draft(scene, reference="B-1")
        await has_put(scene, draft, ndjson(range(5)))
        open_ = await a_published(scene, range(5))
        clock.advance(timedelta(days=181))
        await a_draft(scene)
        worker = a_worker(scene)
        pauses = [await worker.forget() for _ in range(3)]
        assert pauses[0] < pauses[1] == pauses[2]
        assert (await scene.get(draft)).json()["numbers"] == 5
        assert (await scene.get(draft)).json()["reference"] is None
        gone = await scene.post(f"{draft}/publish", {})
        assert gone.status_code == 404
        assert (await shown(scene, open_))["status"] == "in_progress"
    assert await count(engine, "clearance_numbers") == 5
    assert await count(engine, "clearance_parts") == 1
    async with engine.connect() as db:
        assert len(await trail(db, "clearance.destroyed")) == 1


async def test_numbers_are_not_kept_for_what_never_goes_on(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    """One clearance stands still, another waits for a brake to be released."""
    async with a_scene(engine, clock, "weibo", clearance_first_wave=1) as scene:
        stands = await a_published(scene, range(2))
        await found_in_use(scene, 1)
        clock.advance(HOUR)
        await a_worker(scene).wave()
        await a_published(scene, range(2))
        async with braked(scene):
            clock.advance(timedelta(days=190))
            worker = a_worker(scene)
            await worker.wave()
            for _ in range(2):
                await worker.forget()
            assert (await shown(scene, stands))["status"] == "stopped"
        await worker.wave()
    assert await count(engine, "clearance_numbers") == 0
    assert await count(engine, "clearance_waves WHERE published_at IS NULL") == 2


async def test_a_number_whose_holder_resumes_between_waves_leaves_the_next_one(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo", clearance_first_wave=1) as scene:
        await tell(scene, line("activated", "2020-01-01", number(2)))
        await tell(scene, line("disconnected", "2026-10-20", number(2)))
        path = await a_draft(scene)
        await has_put(scene, path, ndjson([1, 2], "2026-10-20"))
        await scene.post(f"{path}/publish", {})
        await tell(scene, line("resumed", "2026-11-20", number(2)))
        clock.advance(HOUR)
        await a_worker(scene).wave()
        assert (await shown(scene, path))["withdrawn"] == 1
    withdrawn = "clearance_numbers n JOIN clearance_waves w USING (clearance_id)"
    early = f"{withdrawn} WHERE n.place = 2 AND w.wave = 2"
    assert await count(engine, f"{early} AND n.withdrawn_at < w.published_at") == 1


async def test_who_has_come_to_hold_a_number_keeps_what_is_theirs(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo", clearance_first_wave=2) as scene:
        path = await a_published(scene, [1, 2, 3, 4])
        other = await scene.add_carrier("china-unicom")
        for one in (1, 4):
            body = order_body(number=number(one), owner_since="2024-01-01")
            assert (await scene.post("/v1/orders", body, other)).status_code == 202
        clock.advance(HOUR)
        await a_worker(scene).wave()
        read = await read_all(scene, "weibo", path)
        assert [(one["number"], one["withdrawn"]) for one in read] == [
            (number(1), True),
            (number(2), False),
            (number(3), False),
        ]
        states = [one["state"] for one in await results(scene, path)]
        assert states == ["withdrawn", "partial", "partial", "withdrawn"]
        assert (await shown(scene, path))["summary"]["withdrawn"] == 2
    async with engine.connect() as db:
        told = await trail(db, "clearance.wave_published")
    assert [one.facts["refused"] for one in told] == [2]
