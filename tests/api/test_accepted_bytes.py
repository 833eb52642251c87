"""What is answered at once reads, byte for byte, as it does right after."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.clock import FixedClock
from tests.support.order_api import (
    Scene,
    a_scene,
    after_query,
    not_bound,
    order_body,
    query_body,
)

Placing = Callable[[Scene], Awaitable[httpx.Response]]


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    clock.advance(timedelta(microseconds=1_234_567))
    async with a_scene(engine, clock, "weibo", "taobao") as made:
        await made.add_platform("dating", sensitive=True)
        yield made


async def ordered(scene: Scene, **changes: object) -> httpx.Response:
    return await scene.post("/v1/orders", order_body(**changes))


async def queried(scene: Scene, **changes: object) -> httpx.Response:
    return await scene.post("/v1/queries", query_body(**changes))


async def the_whole(scene: Scene) -> httpx.Response:
    return await ordered(scene, reference="R-1 解绑 \"&<'")


async def a_subset(scene: Scene) -> httpx.Response:
    return await queried(scene, platforms=["taobao", "dating"])


async def only_sensitive(scene: Scene) -> httpx.Response:
    return await ordered(scene, platforms=["dating"])


async def ported_in(scene: Scene) -> httpx.Response:
    return await ordered(scene, ported_in_on="2025-05-01")


async def held_for_undoing(scene: Scene) -> httpx.Response:
    return await ordered(scene, scope="current_owner", platforms=["dating", "weibo"])


async def held_for_the_holder_before(scene: Scene) -> httpx.Response:
    other = await scene.add_carrier("china-unicom")
    await scene.post("/v1/orders", order_body(), other)
    return await ordered(scene, owner_since="2026-11-01")


async def after_a_query(scene: Scene) -> httpx.Response:
    query_id = (await queried(scene)).json()["id"]
    return await scene.post("/v1/orders", after_query(query_id, reference="R-2"))


async def repeating(scene: Scene) -> httpx.Response:
    query_id = (await queried(scene)).json()["id"]
    await scene.report("weibo", not_bound(query_id))
    return await queried(scene)


async def rechecking(scene: Scene) -> httpx.Response:
    query_id = (await queried(scene)).json()["id"]
    await scene.report("weibo", not_bound(query_id))
    return await queried(scene, recheck=True)


async def joining(scene: Scene) -> httpx.Response:
    order_id = (await ordered(scene)).json()["id"]
    await scene.report("weibo", not_bound(order_id))
    return await ordered(scene)


async def answered_at_once(scene: Scene) -> httpx.Response:
    order_id = (await ordered(scene, platforms=["weibo"])).json()["id"]
    await scene.report("weibo", not_bound(order_id))
    return await ordered(scene, platforms=["weibo"])


STANDS_THEN: dict[Placing, str] = {
    the_whole: "in_progress",
    a_subset: "in_progress",
    only_sensitive: "in_progress",
    ported_in: "in_progress",
    held_for_undoing: "held",
    held_for_the_holder_before: "held",
    after_a_query: "in_progress",
    repeating: "in_progress",
    rechecking: "in_progress",
    joining: "in_progress",
    answered_at_once: "completed",
}


@pytest.mark.parametrize(
    ("placing", "status"),
    STANDS_THEN.items(),
    ids=[placing.__name__ for placing in STANDS_THEN],
)
async def test_an_answer_reads_as_its_resource(
    scene: Scene, placing: Placing, status: str
) -> None:
    answer = await placing(scene)
    assert (answer.status_code, answer.json().get("status")) == (202, status)
    read = await scene.get(answer.headers["Location"])
    assert read.content == answer.content


async def test_a_repeated_request_gets_the_very_bytes_again(scene: Scene) -> None:
    key = {"Idempotency-Key": "one"}
    query_id = (await queried(scene)).json()["id"]
    for body in (order_body(reference="R-3"), after_query(query_id)):
        first = await scene.post("/v1/orders", body, key)
        again = await scene.post("/v1/orders", body, key)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert again.content == first.content
        key = {"Idempotency-Key": "other"}
