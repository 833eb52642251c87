"""Carriers that find out number by number what others hold are counted and slowed."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.clearings import a_draft, has_put, ndjson, number, put
from tests.support.clock import FixedClock
from tests.support.findings import an_admin
from tests.support.holdings_api import line, tell
from tests.support.order_api import Scene, a_scene, order_body, query_body
from tests.support.sealing import BLIND_INDEX
from tests.support.trail import trail
from unbind_broker.audit.tables import audit_events
from unbind_broker.base.numbers import PhoneNumber

TODAY = "2026-11-20"
USUAL = 3


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock, "weibo", refusals_per_day=USUAL) as made:
        other = await made.add_carrier("china-unicom")
        held = [line("activated", "2025-06-01", number(n)) for n in range(1, 6)]
        await tell(made, *held, **other)
        yield made


async def carrier_shown(scene: Scene) -> dict[str, Any]:
    answer = await scene.http.get(
        f"/v1/admin/carriers/{scene.carrier.slug}", headers=await an_admin(scene)
    )
    shown: dict[str, Any] = answer.json()
    return shown


async def upload(scene: Scene, *places: int) -> httpx.Response:
    return await put(scene, await a_draft(scene), ndjson(places, TODAY))


async def test_uploads_end_for_the_day_once_too_many_numbers_were_held(
    scene: Scene, clock: FixedClock
) -> None:
    path = await a_draft(scene)
    first = await has_put(scene, path, ndjson([1, 2, 3, 4, 9], TODAY))
    assert [one["line"] for one in first["bad"]] == [1, 2, 3, 4]
    refused = await upload(scene, 5)
    assert (refused.status_code, refused.json()["code"]) == (429, "too-many-refusals")
    until_midnight = 12 * 3600  # it is noon in the broker's time zone
    assert int(refused.headers["Retry-After"]) == until_midnight
    assert (await scene.post(f"{path}/publish", {})).status_code == 200
    clock.advance(timedelta(seconds=until_midnight))
    assert (await upload(scene, 9)).status_code == 200


async def test_a_part_that_came_before_may_be_sent_again_on_such_a_day(
    scene: Scene,
) -> None:
    path, content = await a_draft(scene), ndjson([1, 2, 3, 4, 9], TODAY)
    first = await has_put(scene, path, content)
    assert await has_put(scene, path, content) == first
    assert (await carrier_shown(scene))["refused_today"] == 4
    assert (await scene.post(f"{path}/publish", {})).status_code == 200
    assert await has_put(scene, path, content) == first


@pytest.mark.parametrize(
    ("places", "part"), [([5, 9], 1), ([9], 1), ([1, 2, 3, 4, 9], 2)]
)
async def test_nothing_else_may_be_put_in_on_such_a_day(
    scene: Scene, places: list[int], part: int
) -> None:
    path, content = await a_draft(scene), ndjson([1, 2, 3, 4, 9], TODAY)
    first = await has_put(scene, path, content)
    refused = await put(scene, path, ndjson(places, TODAY), part=part)
    assert (refused.status_code, refused.json()["code"]) == (429, "too-many-refusals")
    assert int(refused.headers["Retry-After"]) == 12 * 3600
    assert (await carrier_shown(scene))["refused_today"] == 4
    assert await has_put(scene, path, content) == first


async def test_an_upload_that_began_before_is_judged_when_all_of_it_has_come(
    scene: Scene,
) -> None:
    path = await a_draft(scene)

    async def slowly() -> AsyncIterator[bytes]:
        yield ndjson([9], TODAY)
        await has_put(scene, path, ndjson([1, 2, 3, 4], TODAY))
        yield ndjson([5], TODAY)

    refused = await put(scene, await a_draft(scene), slowly())
    assert (refused.status_code, refused.json()["code"]) == (429, "too-many-refusals")


async def test_what_others_claim_of_given_up_numbers_is_not_held_against_a_carrier(
    scene: Scene,
) -> None:
    other = await scene.add_carrier("china-broadnet")
    given_up = [number(n) for n in range(20, 25)]
    await tell(scene, *[line("activated", "2020-05-01", one) for one in given_up])
    await tell(scene, *[line("disconnected", "2026-08-20", one) for one in given_up])
    claimed = [line("activated", "2026-11-10", one) for one in given_up]
    assert (await tell(scene, *claimed, **other))["recorded"] == 5
    path = await a_draft(scene)
    put_in = await has_put(scene, path, ndjson([20, 21, 22, 23, 24], "2026-08-20"))
    assert [one["code"] for one in put_in["bad"]] == ["live-holding"] * 5
    assert (await carrier_shown(scene))["refused_today"] == 0


async def test_claiming_numbers_of_others_before_asking_hides_nothing(
    scene: Scene,
) -> None:
    taken = [number(n) for n in range(1, 5)]
    await tell(scene, *[line("ported_in", "2026-11-01", one) for one in taken])
    await tell(scene, *[line("disconnected", "2026-11-10", one) for one in taken])
    path = await a_draft(scene)
    put_in = await has_put(scene, path, ndjson([1, 2, 3, 4], "2026-11-10"))
    assert [one["code"] for one in put_in["bad"]] == ["live-holding"] * 4
    assert (await carrier_shown(scene))["refused_today"] == 4


async def test_as_many_as_usual_are_told(scene: Scene) -> None:
    await upload(scene, 1, 2, 3)
    assert (await upload(scene, 4)).status_code == 200


async def test_administrators_see_how_many_were_refused(scene: Scene) -> None:
    await upload(scene, 1, 2)
    body = order_body(number=number(3), owner_since="2025-01-01")
    assert (await scene.post("/v1/orders", body)).status_code == 409
    await tell(scene, line("activated", "2026-11-01", number(4)))
    assert (await carrier_shown(scene))["refused_today"] == 4
    listed = await scene.http.get("/v1/admin/carriers", headers=await an_admin(scene))
    counts = {one["slug"]: one["refused_today"] for one in listed.json()["data"]}
    assert counts == {scene.carrier.slug: 4, "china-unicom": 0}


async def test_an_unusual_day_is_told_once(scene: Scene) -> None:
    for place in (1, 2, 3, 4):
        await upload(scene, place)
    await tell(scene, line("activated", "2026-11-01", number(5)))
    async with scene.engine.connect() as db:
        (told,) = await trail(db, "carrier.probing")
    assert told.facts == {"day": TODAY, "refused": USUAL + 1, "usual": USUAL}


@pytest.mark.parametrize("path", ["/v1/orders", "/v1/queries"])
async def test_a_refused_claim_is_kept_in_the_trail(scene: Scene, path: str) -> None:
    body = query_body(number=number(1), owner_since="2025-01-01")
    assert (await scene.post(path, body)).json()["code"] == "ownership-superseded"
    async with scene.engine.connect() as db:
        (told,) = await trail(db, "order.refused")
        asked = select(audit_events.c.number_index, audit_events.c.order_id)
        kept = await db.execute(asked.where(audit_events.c.action == told.action))
    assert told.facts == {"code": "ownership-superseded"}
    assert kept.one() == (BLIND_INDEX.index(PhoneNumber(number(1))), None)
