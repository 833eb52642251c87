"""What is sent twice is undone once, also without an Idempotency-Key."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.clock import FixedClock
from tests.support.order_api import Scene, a_scene, order_body
from tests.support.platform_answers import ACKNOWLEDGED, UNBOUND
from tests.support.trail import trail

WHY = {"reason": "the holder still uses this account"}


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock, "weibo", "zhihu") as made:
        yield made


@pytest.fixture
async def order_id(scene: Scene) -> str:
    """An order by which both platforms detached something."""
    made: str = (await scene.post("/v1/orders", order_body())).json()["id"]
    for slug in scene.platforms:
        await scene.report(slug, {"id": made, **UNBOUND})
    return made


async def restore(scene: Scene, order_id: str, *platforms: str) -> dict[str, Any]:
    body = {**WHY, "platforms": list(platforms)} if platforms else WHY
    answer = await scene.post(f"/v1/orders/{order_id}/restore", body)
    assert answer.status_code == 202, answer.text
    made: dict[str, Any] = answer.json()
    assert answer.headers["Location"] == f"/v1/orders/{made['id']}"
    return made


async def test_twenty_at_once_are_one(scene: Scene, order_id: str) -> None:
    made = await asyncio.gather(*(restore(scene, order_id) for _ in range(20)))
    assert len({one["id"] for one in made}) == 1
    async with scene.engine.connect() as db:
        facts = await trail(db, "order.restore_asked")
    assert {one.facts["restore"] for one in facts} == {made[0]["id"]}
    assert len(facts) == 20


async def test_a_part_of_what_is_under_way_is_under_way(
    scene: Scene, order_id: str
) -> None:
    whole = await restore(scene, order_id)
    assert (await restore(scene, order_id, "zhihu"))["id"] == whole["id"]


async def test_more_than_what_is_under_way_is_asked_for(
    scene: Scene, order_id: str
) -> None:
    part = await restore(scene, order_id, "zhihu")
    assert (await restore(scene, order_id))["id"] != part["id"]


@pytest.mark.parametrize("how", ["restored", "cancelled"])
async def test_what_is_over_answers_nobody(
    scene: Scene, order_id: str, how: str
) -> None:
    first = await restore(scene, order_id, "zhihu")
    if how == "cancelled":
        await scene.post(f"/v1/orders/{first['id']}/cancel", {})
    else:
        await scene.report("zhihu", {"id": first["id"], "outcome": "restored"})
    assert (await restore(scene, order_id, "zhihu"))["id"] != first["id"]


@pytest.mark.parametrize("answered", [True, False])
async def test_a_sensitive_platform_at_work_tells_nothing(
    scene: Scene, *, answered: bool
) -> None:
    await scene.add_platform("dating", sensitive=True)
    order_id = (await scene.post("/v1/orders", order_body())).json()["id"]
    for slug in scene.platforms:
        await scene.report(slug, {"id": order_id, **UNBOUND})
    first = await restore(scene, order_id)
    for slug in ("weibo", "zhihu"):
        await scene.report(slug, {"id": first["id"], "outcome": "restored"})
    line = {"outcome": "restored"} if answered else ACKNOWLEDGED
    await scene.report("dating", {"id": first["id"], **line})
    assert (await restore(scene, order_id))["id"] != first["id"]


@pytest.mark.parametrize(
    ("answer", "again"),
    [("refused", True), ("restored", False), ("not_bound", False)],
)
async def test_who_refused_is_asked_again(
    scene: Scene, order_id: str, answer: str, *, again: bool
) -> None:
    first = await restore(scene, order_id)
    line = {"id": first["id"], "outcome": answer}
    why = {"reason": "legal_hold"} if answer == "refused" else {}
    await scene.report("weibo", {**line, **why})
    assert (await restore(scene, order_id, "zhihu"))["id"] == first["id"]
    second = await restore(scene, order_id)
    assert (second["id"] != first["id"]) is again


async def test_a_sensitive_platform_that_refused_tells_nothing(scene: Scene) -> None:
    await scene.add_platform("dating", sensitive=True)
    order_id = (await scene.post("/v1/orders", order_body())).json()["id"]
    for slug in scene.platforms:
        await scene.report(slug, {"id": order_id, **UNBOUND})
    first = await restore(scene, order_id)
    refusal = {"outcome": "refused", "reason": "legal_hold"}
    await scene.report("dating", {"id": first["id"], **refusal})
    assert (await restore(scene, order_id))["id"] == first["id"]
