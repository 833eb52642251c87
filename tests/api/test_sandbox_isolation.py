"""Rehearsals and real orders about one number: neither leaves a trace in the other.

Each test has both the real carrier and its sandbox key ask about one made-up number.
"""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier
from tests.support.clearings import a_published, number
from tests.support.clock import FixedClock
from tests.support.findings import BEFORE, has_found, read_all
from tests.support.holdings_api import line, tell
from tests.support.order_api import NUMBER, Scene, a_scene, order_body, query_body
from tests.support.receipts import receipt
from tests.support.rehearsals import (
    a_rehearsal,
    a_test_endpoint,
    again,
    an_admin,
    placed,
    unbound,
)

CHECK = "/number-recycling/v0.2/check"
WHY = "it is only tried"
AFTER = "2026-02-01T00:00:00Z"


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock, "weibo") as made:
        yield made


@pytest.fixture
async def rehearsal(scene: Scene) -> Scene:
    made = await a_rehearsal(scene)
    await a_test_endpoint(made)
    return made


async def an_other_rehearsal(scene: Scene) -> Scene:
    async with scene.engine.begin() as db:
        await a_carrier(db, "china-unicom")
    return await a_rehearsal(scene, "china-unicom")


def pairs(scene: Scene, rehearsal: Scene) -> list[tuple[Scene, Scene]]:
    return [(scene, rehearsal), (rehearsal, scene)]


async def test_a_later_holder_in_one_world_ends_nothing_in_another(
    scene: Scene, rehearsal: Scene
) -> None:
    everybody = [scene, rehearsal, await an_other_rehearsal(scene)]
    made = [await placed(one, "/v1/orders", order_body()) for one in everybody]
    for place, one in enumerate(everybody):
        later = order_body(owner_since=f"2026-0{place + 1}-01")
        await placed(one, "/v1/orders", later)
        for other, order in zip(everybody, made, strict=True):
            ended = everybody.index(other) <= place
            read = await again(other, order)
            assert (read["status"] == "cancelled") is ended


async def test_an_older_date_is_refused_in_its_own_world_only(
    scene: Scene, rehearsal: Scene
) -> None:
    await placed(rehearsal, "/v1/orders", order_body(owner_since="2026-01-01"))
    refused = await rehearsal.post("/v1/orders", order_body())
    assert refused.json()["code"] == "ownership-superseded"
    await placed(scene, "/v1/orders", order_body())
    await placed(await an_other_rehearsal(scene), "/v1/orders", order_body())


async def test_results_of_one_world_are_not_taken_over_in_another(
    scene: Scene, rehearsal: Scene
) -> None:
    real = await placed(scene, "/v1/orders", order_body())
    await scene.report("weibo", unbound(real))
    rehearsed = await placed(
        rehearsal, "/v1/orders", order_body(platforms=["weibo-test"])
    )
    assert rehearsed["summary"] == {"total": 1, "queued": 1}
    await rehearsal.report("weibo-test", unbound(rehearsed))
    assert (await again(rehearsal, rehearsed))["status"] == "completed"
    joined = await placed(rehearsal, "/v1/orders", order_body(platforms=["weibo-test"]))
    assert joined["summary"] == {"total": 1, "unbound": 1}
    other = await placed(
        await an_other_rehearsal(scene),
        "/v1/orders",
        order_body(platforms=["weibo-test"]),
    )
    assert other["summary"] == {"total": 1, "queued": 1}


async def test_a_disconnection_ends_what_its_own_world_asked(
    scene: Scene, rehearsal: Scene
) -> None:
    for telling, other in pairs(scene, rehearsal):
        made = await placed(other, "/v1/orders", order_body(recheck=True))
        told = await tell(
            telling, line("activated", "2025-03-01"), line("disconnected", "2026-11-19")
        )
        assert told["recorded"] >= 1
        assert (await again(other, made))["status"] == "in_progress"


async def test_recycling_is_told_to_each_platform_of_its_own_world(
    scene: Scene, rehearsal: Scene
) -> None:
    await tell(scene, line("activated", "2025-03-01"))
    await tell(
        rehearsal, line("activated", "2020-01-01"), line("transferred", "2026-03-01")
    )

    async def recycled(headers: dict[str, str], on: str) -> object:
        body = {"phoneNumber": NUMBER, "specifiedDate": on}
        answer = await scene.http.post(CHECK, json=body, headers=headers)
        return answer.json().get("phoneNumberRecycled", answer.status_code)

    weibo = scene.platform_headers["weibo"]
    weibo_test = rehearsal.platform_headers["weibo-test"]
    assert await recycled(weibo, "2025-06-01") is False
    assert await recycled(weibo_test, "2025-06-01") is True
    assert await recycled(weibo_test, "2026-06-01") is False
    unknown = {"phoneNumber": number(77), "specifiedDate": "2025-06-01"}
    for headers in (weibo, weibo_test):
        answer = await scene.http.post(CHECK, json=unknown, headers=headers)
        assert answer.status_code == 404


async def test_a_shop_is_told_of_its_own_world(scene: Scene, rehearsal: Scene) -> None:
    await tell(rehearsal, line("activated", "2025-03-01"))
    await tell(rehearsal, line("disconnected", "2026-01-01"))
    asking = {"number": NUMBER}
    told = (await rehearsal.post("/v1/numbers/disclosure", asking)).json()
    assert told["recycled"] is True
    told = (await scene.post("/v1/numbers/disclosure", asking)).json()
    assert told["recycled"] is None


async def test_neither_reads_lists_or_finds_what_the_other_asked(
    scene: Scene, rehearsal: Scene
) -> None:
    key = {"Idempotency-Key": "one"}
    for one, other in pairs(scene, rehearsal):
        order = await one.post("/v1/orders", order_body(), key)
        query = await one.post("/v1/queries", query_body(), {"Idempotency-Key": "two"})
        for answer, path in ((order, "/v1/orders"), (query, "/v1/queries")):
            assert answer.status_code == 202
            assert "idempotency-replayed" not in answer.headers
            own = answer.json()["id"]
            listed = (await other.get(path)).json()["data"]
            assert own not in [listing["id"] for listing in listed]
            for place in (f"{path}/{own}", f"{path}/{own}/events"):
                assert (await other.get(place)).status_code == 404
        found = await other.post("/v1/orders/search", {"number": NUMBER})
        assert order.json()["id"] not in found.text
        feed = await other.get("/v1/events")
        assert order.json()["id"] not in feed.text
        after = order_body(query_id=query.json()["id"])
        del after["number"], after["owner_since"]
        refused = await other.post("/v1/orders", after)
        assert refused.json()["code"] == "query-unknown"


async def test_a_real_platform_hears_nothing_of_rehearsals(
    scene: Scene, rehearsal: Scene
) -> None:
    made = await placed(rehearsal, "/v1/orders", order_body())
    weibo = scene.platform_headers["weibo"]
    report = {"results": [unbound(made)]}
    told = await scene.http.post("/v1/results", json=report, headers=weibo)
    assert told.json()["results"][0]["status"] == "unknown"
    fetched = await rehearsal.http.get(
        "/v1/items?status=queued", headers=rehearsal.platform_headers["weibo-test"]
    )
    assert [one["id"] for one in fetched.json()["data"]] == [made["id"]]


async def test_the_brake_on_one_world_leaves_the_other_alone(
    scene: Scene, rehearsal: Scene
) -> None:
    admin = await an_admin(scene)
    slugs = ("china-mobile", "china-mobile.sandbox")
    worlds = [scene, rehearsal]
    for slug, stopped, other in zip(slugs, worlds, reversed(worlds), strict=True):
        body = {"carrier": slug, "reason": WHY}
        path = "/v1/admin/brake"
        shown = await scene.http.post(path, json=body, headers=admin)
        assert [one["carrier"] for one in shown.json()["carriers"]] == [slug]
        refused = await stopped.post("/v1/orders", order_body())
        assert refused.json()["code"] == "unbinding-braked"
        await placed(other, "/v1/orders", order_body())
        await scene.http.post(f"{path}/release", json=body, headers=admin)


async def test_violations_of_rehearsals_brake_rehearsals_and_are_marked(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo", brake_least=1) as scene:
        rehearsal = await a_rehearsal(scene)
        await a_test_endpoint(rehearsal)
        body = order_body(platforms=["weibo-test"])
        made = await placed(rehearsal, "/v1/orders", body)
        await rehearsal.report("weibo-test", unbound(made, AFTER))
        refused = await rehearsal.post("/v1/orders", body)
        assert refused.json()["code"] == "unbinding-braked"
        await placed(scene, "/v1/orders", order_body())
        for slug, expected in (("china-mobile", 0), ("china-mobile.sandbox", 1)):
            listed = await scene.http.get(
                f"/v1/admin/violations?carrier={slug}", headers=await an_admin(scene)
            )
            found = listed.json()["data"]
            assert [one["carrier"] for one in found] == [slug] * expected


async def test_a_receipt_of_a_rehearsal_is_nobodys_proof(
    scene: Scene, rehearsal: Scene
) -> None:
    shown = {}
    for one, slug in ((scene, "weibo"), (rehearsal, "weibo-test")):
        made = await placed(one, "/v1/orders", order_body(platforms=[slug]))
        await one.report(slug, unbound(made))
        page = await receipt(one, made["id"], headers={"Accept": "text/html"})
        shown[slug] = page.text
    assert "(sandbox)" in shown["weibo-test"]
    assert "（演练）" in shown["weibo-test"]
    assert "sandbox" not in shown["weibo"]


async def test_numbers_are_cleared_in_their_own_world(
    scene: Scene, rehearsal: Scene
) -> None:
    # Somebody holds the number in the other world, which hinders nothing here.
    await tell(scene, line("activated", "2026-09-01", number(1)))
    path = await a_published(rehearsal, [1, 2])
    named = (await rehearsal.get(path)).json()["platforms"]
    slugs = [one["platform"] for one in named]
    assert "weibo-test" in slugs
    assert "weibo" not in slugs
    weibo = scene.platform_headers["weibo"]
    manifest = await scene.http.get(f"{path}/manifest", headers=weibo)
    assert manifest.status_code == 404
    read = await read_all(rehearsal, "weibo-test", path)
    assert [one["number"] for one in read] == [number(1), number(2)]
    told = await has_found(
        rehearsal, "weibo-test", path, refusing(number(2)), complete=True
    )
    assert [one["status"] for one in told["results"]] == ["recorded"]
    admin = await an_admin(scene)
    released = await scene.http.post(
        f"/v1/admin{path.removeprefix('/v1')}/release",
        json={"numbers": [number(2)], "why": WHY},
        headers=admin,
    )
    assert released.json()["released"] == 1
    real = await a_published(scene, [3])
    assert [one["platform"] for one in await platforms_of(scene, real)] == ["weibo"]


def refusing(whose: str) -> dict[str, Any]:
    return {
        "number": whose,
        "outcome": "refused",
        "reason": "legal_hold",
        "last_bound_at": BEFORE,
    }


async def platforms_of(scene: Scene, path: str) -> list[Any]:
    answer: httpx.Response = await scene.get(path)
    listed: list[Any] = answer.json()["platforms"]
    return listed
