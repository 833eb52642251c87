"""What carriers and platforms see of requests that join earlier ones."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.clock import FixedClock
from tests.support.joining import a_line
from tests.support.order_api import Scene, a_scene, order_body, query_body
from unbind_broker.base.ids import Prefix, parse_id

PATHS = ["/v1/orders", "/v1/queries"]


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock, "weibo") as made:
        yield made


async def ask(scene: Scene, path: str, **headers: str) -> Any:
    body = order_body() if path == "/v1/orders" else query_body()
    return await scene.post(path, body, headers)


@pytest.mark.parametrize("path", PATHS)
async def test_what_was_answered_already_is_complete_at_once(
    scene: Scene, path: str
) -> None:
    first = (await ask(scene, path)).json()
    await scene.report("weibo", {"id": first["id"], "outcome": "not_bound"})
    answer = await ask(scene, path)
    assert answer.status_code == 202
    order = answer.json()
    assert order["status"] == "completed"
    assert order["summary"] == {"total": 1, "not_bound": 1}
    assert order["completed_at"] == order["created_at"]
    assert (await scene.get(f"{path}/{order['id']}")).json() == order


@pytest.mark.parametrize("path", PATHS)
async def test_whoever_waits_for_a_joined_result_gets_it_at_once(
    scene: Scene, path: str
) -> None:
    first = (await ask(scene, path)).json()
    await scene.report("weibo", {"id": first["id"], "outcome": "not_bound"})
    answer = await ask(scene, path, Prefer="wait=30")
    assert (answer.status_code, answer.json()["status"]) == (200, "completed")


async def test_one_result_completes_the_orders_of_all_that_joined(
    scene: Scene,
) -> None:
    ids = [(await ask(scene, "/v1/orders")).json()["id"] for _ in range(3)]
    order_id = parse_id(ids[0], Prefix.ORDER)
    assert order_id is not None
    await scene.report("weibo", a_line(order_id, removed=1))
    for one in ids:
        order = (await scene.get(f"/v1/orders/{one}")).json()
        (item,) = order["items"]
        assert (order["status"], item["status"]) == ("completed", "unbound")
        assert item["removed"] == 1


async def test_a_recheck_asks_once_more(scene: Scene) -> None:
    first = (await ask(scene, "/v1/orders")).json()
    await scene.report("weibo", {"id": first["id"], "outcome": "not_bound"})
    again = await scene.post("/v1/orders", order_body(recheck=True))
    assert again.json()["summary"] == {"total": 1, "queued": 1}


async def test_when_the_first_is_cancelled_the_next_is_known_to_its_platform(
    scene: Scene,
) -> None:
    first, second = [(await ask(scene, "/v1/orders")).json()["id"] for _ in range(2)]
    line = {"id": second, "outcome": "not_bound"}
    unknown = (await scene.report("weibo", line)).json()["results"]
    assert unknown[0]["status"] == "unknown"
    assert (await scene.post(f"/v1/orders/{first}/cancel", {})).status_code == 200
    recorded = (await scene.report("weibo", line)).json()["results"]
    assert recorded[0]["status"] == "recorded"


@pytest.mark.parametrize("outcome", ["not_bound", "acknowledged"])
async def test_a_second_order_tells_nothing_of_a_sensitive_platform(
    scene: Scene, outcome: str
) -> None:
    await scene.add_platform("dating", sensitive=True)
    first = (await ask(scene, "/v1/orders")).json()
    await scene.report("dating", {"id": first["id"], "outcome": outcome})
    second = (await ask(scene, "/v1/orders")).json()
    assert second["sensitive"] == {"total": 1, "finished": 0}
    assert second["status"] == "in_progress"
