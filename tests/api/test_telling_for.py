"""Administrators end holdings of carriers that keep silent."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.clearings import a_draft, has_put, ndjson, number
from tests.support.clock import FixedClock
from tests.support.findings import an_admin
from tests.support.holdings_api import line, tell
from tests.support.order_api import NUMBER, Scene, a_scene, order_body
from tests.support.trail import trail

TODAY = "2026-11-20"
WHY = "confirmed in writing"


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock, "weibo") as made:
        yield made


async def told_for(scene: Scene, **changes: object) -> dict[str, Any]:
    body = {
        "number": NUMBER,
        "carrier": "china-mobile",
        "event": "ported_out",
        "on": "2026-11-10",
        "reason": WHY,
        **changes,
    }
    answer = await scene.http.post(
        "/v1/admin/holdings/tell", json=body, headers=await an_admin(scene)
    )
    return {"http": answer.status_code, **answer.json()}


async def test_who_got_a_number_need_not_wait_for_who_lost_it(scene: Scene) -> None:
    await scene.post("/v1/orders", order_body())
    unicom = await scene.add_carrier("china-unicom")
    await tell(scene, line("ported_in", "2026-11-10"), **unicom)
    transfer = line("transferred", TODAY)
    refused = await tell(scene, transfer, **unicom)
    assert refused["results"][0]["code"] == "holding-elsewhere"
    told = await told_for(scene)
    assert (told["http"], told["status"], told["code"]) == (200, "recorded", None)
    assert [one["ended"] for one in told["holdings"]] == ["ported_out", None]
    assert (await tell(scene, transfer, **unicom))["recorded"] == 1


async def test_who_lost_a_number_need_not_wait_for_who_gave_it_up(scene: Scene) -> None:
    unicom = await scene.add_carrier("china-unicom")
    mine = number(1)
    await tell(scene, line("activated", "2020-03-01", mine))
    await tell(scene, line("ported_out", "2024-03-01", mine))
    await tell(scene, line("ported_in", "2024-03-01", mine), **unicom)
    bad = (await has_put(scene, await a_draft(scene), ndjson([1], TODAY)))["bad"]
    assert [one["code"] for one in bad] == ["live-holding"]
    changes = {"event": "disconnected", "carrier": "china-unicom", "number": mine}
    assert (await told_for(scene, **changes))["status"] == "recorded"
    put = await has_put(scene, await a_draft(scene), ndjson([1], TODAY))
    assert (put["accepted"], put["bad"]) == (1, [])


async def test_what_was_told_ends_orders_and_stands_in_the_trail(scene: Scene) -> None:
    order = (await scene.post("/v1/orders", order_body())).json()
    await told_for(scene, event="disconnected", reason=f"{WHY} +8613800001234")
    shown = (await scene.get(f"/v1/orders/{order['id']}")).json()
    assert shown["items"][0]["reason"] == "number_disconnected"
    async with scene.engine.connect() as db:
        (fact,) = await trail(db, "holding.told_for")
        (ended,) = await trail(db, "holding.disconnected")
    assert fact.actor == ended.actor
    assert fact.actor.startswith("admin:")
    assert fact.facts["carrier"] == "china-mobile"
    assert (fact.facts["status"], fact.facts["on"]) == ("recorded", "2026-11-10")
    assert WHY in fact.facts["reason"]
    assert NUMBER[-8:] not in fact.facts["reason"]


async def test_it_is_judged_like_the_carriers_own_word(scene: Scene) -> None:
    told = await told_for(scene)
    assert (told["status"], told["code"]) == ("rejected", "holding-unknown")
    assert told["holdings"] == []


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"event": "activated"}, 422),
        ({"on": "2026-11-21"}, 422),
        ({"on": "1969-12-31"}, 422),
        ({"number": "+861380000"}, 422),
        ({"carrier": "nobody"}, 404),
    ],
)
async def test_what_cannot_be_told_is_refused(
    scene: Scene, changes: dict[str, object], status: int
) -> None:
    assert (await told_for(scene, **changes))["http"] == status
