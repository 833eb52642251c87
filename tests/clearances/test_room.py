"""A carrier has a bounded number of clearances that are not over."""

import asyncio
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from tests.deadlines.test_waving import a_worker
from tests.support.clearings import a_draft, a_published, count
from tests.support.clock import FixedClock
from tests.support.findings import is_done
from tests.support.order_api import a_scene


async def test_no_more_than_so_many_are_open_and_others_are_not_counted(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo", open_clearances=2) as scene:
        key = {"Idempotency-Key": "clearing-1"}
        first = await scene.post("/v1/clearances", {}, key)
        path = await a_published(scene, [1])
        refused = await scene.post("/v1/clearances", {})
        said = (refused.status_code, refused.json()["code"])
        assert said == (409, "too-many-open-clearances")
        again = await scene.post("/v1/clearances", {}, key)
        assert again.json() == first.json()
        other = await scene.add_carrier("china-unicom")
        assert (await scene.post("/v1/clearances", {}, other)).status_code == 201
        await is_done(scene, "weibo", path)
        assert (await scene.post("/v1/clearances", {})).status_code == 201


async def test_those_that_are_begun_at_once_are_counted_one_by_one(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, open_clearances=3) as scene:
        calls = (scene.post("/v1/clearances", {}) for _ in range(8))
        answers = [one.status_code for one in await asyncio.gather(*calls)]
    assert sorted(answers) == [201] * 3 + [409] * 5
    assert await count(engine, "clearances") == 3


async def test_a_draft_that_went_by_itself_leaves_room(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, open_clearances=1) as scene:
        await a_draft(scene)
        clock.advance(timedelta(days=7, seconds=1))
        await a_worker(scene).forget()
        assert (await scene.post("/v1/clearances", {})).status_code == 201
