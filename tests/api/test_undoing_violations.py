"""What undoes a violation stands, whatever comes after it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.clearings import a_published, number
from tests.support.clock import FixedClock
from tests.support.findings import an_admin, has_found, unbound
from tests.support.guards import INSIDE, OUTSIDE, removed
from tests.support.holdings_api import line, tell
from tests.support.order_api import NUMBER, Scene, a_scene, order_body
from unbind_broker.base.instants import show_instant
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.events import EventType

LATER = "2026-11-10"
AFTER_GONE = "2026-08-20T16:00:00Z"


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock, "weibo") as made:
        yield made


async def ordered(scene: Scene) -> str:
    return str((await scene.post("/v1/orders", order_body())).json()["id"])


async def undoing(scene: Scene, slug: str = "weibo") -> str:
    """Let a platform remove too much, and find the order that undoes it."""
    await scene.report(slug, removed(await ordered(scene), OUTSIDE))
    (violation,) = await violations(scene)
    return str(violation["restore_order_id"])


async def violations(scene: Scene) -> list[dict[str, Any]]:
    url, admin = "/v1/admin/violations", await an_admin(scene)
    answer = await scene.http.get(url, headers=admin)
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


async def waits(scene: Scene, restore: str) -> bool:
    shown = (await scene.get(f"/v1/orders/{restore}")).json()
    state = shown["status"], shown["items"][0]["status"]
    return state == ("in_progress", "queued")


async def count(scene: Scene, event: EventType) -> int:
    queued = select(func.count()).where(deliveries.c.event == event)
    async with scene.engine.connect() as db:
        return int((await db.execute(queued)).scalar_one())


async def supersede(scene: Scene) -> None:
    other = await scene.add_carrier("china-unicom")
    body = order_body(owner_since=LATER)
    assert (await scene.post("/v1/orders", body, other)).status_code == 202


async def disconnect(scene: Scene) -> None:
    assert (await tell(scene, line("disconnected", LATER)))["recorded"] == 1


async def transfer(scene: Scene) -> None:
    assert (await tell(scene, line("transferred", LATER)))["recorded"] == 1


async def retract(scene: Scene) -> None:
    body = {
        "number": NUMBER,
        "carrier": scene.carrier.slug,
        "owner_since": "2025-03-01",
        "reason": "told by mistake",
    }
    url, admin = "/v1/admin/holdings/retract", await an_admin(scene)
    answer = await scene.http.post(url, json=body, headers=admin)
    assert answer.status_code == 200, answer.text


async def brake(scene: Scene) -> None:
    await administer(scene, "brake", {"carrier": None, "reason": "a drill"})


async def suspend_for_a_while(scene: Scene) -> None:
    await administer(scene, f"carriers/{scene.carrier.slug}/suspend", None)
    await administer(scene, f"carriers/{scene.carrier.slug}/resume", None)


async def administer(scene: Scene, path: str, body: object) -> None:
    url, admin = f"/v1/admin/{path}", await an_admin(scene)
    answer = await scene.http.post(url, json=body, headers=admin)
    assert answer.status_code in {200, 201}, answer.text


@pytest.mark.parametrize(
    "happens",
    [
        supersede,
        disconnect,
        transfer,
        retract,
        brake,
        suspend_for_a_while,
    ],
)
async def test_it_goes_on_whatever_becomes_of_number_and_carrier(
    scene: Scene, happens: Callable[[Scene], Awaitable[None]]
) -> None:
    restore = await undoing(scene)
    await happens(scene)
    assert await waits(scene, restore)
    assert await count(scene, EventType.UNBIND_CANCELLED) == 0


async def test_it_goes_on_unseen_at_a_sensitive_platform(scene: Scene) -> None:
    await scene.add_platform("dating", sensitive=True)
    restore = await undoing(scene, "dating")
    await supersede(scene)
    (violation,) = await violations(scene)
    assert violation["restore_status"] == "queued"
    assert await refusal(scene, restore) == (404, "not-found")


async def test_it_goes_on_for_a_number_of_a_clearance(scene: Scene) -> None:
    path = await a_published(scene, [1])
    await has_found(scene, "weibo", path, unbound(1, last_bound_at=AFTER_GONE))
    (violation,) = await violations(scene)
    other = await scene.add_carrier("china-unicom")
    for told in (
        line("activated", "2026-09-01", number(1)),
        line("transferred", LATER, number(1)),
    ):
        assert (await tell(scene, told, **other))["recorded"] == 1
    restore = str(violation["restore_order_id"])
    assert await waits(scene, restore)
    assert await refusal(scene, restore) == (409, "undoes-violation")


async def test_what_a_carrier_wants_restored_ends_with_a_later_holder(
    scene: Scene,
) -> None:
    order = await ordered(scene)
    until = show_instant(scene.clock.now() + timedelta(days=30))
    await scene.report("weibo", removed(order, INSIDE, restorable_until=until))
    asked = {"reason": "a mistake"}
    restore = (await scene.post(f"/v1/orders/{order}/restore", asked)).json()["id"]
    await supersede(scene)
    shown = (await scene.get(f"/v1/orders/{restore}")).json()
    assert (shown["kind"], shown["status"]) == ("restore", "cancelled")


async def test_no_carrier_calls_it_back(scene: Scene) -> None:
    restore = await undoing(scene)
    assert await refusal(scene, restore) == (409, "undoes-violation")
    assert await waits(scene, restore)
    await scene.report("weibo", {"id": restore, "outcome": "restored"})
    assert await refusal(scene, restore) == (409, "order-already-completed")


async def refusal(scene: Scene, order: str) -> tuple[int, str]:
    refused = await scene.post(f"/v1/orders/{order}/cancel", {})
    return refused.status_code, refused.json()["code"]
