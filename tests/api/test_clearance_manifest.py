"""Platforms read which numbers are to be cleared."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.clearings import PATIENT_WAVES, a_draft, a_published, number, shown
from tests.support.clock import FixedClock
from tests.support.findings import page, read_all
from tests.support.order_api import Scene, a_scene
from tests.support.trail import trail
from unbind_broker.base.ids import Prefix, parse_id
from unbind_broker.carriers.brakes import engage, release
from unbind_broker.carriers.service import suspend as suspend_carrier
from unbind_broker.clearances.states import StopReason
from unbind_broker.clearances.waves import stop
from unbind_broker.deadlines.waving import publish_due
from unbind_broker.endpoints.states import Delivery
from unbind_broker.platforms.service import suspend


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock, "weibo", clearance_first_wave=3) as made:
        yield made


async def publish_the_rest(scene: Scene) -> None:
    scene.clock.advance(timedelta(hours=1))
    async with scene.engine.begin() as db:
        waved = await publish_due(db, scene.clock.now(), PATIENT_WAVES, 10)
    assert waved.published == 1


async def test_pages_hold_each_number_once_with_its_interval(scene: Scene) -> None:
    path = await a_published(scene, [1, 2, 3])
    first = (await page(scene, "weibo", path, limit=2)).json()
    assert first["data"][0] == {
        "number": number(1),
        "bound_from": None,
        "bound_before": "2026-08-20T16:00:00Z",
        "withdrawn": False,
    }
    rest = await page(scene, "weibo", path, limit=2, cursor=first["next_cursor"])
    both = first["data"] + rest.json()["data"]
    assert [one["number"] for one in both] == [number(1), number(2), number(3)]
    assert rest.json()["next_cursor"] is None


async def test_a_wave_that_was_not_published_is_not_shown(scene: Scene) -> None:
    path = await a_published(scene, range(1, 6))
    assert len(await read_all(scene, "weibo", path)) == 3
    assert (await page(scene, "weibo", path, wave=2)).status_code == 404
    await publish_the_rest(scene)
    assert len(await read_all(scene, "weibo", path)) == 5
    second = await read_all(scene, "weibo", path, wave=2)
    assert [one["number"] for one in second] == [number(4), number(5)]


async def test_who_joined_between_two_waves_reads_the_second_only(
    scene: Scene,
) -> None:
    path = await a_published(scene, range(1, 6))
    await scene.add_platform("douyin")
    assert (await page(scene, "douyin", path)).status_code == 404
    await publish_the_rest(scene)
    read = await read_all(scene, "douyin", path)
    assert [one["number"] for one in read] == [number(4), number(5)]


async def test_a_draft_and_an_unknown_id_are_nobodys(scene: Scene) -> None:
    for path in (await a_draft(scene), "/v1/clearances/clr_0"):
        assert (await page(scene, "weibo", path)).status_code == 404
    answer = await scene.get(f"{await a_published(scene, [1])}/manifest")
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong-role")


async def test_a_platform_that_is_suspended_reads_nothing_more(scene: Scene) -> None:
    path = await a_published(scene, [1])
    async with scene.engine.begin() as db:
        await suspend(db, scene.clock.now(), "weibo", "test")
    answer = await page(scene, "weibo", path)
    assert (answer.status_code, answer.json()["code"]) == (403, "suspended")


async def test_a_withdrawn_number_is_marked_once_it_was_published(
    scene: Scene,
) -> None:
    path = await a_published(scene, range(1, 6))
    scene.clock.advance(timedelta(minutes=1))
    await scene.post(f"{path}/withdraw", {"numbers": [number(2), number(4)]})
    await publish_the_rest(scene)
    read = await read_all(scene, "weibo", path)
    assert [one["number"] for one in read] == [number(n) for n in (1, 2, 3, 5)]
    assert [one["withdrawn"] for one in read] == [False, True, False, False]


async def test_how_far_a_platform_has_read_is_shown_to_the_carrier(
    scene: Scene,
) -> None:
    path = await a_published(scene, [1, 2, 3])
    first = (await page(scene, "weibo", path, limit=1)).json()
    (progress,) = (await shown(scene, path))["platforms"]
    assert (progress["platform"], progress["read_to"]) == ("weibo", 1)
    await page(scene, "weibo", path, limit=1, cursor=first["next_cursor"])
    (progress,) = (await shown(scene, path))["platforms"]
    assert (progress["read_to"], progress["complete"]) == (2, False)


async def test_pages_that_were_left_out_are_not_read(scene: Scene) -> None:
    path = await a_published(scene, [1, 2, 3])
    first = (await page(scene, "weibo", path, limit=2)).json()
    other = await a_published(scene, [1, 2, 3])
    await page(scene, "weibo", other, limit=2, cursor=first["next_cursor"])
    (progress,) = (await shown(scene, other))["platforms"]
    assert progress["read_to"] == 0


async def test_every_page_is_one_event_and_names_no_number(scene: Scene) -> None:
    path = await a_published(scene, [1, 2, 3])
    await page(scene, "weibo", path, limit=2)
    async with scene.engine.connect() as db:
        events = [e for e in await trail(db) if e.action == "manifest.disclosed"]
    (event,) = events
    assert event.actor == "platform:weibo"
    assert event.facts == {
        "clearance": path.rsplit("/", 1)[-1],
        "wave": 1,
        "behind_place": 0,
        "to_place": 2,
        "numbers": 2,
    }


async def test_a_clearance_that_stopped_is_not_handed_out(scene: Scene) -> None:
    path = await a_published(scene, [1, 2, 3])
    found = parse_id(path.rsplit("/", 1)[-1], Prefix.CLEARANCE)
    assert found is not None
    async with scene.engine.begin() as db:
        why = StopReason.ACTIVE_AFTER_CUTOFF
        await stop(db, scene.clock.now(), found, why)
    answer = await page(scene, "weibo", path)
    assert (answer.status_code, answer.json()["code"]) == (409, "clearance-stopped")


async def test_nothing_is_handed_out_while_unbinding_is_stopped(scene: Scene) -> None:
    path = await a_published(scene, [1, 2, 3])
    now = scene.clock.now()
    async with scene.engine.begin() as db:
        await engage(db, now, None, "a test", "test")
    answer = await page(scene, "weibo", path)
    assert (answer.status_code, answer.json()["code"]) == (409, "clearance-held")
    assert answer.headers["retry-after"] == "300"
    async with scene.engine.begin() as db:
        await release(db, now, None, "a test", "test")
    assert (await page(scene, "weibo", path)).status_code == 200
    async with scene.engine.begin() as db:
        await suspend_carrier(db, now, "china-mobile", "test")
    answer = await page(scene, "weibo", path)
    assert answer.json()["code"] == "clearance-held"


async def test_the_setting_bounds_a_page(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo", manifest_page=2) as scene:
        path = await a_published(scene, [1, 2, 3])
        assert len((await page(scene, "weibo", path)).json()["data"]) == 2
        assert (await page(scene, "weibo", path, limit=5001)).status_code == 422
        assert (await page(scene, "weibo", path, cursor="x")).status_code == 422


async def test_who_fetches_finds_what_it_is_not_done_with(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock) as scene:
        await scene.add_platform("weibo", delivery=Delivery.PULL)
        path = await a_published(scene, [1, 2])
        headers = scene.platform_headers["weibo"]
        before = (await scene.http.get("/v1/clearances", headers=headers)).json()
        await read_all(scene, "weibo", path)
        done = {"findings": [], "complete": True}
        await scene.http.post(f"{path}/findings", json=done, headers=headers)
        after = (await scene.http.get("/v1/clearances", headers=headers)).json()
    (found,) = before["data"]
    assert found["manifest"] == f"{path}/manifest"
    assert (found["numbers"], found["waves"], found["carrier"]) == (
        2,
        [1],
        "china-mobile",
    )
    assert after == {"data": [], "next_cursor": None}
