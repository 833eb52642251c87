"""What a carrier sees of queries that it repeats: one answer, under several ids."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.clock import FixedClock
from tests.support.database import Server
from tests.support.order_api import Scene, a_scene, order_body, query_body
from tests.support.platform_answers import BOUND, NOTHING_THERE, OF_QUERIES
from tests.support.two_worlds import World, told
from unbind_broker.endpoints.states import Delivery

PATH = "/v1/queries"


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock, "weibo", query_validity="5m") as made:
        await made.add_platform("douban", delivery=Delivery.PULL)
        await made.add_platform("dating", sensitive=True, delivery=Delivery.PULL)
        yield made


async def fetched(scene: Scene, slug: str) -> list[str]:
    """Which items a platform gets to see."""
    headers = scene.platform_headers[slug]
    answer = await scene.http.get("/v1/items?limit=200", headers=headers)
    return [one["id"] for one in answer.json()["data"]]


def outcome(query: dict[str, Any]) -> object:
    items = [(one["platform"], one["status"]) for one in query["items"]]
    return query["status"], query["summary"], query["sensitive"], items


async def test_fifty_that_ask_the_same_at_once_cost_one_fan_out(scene: Scene) -> None:
    answers = await asyncio.gather(
        *(scene.post(PATH, query_body(reference=f"R-{one}")) for one in range(50))
    )
    assert {one.status_code for one in answers} == {202}
    ids = {one.json()["id"] for one in answers}
    assert len(ids) == 50
    assert {one.json()["reference"] for one in answers} == {
        f"R-{one}" for one in range(50)
    }
    (asked,) = await fetched(scene, "douban")
    assert await fetched(scene, "dating") == [asked]
    for slug in ("weibo", "douban", "dating"):
        await scene.report(slug, {"id": asked, **BOUND})
    read = [(await scene.get(f"{PATH}/{one}")).json() for one in ids]
    assert [outcome(one) for one in read] == [outcome(read[0])] * 50
    assert read[0]["summary"] == {"total": 2, "bound": 2}
    assert {one["completed_at"] for one in read} == {read[0]["completed_at"]}


async def test_a_finished_query_answers_at_once_until_it_is_too_old(
    scene: Scene,
) -> None:
    first = (await scene.post(PATH, query_body())).json()
    for slug in ("weibo", "douban", "dating"):
        await scene.report(slug, {"id": first["id"], **BOUND})
    scene.clock.advance(timedelta(minutes=4))
    again = await scene.post(PATH, query_body(), {"Prefer": "wait=30"})
    assert again.status_code == 200
    assert outcome(again.json()) == outcome(
        (await scene.get(f"{PATH}/{first['id']}")).json()
    )
    scene.clock.advance(timedelta(minutes=1))
    later = (await scene.post(PATH, query_body())).json()
    assert later["summary"] == {"total": 2, "queued": 2}
    assert later["sensitive"] == {"total": 1, "finished": 0}


async def test_an_order_may_follow_a_query_that_was_answered_so(scene: Scene) -> None:
    first = (await scene.post(PATH, query_body())).json()
    for slug in ("weibo", "douban", "dating"):
        await scene.report(slug, {"id": first["id"], **BOUND})
    again = (await scene.post(PATH, query_body())).json()
    consent = order_body()["consent"]
    following = {"query_id": again["id"], "consent": consent}
    order = (await scene.post("/v1/orders", following)).json()
    assert [one["platform"] for one in order["items"]] == ["douban", "weibo"]
    assert order["sensitive"]["total"] == 1


async def test_too_much_about_one_number_is_refused(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo", open_orders_per_number=2) as scene:
        ids = [
            (await scene.post("/v1/orders", order_body())).json()["id"]
            for _ in range(2)
        ]
        refused = await scene.post("/v1/orders", order_body())
        said = refused.status_code, refused.json()["code"]
        assert said == (409, "too-many-open-orders")
        await scene.post(f"/v1/orders/{ids[0]}/cancel", {})
        assert (await scene.post("/v1/orders", order_body())).status_code == 202


async def a_repeated_query(world: World) -> None:
    """The carrier asks once more at each instant, and looks at all that it asked."""
    asked: list[str] = []
    await _ask(world, asked, "at first")
    await _ask(world, asked, "at once")
    await world.be_taken()
    await _ask(world, asked, "taken")
    world.scene.clock.advance(timedelta(minutes=1))
    await world.dating(world.answers.soon)
    await _ask(world, asked, "after the answer")
    await world.weibo(BOUND)
    await _ask(world, asked, "after the others' answers")
    await world.dating(world.answers.later)
    await _ask(world, asked, "after a later answer")
    await world.wait_until_after_the_deadline()
    await _look_at_all(world, asked, "after the deadline")
    await world.dating(world.answers.at_last)
    await _look_at_all(world, asked, "after a last answer")


async def _ask(world: World, asked: list[str], instant: str) -> None:
    answer = await world.eyes.ask("/v1/queries", query_body(reference="R-1"))
    world.read[f"{instant}, accepted"] = world.eyes.seen(answer)
    asked.append(world.eyes.about)
    await _look_at_all(world, asked, instant)


async def _look_at_all(world: World, asked: list[str], instant: str) -> None:
    """Look at the first one last: it is the one that platforms report of."""
    for place, one in enumerate(reversed(asked)):
        world.eyes.about = one
        await world.look(f"{instant}, {place} before the last")


REPEATED = [*OF_QUERIES]
if "UNBIND_TEST_EXAMPLES" not in os.environ:
    REPEATED = ["payload refused", "bound late"]


async def test_a_repeated_query_reads_as_if_nothing_had_been_bound(
    server: Server,
) -> None:
    """Whatever the sensitive platform answers to the first one."""
    plain = await told(server, a_repeated_query, NOTHING_THERE, others=True)
    for name in REPEATED:
        other = await told(server, a_repeated_query, OF_QUERIES[name], others=True)
        assert list(other) == list(plain)
        for instant, read in plain.items():
            assert other[instant] == read, (name, instant)
