"""Administrators stop unbinding, and the broker does when results are too bad."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import bearer
from tests.support.builders import a_key
from tests.support.clock import FixedClock
from tests.support.guards import OUTSIDE, active_after_cutoff, removed
from tests.support.order_api import Scene, a_scene, order_body, query_body
from tests.support.trail import trail
from unbind_broker.keys.tables import Role

URL = "/v1/admin/brake"
NOTHING: dict[str, Any] = {"everybody": None, "carriers": [], "held_orders": 0}


@dataclass
class Controls:
    """A carrier that orders, a platform that answers, an administrator."""

    scene: Scene
    admin: dict[str, str]
    _made: int = 0

    async def order(self) -> httpx.Response:
        """An order about a number of its own."""
        self._made += 1
        number = f"+861380000{self._made:04}"
        return await self.scene.post("/v1/orders", order_body(number=number))

    async def brake(
        self, carrier: str | None, what: str = "", reason: str = "wrong dates"
    ) -> httpx.Response:
        body = {"carrier": carrier, "reason": reason}
        return await self.scene.http.post(f"{URL}{what}", json=body, headers=self.admin)

    async def state(self) -> dict[str, Any]:
        answer = await self.scene.http.get(URL, headers=self.admin)
        assert answer.status_code == 200
        shown: dict[str, Any] = answer.json()
        return shown

    async def is_braked(self, slug: str = "china-mobile") -> bool:
        path = f"/v1/admin/carriers/{slug}"
        one = (await self.scene.http.get(path, headers=self.admin)).json()
        pages = await self.scene.http.get("/v1/admin/carriers", headers=self.admin)
        listed = {shown["slug"]: shown["braked"] for shown in pages.json()["data"]}
        assert listed[slug] is one["braked"]
        return bool(one["braked"])

    async def status(self, order_id: str) -> tuple[str, str | None]:
        order = (await self.scene.get(f"/v1/orders/{order_id}")).json()
        return order["status"], order["held_for"]


@pytest.fixture
async def controls(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Controls]:
    async with a_scene(engine, clock, "weibo") as scene:
        async with engine.begin() as db:
            admin = bearer(await a_key(db, Role.ADMIN))
        yield Controls(scene, admin)


async def test_a_brake_is_shown_with_its_reason_and_what_it_holds(
    controls: Controls,
) -> None:
    order_id = (await controls.order()).json()["id"]
    assert await controls.state() == NOTHING
    engaged = await controls.brake("china-mobile", reason="dates of 20260101")
    assert engaged.status_code == 200
    assert engaged.json() == await controls.state()
    state = engaged.json()
    (shown,) = state["carriers"]
    assert shown["carrier"] == "china-mobile"
    assert shown["brake"]["engaged_at"] == "2026-11-20T04:00:00Z"
    assert shown["brake"]["engaged_by"].startswith("admin:")
    assert "20260101" not in shown["brake"]["reason"]
    assert state["held_orders"] == shown["held_orders"] == 1
    assert await controls.is_braked()
    assert await controls.status(order_id) == ("held", "braked")
    released = await controls.brake("china-mobile", "/release", "mended")
    assert released.json() == NOTHING
    assert not await controls.is_braked()
    assert (await controls.status(order_id))[0] == "in_progress"


async def test_new_orders_are_refused_and_queries_go_on(controls: Controls) -> None:
    await controls.brake("china-mobile")
    refused = await controls.order()
    assert (refused.status_code, refused.json()["code"]) == (409, "unbinding-braked")
    page = await controls.scene.http.get(refused.json()["type"])
    assert page.status_code == 200
    query = await controls.scene.post("/v1/queries", query_body())
    assert query.status_code == 202
    await controls.brake("china-mobile", "/release")
    assert (await controls.order()).status_code == 202


async def test_an_earlier_answer_is_given_again_though_the_brake_is_on(
    controls: Controls,
) -> None:
    key = {"Idempotency-Key": "once"}
    first = await controls.scene.post("/v1/orders", order_body(), key)
    await controls.brake(None)
    again = await controls.scene.post("/v1/orders", order_body(), key)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json()["id"] == first.json()["id"]


async def test_the_brake_on_all_stops_every_carrier(controls: Controls) -> None:
    order_id = (await controls.order()).json()["id"]
    state = (await controls.brake(None, reason="drill")).json()
    assert state["everybody"]["reason"] == "drill"
    assert state["carriers"] == [
        {"carrier": "china-mobile", "brake": None, "held_orders": 1}
    ]
    assert await controls.is_braked()
    assert (await controls.order()).status_code == 409
    await controls.brake("china-mobile")
    await controls.brake(None, "/release")
    assert await controls.is_braked()
    assert await controls.status(order_id) == ("held", "braked")
    await controls.brake("china-mobile", "/release")
    assert (await controls.status(order_id))[0] == "in_progress"


async def test_doing_it_again_changes_nothing(controls: Controls) -> None:
    await controls.brake("china-mobile", reason="first")
    again = await controls.brake("china-mobile", reason="second")
    assert again.status_code == 200
    assert again.json()["carriers"][0]["brake"]["reason"] == "first"
    for _ in range(2):
        released = await controls.brake("china-mobile", "/release")
        assert (released.status_code, released.json()) == (200, NOTHING)
    async with controls.scene.engine.connect() as db:
        told = [one.action for one in await trail(db, "brake.")]
    assert told == ["brake.engaged", "brake.released"]


async def test_results_under_way_are_taken_from_a_braked_carrier_s_platforms(
    controls: Controls,
) -> None:
    order_id = (await controls.order()).json()["id"]
    await controls.brake("china-mobile")
    answer = await controls.scene.report("weibo", removed(order_id))
    assert answer.json()["results"] == [{"id": order_id, "status": "recorded"}]
    assert (await controls.status(order_id))[0] == "completed"


async def test_a_carrier_s_own_wrong_dates_brake_it(controls: Controls) -> None:
    ids = [(await controls.order()).json()["id"] for _ in range(6)]
    for order_id in ids[:4]:
        controls.scene.clock.advance(timedelta(seconds=1))
        await controls.scene.report("weibo", active_after_cutoff(order_id))
    assert await controls.state() == NOTHING
    await controls.scene.report("weibo", removed(ids[4], OUTSIDE))
    state = await controls.state()
    brake = state["carriers"][0]["brake"]
    assert brake["engaged_by"] == "broker"
    assert brake["reason"].startswith("5 of the newest 5 results")
    assert await controls.status(ids[5]) == ("held", "braked")
    assert (await controls.order()).status_code == 409


async def test_sensitive_platforms_brake_nobody(controls: Controls) -> None:
    await controls.scene.add_platform("dating", sensitive=True)
    for _ in range(6):
        order_id = (await controls.order()).json()["id"]
        await controls.scene.report("dating", removed(order_id, OUTSIDE))
    assert await controls.state() == NOTHING


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"carrier": "nobody", "reason": "why"}, "/carrier"),
        ({"carrier": "china-mobile", "reason": ""}, "/reason"),
        ({"carrier": "china-mobile", "reason": "  "}, "/reason"),
        ({"carrier": "china-mobile", "reason": "x" * 201}, "/reason"),
        ({"carrier": "china-mobile"}, "/reason"),
        ({"reason": "why"}, "/carrier"),
        ({"carrier": None, "reason": "why", "until": "never"}, "/until"),
    ],
)
async def test_whom_and_why_must_be_said(
    controls: Controls, body: dict[str, object], pointer: str
) -> None:
    for path in (URL, f"{URL}/release"):
        answer = await controls.scene.http.post(path, json=body, headers=controls.admin)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == pointer


async def test_only_administrators_brake(controls: Controls) -> None:
    body = {"carrier": None, "reason": "why"}
    async with controls.scene.engine.begin() as db:
        auditor = bearer(await a_key(db, Role.AUDITOR))
    for headers in (controls.scene.carrier_headers, auditor):
        for path in (URL, f"{URL}/release"):
            answer = await controls.scene.http.post(path, json=body, headers=headers)
            assert answer.status_code == 403
        assert (await controls.scene.http.get(URL, headers=headers)).status_code == 403
