"""Sandbox keys from the outside: who gets one, and what may be rehearsed with it."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.attestations import claims, jwk_of, signed
from tests.support.clearings import a_draft, csv, put
from tests.support.clock import FixedClock
from tests.support.holdings_api import line, tell
from tests.support.order_api import NUMBER, Scene, a_scene, order_body, query_body
from tests.support.rehearsals import (
    ELSEWHERE,
    MADE_UP,
    a_rehearsal,
    a_sandbox_key,
    a_test_endpoint,
    an_admin,
    asked,
    placed,
)
from tests.support.trail import trail
from unbind_broker.app.factory import create_app
from unbind_broker.runtime.opening import Runtime

CSV = {"Content-Type": "text/csv"}


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock, "weibo", "taobao") as made:
        yield made


@pytest.fixture
async def rehearsal(scene: Scene) -> Scene:
    return await a_rehearsal(scene)


async def test_a_sandbox_key_speaks_for_its_carrier_and_says_so(scene: Scene) -> None:
    admin = await an_admin(scene)
    body = {"role": "carrier", "carrier": "china-mobile", "sandbox": True}
    issued = await scene.http.post("/v1/admin/keys", json=body, headers=admin)
    shown = issued.json()
    assert issued.status_code == 201
    assert (shown["carrier"], shown["sandbox"]) == ("china-mobile", True)
    sent = {"Authorization": f"Bearer {shown.pop('key')}"}
    me = (await scene.http.get("/v1/me", headers=sent)).json()
    assert (me["carrier"]["slug"], me["sandbox"]) == ("china-mobile", True)
    real = (await scene.get("/v1/me")).json()
    assert real["sandbox"] is False
    assert me["rate_limit"]["per_second"] == real["rate_limit"]["per_second"] / 5
    listed = await scene.http.get("/v1/admin/keys", headers=admin)
    assert shown in listed.json()["data"]


async def test_a_rehearsing_carrier_is_on_no_list_of_carriers(
    scene: Scene, rehearsal: Scene
) -> None:
    del rehearsal
    admin = await an_admin(scene)
    listed = await scene.http.get("/v1/admin/carriers", headers=admin)
    assert [one["slug"] for one in listed.json()["data"]] == ["china-mobile"]
    path = "/v1/admin/carriers/china-mobile.sandbox"
    assert (await scene.http.get(path, headers=admin)).status_code == 404


async def test_first_keys_at_once_open_one_sandbox(scene: Scene) -> None:
    admin = await an_admin(scene)
    keys = (a_sandbox_key(scene, admin, "china-mobile") for _ in range(5))
    for headers in await asyncio.gather(*keys):
        assert (await scene.http.get("/v1/me", headers=headers)).status_code == 200
    async with scene.engine.connect() as db:
        twins = "SELECT count(*) FROM carriers WHERE sandbox_of IS NOT NULL"
        assert await db.scalar(text(twins)) == 1
        made_up = "SELECT count(*) FROM platforms WHERE world = 3"
        assert await db.scalar(text(made_up)) == len(MADE_UP) + 1
        done = [one.action for one in await trail(db)]
    assert done.count("carrier.sandbox_opened") == 1
    assert done.count("platforms.made_up") == 1


async def test_suspending_a_carrier_ends_its_rehearsals_too(
    scene: Scene, rehearsal: Scene
) -> None:
    admin = await an_admin(scene)
    for verb, status in (("suspend", 403), ("resume", 200)):
        path = f"/v1/admin/carriers/china-mobile/{verb}"
        assert (await scene.http.post(path, headers=admin)).status_code == 200
        assert (await rehearsal.get("/v1/orders")).status_code == status
    path = "/v1/admin/carriers/china-mobile/suspend"
    await scene.http.post(path, headers=admin)
    later = await a_sandbox_key(scene, admin, "china-mobile")
    assert (await scene.http.get("/v1/orders", headers=later)).status_code == 403


async def test_attestations_are_rehearsed_with_the_carriers_own_keys(
    scene: Scene, rehearsal: Scene
) -> None:
    key, admin = Ed25519PrivateKey.generate(), await an_admin(scene)
    change = {"jwks": {"keys": [jwk_of(key, "k1")]}, "attestation_required": True}
    path = "/v1/admin/carriers/china-mobile"
    changed = await scene.http.patch(path, json=change, headers=admin)
    assert changed.status_code == 200, changed.text
    refused = await rehearsal.post("/v1/orders", order_body())
    assert refused.json()["code"] == "attestation-required"
    word = signed(key, "k1", claims(scene.clock.now()))
    await placed(rehearsal, "/v1/orders", order_body(attestation=word))
    # The same word counts once in each world.
    await placed(scene, "/v1/orders", order_body(attestation=word))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/queries", query_body(number=ELSEWHERE)),
        ("/v1/orders", order_body(number=ELSEWHERE)),
        ("/v1/orders/search", {"number": ELSEWHERE}),
        ("/v1/numbers/disclosure", {"number": ELSEWHERE}),
    ],
)
async def test_a_number_that_may_be_somebodys_is_refused(
    scene: Scene, rehearsal: Scene, path: str, body: dict[str, object]
) -> None:
    refused = await rehearsal.post(path, body)
    assert refused.status_code == 422
    assert refused.json()["code"] == "sandbox-number"
    assert refused.json()["errors"][0]["pointer"] == "/number"
    assert ELSEWHERE not in refused.text
    assert (await scene.post(path, body)).status_code in {200, 202}


async def test_lines_about_numbers_that_may_be_somebodys_are_left_out(
    rehearsal: Scene,
) -> None:
    told = await tell(
        rehearsal,
        line("activated", "2025-03-01", ELSEWHERE),
        line("activated", "2025-03-01"),
    )
    assert (told["recorded"], told["rejected"]) == (1, 1)
    assert told["results"][0]["code"] == "sandbox-number"
    streamed = f"number,event,on\n{ELSEWHERE},activated,2025-03-01\n"
    sent = {**rehearsal.carrier_headers, **CSV}
    answer = await rehearsal.http.post("/v1/holdings", content=streamed, headers=sent)
    assert [one["code"] for one in answer.json()["results"]] == ["sandbox-number"]
    path = await a_draft(rehearsal)
    lines = csv([1, 2]) + f"{ELSEWHERE},2026-08-20\n".encode()
    part = (await put(rehearsal, path, lines, CSV)).json()
    assert (part["accepted"], part["refused"]) == (2, 1)
    assert [(one["line"], one["code"]) for one in part["bad"]] == [
        (4, "sandbox-number")
    ]


async def test_each_world_is_shown_and_asked_by_itself(
    scene: Scene, rehearsal: Scene
) -> None:
    test_endpoint = await a_test_endpoint(rehearsal)
    everybody = {"limit": 200}
    listed = (await rehearsal.get("/v1/platforms", **everybody)).json()["data"]
    assert {one["slug"] for one in listed} == {*MADE_UP, "sandbox-dating", "weibo-test"}
    assert all(one["accepting"] for one in listed)
    real = (await scene.get("/v1/platforms", **everybody)).json()["data"]
    assert {one["slug"] for one in real} == {"weibo", "taobao"}
    own = await scene.http.get("/v1/platforms", headers=test_endpoint)
    assert own.json()["data"] == listed
    for path, body in (("/v1/queries", query_body()), ("/v1/orders", order_body())):
        rehearsed = await placed(rehearsal, path, body)
        assert asked(rehearsed) == [*MADE_UP, "weibo-test"]
        assert rehearsed["sensitive"]["total"] == 1
        assert rehearsed["carrier"] == "china-mobile"
        assert asked(await placed(scene, path, body)) == ["taobao", "weibo"]


async def test_whoever_asks_again_stays_in_his_world(
    scene: Scene, rehearsal: Scene
) -> None:
    for asking, expected in ((rehearsal, MADE_UP), (scene, ["taobao", "weibo"])):
        for _ in range(2):  # the second query repeats the first one
            assert asked(await placed(asking, "/v1/queries", query_body())) == expected
        for changes in ({}, {}, {"recheck": True}):  # the second order joins the first
            body = order_body(**changes)
            assert asked(await placed(asking, "/v1/orders", body)) == expected


@pytest.mark.parametrize("path", ["/v1/queries", "/v1/orders"])
async def test_a_platform_of_another_world_is_unknown(
    scene: Scene, rehearsal: Scene, path: str
) -> None:
    for asking, slug in ((scene, "sandbox-shop"), (rehearsal, "weibo")):
        refused = await asking.post(path, order_body(platforms=[slug]))
        assert refused.status_code == 422
        assert refused.json()["code"] == "platform-unknown"


async def test_a_test_endpoint_gets_rehearsals_under_the_carriers_own_name(
    scene: Scene, rehearsal: Scene
) -> None:
    headers = await a_test_endpoint(rehearsal)
    await placed(scene, "/v1/orders", order_body())
    made = await placed(rehearsal, "/v1/orders", order_body())
    path = "/v1/items?status=queued"
    fetched = (await scene.http.get(path, headers=headers)).json()["data"]
    assert [(one["id"], one["carrier"]) for one in fetched] == [
        (made["id"], "china-mobile")
    ]
    assert fetched[0]["number"] == NUMBER


async def test_worlds_are_shown_to_administrators(rehearsal: Scene) -> None:
    await a_test_endpoint(rehearsal)
    admin = await an_admin(rehearsal)
    listed = await rehearsal.http.get("/v1/admin/platforms?limit=200", headers=admin)
    worlds = {one["slug"]: one["world"] for one in listed.json()["data"]}
    assert worlds.pop("weibo-test") == "sandbox"
    assert worlds.pop("weibo") == worlds.pop("taobao") == "real"
    assert set(worlds.values()) == {"rehearsed"}


async def test_nobody_gets_a_key_of_a_made_up_platform(scene: Scene) -> None:
    await a_rehearsal(scene)
    body = {"role": "platform", "platform": MADE_UP[0]}
    admin = await an_admin(scene)
    refused = await scene.http.post("/v1/admin/keys", json=body, headers=admin)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/platform"


async def test_long_uploads_of_rehearsals_leave_room_for_what_is_real(
    scene: Scene, rehearsal: Scene, runtime: Runtime
) -> None:
    path = await a_draft(rehearsal)
    real = await a_draft(scene)
    app = create_app(runtime)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    dripping = app.state.context.feeds.enter_as("carrier:other", rehearses=True)
    async with (
        dripping,
        httpx.AsyncClient(transport=transport, base_url="http://b") as http,
    ):

        async def upload(where: str, whose: Scene) -> int:
            headers = {**whose.carrier_headers, **CSV}
            send = http.post if where == "/v1/holdings" else http.put
            answer = await send(where, content=b"", headers=headers)
            return answer.status_code

        for drafted in (path, real):
            whose = rehearsal if drafted == path else scene
            for where in (f"{drafted}/parts/1", "/v1/holdings"):
                assert (await upload(where, whose) == 429) is (whose is rehearsal)
