from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import bearer
from tests.support.builders import a_key
from tests.support.clock import FixedClock
from tests.support.order_api import NUMBER, Scene, a_scene, order_body
from tests.support.trail import trail
from unbind_broker.keys.tables import Role

OLD, NEW = "2025-03-01", "2026-09-01"


async def admin_of(engine: AsyncEngine) -> dict[str, str]:
    async with engine.begin() as db:
        return bearer(await a_key(db, Role.ADMIN, "admin"))


async def a_dispute(scene: Scene) -> tuple[str, str, dict[str, str]]:
    """An order of the first carrier, a newer one of another, and its headers."""
    known = await scene.post("/v1/orders", order_body(owner_since=OLD))
    unicom = await scene.add_carrier("china-unicom")
    body = order_body(owner_since=NEW)
    newer = await scene.post("/v1/orders", body, unicom)
    assert newer.json()["held_for"] == "disputed_holding"
    return known.json()["id"], newer.json()["id"], unicom


def wrong(**changes: object) -> dict[str, object]:
    return {
        "number": NUMBER,
        "carrier": "china-unicom",
        "owner_since": NEW,
        "reason": "told by mistake",
        **changes,
    }


async def test_a_wrong_holding_is_taken_back(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        _, newer, unicom = await a_dispute(scene)
        admin = await admin_of(engine)
        done = await scene.http.post(
            "/v1/admin/holdings/retract", json=wrong(), headers=admin
        )
        assert done.status_code == 200, done.text
        answer = done.json()
        assert (answer["orders_ended"], answer["live_again"]) == (1, True)
        known, taken_back = answer["holdings"]
        assert (known["carrier"], known["ended"]) == ("china-mobile", None)
        assert taken_back["retracted_at"] is not None
        held = await scene.http.get(f"/v1/orders/{newer}", headers=unicom)
        assert held.json()["status"] == "cancelled"
        assert held.json()["items"][0]["reason"] == "superseded"
        anew = await scene.post("/v1/orders", order_body(owner_since=OLD))
        assert anew.json()["status"] == "in_progress"
        async with engine.connect() as db:
            (fact,) = await trail(db, "holding.retracted")
        assert fact.facts["reason"] == "told by mistake"
        assert fact.actor.startswith("admin:")


@pytest.mark.parametrize(
    "changes",
    [
        {"number": "+8613800005678"},
        {"carrier": "china-mobile"},
        {"carrier": "nobody"},
        {"owner_since": OLD},
        {"owner_since": None},
    ],
)
async def test_what_nobody_told_cannot_be_taken_back(
    engine: AsyncEngine, clock: FixedClock, changes: dict[str, object]
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        await a_dispute(scene)
        done = await scene.http.post(
            "/v1/admin/holdings/retract",
            json=wrong(**changes),
            headers=await admin_of(engine),
        )
        assert (done.status_code, done.json()["code"]) == (404, "not-found")


async def test_a_holding_is_taken_back_once(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        await a_dispute(scene)
        admin = await admin_of(engine)
        for status in (200, 404):
            done = await scene.http.post(
                "/v1/admin/holdings/retract", json=wrong(), headers=admin
            )
            assert done.status_code == status


async def test_administrators_see_the_ledger_of_a_number(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        await a_dispute(scene)
        clock.advance(timedelta(minutes=1))
        found = await scene.http.post(
            "/v1/admin/holdings/search",
            json={"number": NUMBER},
            headers=await admin_of(engine),
        )
        assert found.status_code == 200
        rows = found.json()["holdings"]
        told = [(row["carrier"], row["owner_since"], row["ended"]) for row in rows]
        assert told == [
            ("china-mobile", OLD, "superseded"),
            ("china-unicom", NEW, None),
        ]
        assert NUMBER[-8:] not in found.text
        async with engine.connect() as db:
            assert len(await trail(db, "holdings.disclosed")) == 1


async def test_the_reason_keeps_no_number(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        await a_dispute(scene)
        await scene.http.post(
            "/v1/admin/holdings/retract",
            json=wrong(reason=f"{NUMBER} was typed wrongly"),
            headers=await admin_of(engine),
        )
        async with engine.connect() as db:
            (fact,) = await trail(db, "holding.retracted")
        assert NUMBER[-8:] not in str(fact.facts)


async def test_carriers_may_not_look_into_the_ledger(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        for path in ("search", "retract"):
            done = await scene.post(f"/v1/admin/holdings/{path}", wrong())
            assert done.status_code == 403
