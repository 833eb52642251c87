"""Suspending a carrier ends what it has open."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import bearer
from tests.support.builders import a_key
from tests.support.clock import FixedClock
from tests.support.order_api import a_scene, order_body, query_body
from tests.support.trail import trail
from unbind_broker.keys.tables import Role


@pytest.mark.parametrize("times", [1, 2])
async def test_a_suspended_carriers_open_orders_are_cancelled(
    engine: AsyncEngine, clock: FixedClock, times: int
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        async with engine.begin() as db:
            admin = bearer(await a_key(db, Role.ADMIN))
        order = (await scene.post("/v1/orders", order_body())).json()
        query = (await scene.post("/v1/queries", query_body())).json()
        for _ in range(times):
            path = "/v1/admin/carriers/china-mobile/suspend"
            answer = await scene.http.post(path, headers=admin)
            assert (answer.status_code, answer.json()["status"]) == (200, "suspended")
        path = "/v1/admin/carriers/china-mobile/resume"
        await scene.http.post(path, headers=admin)
        for path in (f"/v1/orders/{order['id']}", f"/v1/queries/{query['id']}"):
            found = (await scene.get(path)).json()
            assert found["status"] == "cancelled"
            assert found["items"][0]["reason"] == "carrier_suspended"
    async with engine.connect() as db:
        actors = {fact.actor for fact in await trail(db, "order.cancelled")}
    assert len(actors) == 1
    assert actors.pop().startswith("admin:")
