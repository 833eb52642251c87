"""Administrators see every removal that went too far."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import bearer
from tests.support.builders import a_key
from tests.support.clock import FixedClock
from tests.support.guards import OUTSIDE, removed
from tests.support.order_api import Scene, a_scene, order_body
from unbind_broker.keys.tables import Role

URL = "/v1/admin/violations"


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock, "weibo", "douyin") as made:
        await made.add_platform("dating", sensitive=True)
        yield made


async def listed(scene: Scene, **query: str | int) -> list[dict[str, Any]]:
    async with scene.engine.begin() as db:
        admin = bearer(await a_key(db, Role.ADMIN))
    answer = await scene.http.get(URL, params=query, headers=admin)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


async def violated(scene: Scene, *slugs: str, place: int = 0) -> str:
    """An order about a number of its own, and violations by these platforms."""
    number = f"+861380000{place:04}"
    answer = await scene.post("/v1/orders", order_body(number=number))
    order_id = str(answer.json()["id"])
    for slug in slugs:
        scene.clock.advance(timedelta(seconds=1))
        told = await scene.report(slug, removed(order_id, OUTSIDE))
        (line,) = told.json()["results"]
        assert (line["status"], line["code"]) == ("recorded", "outside-interval")
    return order_id


async def test_a_violation_is_shown_with_how_undoing_it_goes(scene: Scene) -> None:
    order_id = await violated(scene, "weibo")
    (violation,) = await listed(scene)
    restore_id = violation["restore_order_id"]
    assert violation == {
        "order_id": order_id,
        "clearance_id": None,
        "place": None,
        "carrier": "china-mobile",
        "platform": "weibo",
        "outcome": "unbound",
        "removed": 1,
        "last_bound_at": OUTSIDE,
        "bound_from": None,
        "bound_before": "2025-02-28T16:00:00Z",
        "raised_at": "2026-11-20T04:00:01Z",
        "restore_order_id": restore_id,
        "restore_status": "queued",
    }
    await scene.report("weibo", {"id": restore_id, "outcome": "restored"})
    (violation,) = await listed(scene)
    assert violation["restore_status"] == "restored"
    items = (await scene.get(f"/v1/orders/{violation['order_id']}")).json()["items"]
    (shown,) = [one["violation"] for one in items if "violation" in one]
    assert shown == {
        "raised_at": "2026-11-20T04:00:01Z",
        "restore_order_id": restore_id,
    }
    restore = (await scene.get(f"/v1/orders/{restore_id}")).json()
    assert (restore["kind"], restore["status"]) == ("restore", "completed")


async def test_the_carrier_sees_nothing_of_a_sensitive_platform_s(scene: Scene) -> None:
    order_id = await violated(scene, "dating")
    (violation,) = await listed(scene)
    assert violation["platform"] == "dating"
    hidden = await scene.get(f"/v1/orders/{violation['restore_order_id']}")
    assert hidden.status_code == 404
    orders = (await scene.get("/v1/orders")).json()["data"]
    assert [order["id"] for order in orders] == [order_id]


async def test_newest_come_first_in_pages_and_by_party(scene: Scene) -> None:
    first = await violated(scene, "weibo", "douyin", place=1)
    second = await violated(scene, "weibo", place=2)
    everything = [(one["order_id"], one["platform"]) for one in await listed(scene)]
    assert everything == [(second, "weibo"), (first, "douyin"), (first, "weibo")]
    weibos = await listed(scene, platform="weibo", carrier="china-mobile")
    assert [one["order_id"] for one in weibos] == [second, first]
    assert await listed(scene, carrier="china-unicom") == []
    async with scene.engine.begin() as db:
        admin = bearer(await a_key(db, Role.ADMIN))
    walked: list[tuple[str, str]] = []
    cursor = None
    for _ in range(3):
        query: dict[str, str | int] = {"limit": 1}
        if cursor:
            query["cursor"] = cursor
        page = (await scene.http.get(URL, params=query, headers=admin)).json()
        walked += [(one["order_id"], one["platform"]) for one in page["data"]]
        cursor = page["next_cursor"]
    assert walked == everything
    assert cursor is None


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "cursor=eA", "carrier=No%20Slug"]
)
async def test_what_cannot_be_asked_for_is_refused(scene: Scene, query: str) -> None:
    async with scene.engine.begin() as db:
        admin = bearer(await a_key(db, Role.ADMIN))
    answer = await scene.http.get(f"{URL}?{query}", headers=admin)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation-failed")


async def test_only_administrators_read_them(scene: Scene) -> None:
    assert (await scene.get(URL)).status_code == 403
    platform = scene.platform_headers["weibo"]
    assert (await scene.http.get(URL, headers=platform)).status_code == 403
