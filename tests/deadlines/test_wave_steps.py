"""A wave is looked through for new holders in bounded steps before it goes out."""

import asyncio

from sqlalchemy.ext.asyncio import AsyncEngine

from tests.deadlines.test_waving import HOUR, a_worker, found_in_use, waves
from tests.support.clearings import (
    USUAL_WAVES,
    a_draft,
    a_published,
    has_put,
    ndjson,
    number,
    shown,
)
from tests.support.clock import FixedClock
from tests.support.findings import is_done, read_all
from tests.support.order_api import a_scene, order_body
from tests.support.trail import trail
from unbind_broker.base.ids import Prefix, parse_id
from unbind_broker.clearances.waves import resume
from unbind_broker.deadlines.waving import Waved, publish_due


async def test_others_change_a_clearance_between_the_steps(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo", clearance_first_wave=2) as scene:
        path = await a_published(scene, range(10))
        later = await a_published(scene, range(3))
        other = await scene.add_carrier("china-unicom")
        for one in (1, 9):
            body = order_body(number=number(one), owner_since="2024-01-01")
            assert (await scene.post("/v1/orders", body, other)).status_code == 202
        clock.advance(HOUR)

        async def step() -> Waved:
            async with engine.begin() as db:
                return await publish_due(db, clock.now(), USUAL_WAVES, 4)

        done = [await step() for _ in range(2)]
        assert [one.is_idle or one.published for one in done] == [0, 0]
        taken = await asyncio.wait_for(
            scene.post(f"{path}/withdraw", {"numbers": [number(5)]}), 60
        )
        assert taken.json()["withdrawn"] == 1
        assert (await waves(scene, path))[1] is None
        done = [await step() for _ in range(3)]
        assert [one.published for one in done] == [1, 1, 0]
        assert done[-1].is_idle
        assert (await waves(scene, path))[1] is not None
        assert (await waves(scene, later))[1] is not None
        view = await shown(scene, path)
        assert (view["refused"], view["withdrawn"]) == (2, 1)
        read = await read_all(scene, "weibo", path, wave=2)
        assert len(read) == 6
    async with engine.connect() as db:
        told = await trail(db, "clearance.wave_published")
    assert [one.facts["refused"] for one in told] == [2, 1]


async def test_it_stops_amid_the_look_at_its_next_wave(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo", clearance_first_wave=5) as scene:
        path = await a_published(scene, range(10))
        clock.advance(HOUR)
        async with engine.begin() as db:
            await publish_due(db, clock.now(), USUAL_WAVES, 4)
        await found_in_use(scene, 1)
        async with engine.begin() as db:
            waved = await publish_due(db, clock.now(), USUAL_WAVES, 10)
        assert len(waved.stopped) == 1
        assert (await waves(scene, path))[1] is None


async def test_a_carrier_is_told_once_that_its_clearance_stopped_and_once_of_its_end(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo", clearance_first_wave=5) as scene:
        draft = await a_draft(scene, reference="B-1")
        await has_put(scene, draft, ndjson(range(10)))
        await scene.post(f"{draft}/publish", {})
        await found_in_use(scene, 1)
        clock.advance(HOUR)
        worker = a_worker(scene)
        for _ in range(2):
            await worker.wave()
        (told,) = (await scene.get("/v1/events")).json()["data"]
        assert told["type"] == "clearance.completed"
        assert told["data"] == {
            "clearance_id": draft.rsplit("/", 1)[-1],
            "reference": "B-1",
            "status": "stopped",
            "stop_reason": "active_after_cutoff",
            "summary": (await shown(scene, draft))["summary"],
            "overdue": [],
            "results": f"{draft}/results",
        }
        clearance = parse_id(draft.rsplit("/", 1)[-1], Prefix.CLEARANCE)
        assert clearance is not None
        async with engine.begin() as db:
            assert await resume(db, clock.now(), clearance)
        await worker.wave()
        await is_done(scene, "weibo", draft)
        feed = (await scene.get("/v1/events")).json()["data"]
    assert [one["data"]["status"] for one in feed] == ["stopped", "completed"]
