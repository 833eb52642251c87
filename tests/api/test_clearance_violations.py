"""Removals of what is not a former holder's, in clearances as in orders."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.clearings import a_published, number, shown
from tests.support.clock import FixedClock
from tests.support.findings import an_admin, find, has_found, refused, unbound
from tests.support.order_api import Scene, a_scene, order_body
from tests.support.trail import trail
from unbind_broker.carriers.marks import OF_CLEARANCES, Tally, mark, newest
from unbind_broker.endpoints.states import Delivery
from unbind_broker.platforms.service import suspend

SINCE = "2026-08-20T16:00:00Z"
"""The first instant after the day on which the numbers were given up."""


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock, "weibo") as made:
        yield made


def too_much(place: int, **more: Any) -> dict[str, Any]:
    return unbound(place, **{"last_bound_at": SINCE, **more})


async def violations(scene: Scene) -> list[dict[str, Any]]:
    url, admin = "/v1/admin/violations", await an_admin(scene)
    answer = await scene.http.get(url, headers=admin)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


async def told(scene: Scene) -> list[dict[str, Any]]:
    feed = (await scene.get("/v1/events")).json()["data"]
    return [one["data"] for one in feed if one["type"] == "order.violation"]


async def orders(scene: Scene) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await scene.get("/v1/orders")).json()["data"]
    return found


async def counted(scene: Scene) -> Tally:
    async with scene.engine.connect() as db:
        return await newest(db, scene.carrier.id, None, OF_CLEARANCES)


async def test_a_violation_is_written_down_undone_and_told(scene: Scene) -> None:
    path = await a_published(scene, [1, 2])
    answered = await has_found(scene, "weibo", path, too_much(2))
    assert "restore.requested" in answered["results"][0]["detail"]
    (restore,) = await orders(scene)
    clearance = (await shown(scene, path))["id"]
    assert await violations(scene) == [
        {
            "order_id": None,
            "clearance_id": clearance,
            "place": 2,
            "carrier": "china-mobile",
            "platform": "weibo",
            "outcome": "unbound",
            "removed": None,
            "last_bound_at": SINCE,
            "bound_from": None,
            "bound_before": SINCE,
            "raised_at": "2026-11-20T04:00:00Z",
            "restore_order_id": restore["id"],
            "restore_status": "queued",
        }
    ]
    assert (restore["kind"], restore["number"]) == ("restore", "+86138****0002")
    assert await told(scene) == [
        {
            "order_id": None,
            "clearance_id": clearance,
            "reference": None,
            "platform": "weibo",
            "restore_order_id": restore["id"],
            "last_bound_at": SINCE,
            "raised_at": "2026-11-20T04:00:00Z",
        }
    ]
    async with scene.engine.connect() as db:
        (fact,) = await trail(db, "violation.raised")
    assert (fact.actor, fact.facts["place"]) == ("platform:weibo", 2)
    assert fact.facts["clearance"] == clearance


async def test_its_platform_is_told_which_clearance_to_undo(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock) as scene:
        await scene.add_platform("weibo", delivery=Delivery.PULL)
        path = await a_published(scene, [1, 2])
        await has_found(scene, "weibo", path, too_much(2))
        mine = scene.platform_headers["weibo"]
        (item,) = (await scene.http.get("/v1/items", headers=mine)).json()["data"]
        assert item["type"] == "restore.requested"
        assert item["restores"] == (await shown(scene, path))["id"]
        assert (item["number"], item["owner_since"]) == (number(2), "2026-08-21")
        assert (item["bound_from"], item["bound_before"]) == (None, SINCE)
        await scene.report("weibo", {"id": item["id"], "outcome": "restored"})
        (violation,) = await violations(scene)
        assert violation["restore_status"] == "restored"
        (restore,) = await orders(scene)
        assert restore["status"] == "completed"


async def test_whoever_asks_for_all_that_is_kept_reads_what_is_undone(
    scene: Scene,
) -> None:
    path = await a_published(scene, [1, 2])
    await has_found(scene, "weibo", path, too_much(2))
    url, admin = "/v1/admin/numbers/export", await an_admin(scene)
    body = {"number": number(2)}
    kept = (await scene.http.post(url, json=body, headers=admin)).json()
    clearance = (await shown(scene, path))["id"]
    (violation,), (order,) = kept["violations"], kept["orders"]
    assert (violation["clearance_id"], order["restores"]) == (clearance, clearance)
    assert (order["kind"], violation["restore_id"]) == ("restore", order["id"])


async def test_the_same_claim_is_raised_once_another_one_again(scene: Scene) -> None:
    path = await a_published(scene, [1])
    await has_found(scene, "weibo", path, too_much(1), too_much(1))
    await has_found(scene, "weibo", path, too_much(1, amend=True, detail="sorry"))
    assert len(await violations(scene)) == len(await orders(scene)) == 1
    later = too_much(1, last_bound_at="2026-09-01T00:00:00Z", amend=True)
    await has_found(scene, "weibo", path, later)
    assert len(await violations(scene)) == len(await orders(scene)) == 2


async def test_a_report_that_wavers_raises_the_last_claim_of_each_number(
    scene: Scene,
) -> None:
    path = await a_published(scene, [1])
    nothing = {"number": number(1), "outcome": "not_bound", "amend": True}
    again = too_much(1, amend=True)
    later = too_much(1, last_bound_at="2026-09-01T00:00:00Z", amend=True)
    wavering = [too_much(1), nothing, again, nothing, later, nothing]
    await has_found(scene, "weibo", path, *wavering)
    (violation,) = await violations(scene)
    assert violation["last_bound_at"] == "2026-09-01T00:00:00Z"
    assert len(await told(scene)) == len(await orders(scene)) == 1


async def test_a_suspended_platform_s_violation_stands_without_a_restore(
    scene: Scene,
) -> None:
    path = await a_published(scene, [1])
    async with scene.engine.begin() as db:
        await suspend(db, scene.clock.now(), "weibo", "test")
    await has_found(scene, "weibo", path, too_much(1))
    (violation,) = await violations(scene)
    assert violation["restore_order_id"] is violation["restore_status"] is None
    assert await orders(scene) == []


async def test_a_sensitive_platform_s_violation_is_undone_behind_the_carrier_s_back(
    scene: Scene,
) -> None:
    await scene.add_platform("tantan", sensitive=True)
    path = await a_published(scene, range(1, 7))
    paths = (path, f"{path}/results", "/v1/clearances", "/v1/orders", "/v1/events")
    before = [(await scene.get(one)).text for one in paths]
    lines = [too_much(place) for place in range(1, 7)]
    await has_found(scene, "tantan", path, *lines)
    assert [(await scene.get(one)).text for one in paths] == before
    found = await violations(scene)
    assert len(found) == 6
    assert all(one["restore_order_id"] for one in found)
    hidden = await scene.get(f"/v1/orders/{found[0]['restore_order_id']}")
    assert hidden.status_code == 404
    assert await orders(scene) == await told(scene) == []
    assert await counted(scene) == Tally()


async def test_the_brake_counts_violations_of_clearances(scene: Scene) -> None:
    path = await a_published(scene, range(1, 7))
    await has_found(scene, "weibo", path, *(too_much(n) for n in range(1, 5)))
    order = order_body(number=number(8))
    assert (await scene.post("/v1/orders", order)).status_code == 202
    await has_found(scene, "weibo", path, too_much(5))
    refusal = await scene.post("/v1/orders", order_body(number=number(9)))
    assert (refusal.status_code, refusal.json()["code"]) == (409, "unbinding-braked")
    manifest = await scene.http.get(
        f"{path}/manifest", headers=scene.platform_headers["weibo"]
    )
    assert manifest.json()["code"] == "clearance-held"
    taken = await find(scene, "weibo", path, unbound(6))
    assert taken.status_code == 200


async def test_a_finding_counts_once_and_once_more_if_it_turns_bad(
    scene: Scene,
) -> None:
    path = await a_published(scene, range(1, 6))
    first = [unbound(1), refused(2), too_much(3), refused(4, "active_after_cutoff")]
    await has_found(scene, "weibo", path, *first)
    await has_found(scene, "weibo", path, *first)
    assert await counted(scene) == Tally(3, 1)
    await has_found(scene, "weibo", path, too_much(1, amend=True))
    await has_found(scene, "weibo", path, unbound(3, amend=True))
    assert await counted(scene) == Tally(4, 2)


async def test_results_of_orders_do_not_hide_those_of_clearances(scene: Scene) -> None:
    async with scene.engine.begin() as db:
        await mark(db, scene.clock.now(), {scene.carrier.id: Tally(5000, 0)})
    path = await a_published(scene, range(1, 6))
    await has_found(scene, "weibo", path, *(too_much(n) for n in range(1, 6)))
    refusal = await scene.post("/v1/orders", order_body(number=number(9)))
    assert refusal.json()["code"] == "unbinding-braked"
    feed = (await scene.get("/v1/events")).json()["data"]
    (braked,) = [one["data"] for one in feed if one["type"] == "carrier.braked"]
    assert (braked["results"], braked["bad"]) == (5, 5)
    assert "clearances" in braked["reason"]


async def test_findings_of_clearances_do_not_hide_results_of_orders(
    scene: Scene,
) -> None:
    async with scene.engine.begin() as db:
        known = {scene.carrier.id: Tally(5000, 0)}
        await mark(db, scene.clock.now(), known, OF_CLEARANCES)
    for place in range(1, 6):
        order = await scene.post("/v1/orders", order_body(number=number(place)))
        line = {"id": order.json()["id"], "outcome": "refused"}
        await scene.report("weibo", {**line, "reason": "active_after_cutoff"})
    refusal = await scene.post("/v1/orders", order_body(number=number(9)))
    assert refusal.json()["code"] == "unbinding-braked"
