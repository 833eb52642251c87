"""CAMARA NumberRecycling 0.2 from the outside: answers, errors, traces."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import bearer
from tests.support.builders import a_key
from tests.support.clock import NOON, FixedClock
from tests.support.holdings_api import line, tell
from tests.support.order_api import NUMBER, Scene, a_scene, order_body
from tests.support.trail import trail
from unbind_broker.keys.tables import Role

PATH = "/number-recycling/v0.2/check"


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock, "weibo") as made:
        yield made


def body(on: str = "2025-03-01", **changes: Any) -> dict[str, Any]:
    return {"phoneNumber": NUMBER, "specifiedDate": on, **changes}


async def check(
    scene: Scene, sent: object, method: str = "POST", **headers: str
) -> httpx.Response:
    whole = {**scene.platform_headers["weibo"], **headers}
    return await scene.http.request(method, PATH, json=sent, headers=whole)


def said(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of an error, which has CAMARA's shape and no other."""
    error = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert list(error) == ["status", "code", "message"]
    assert error["status"] == answer.status_code
    assert error["message"]
    assert "x-correlator" in answer.headers
    return answer.status_code, error["code"]


@pytest.mark.parametrize(
    ("on", "recycled"),
    [
        ("2023-10-09", True),  # a former holder's contract
        ("2024-02-25", True),  # nobody held it any more
        ("2024-09-20", True),
        ("2024-09-21", False),  # the contract of the present holder
        ("2026-11-20", False),  # today
    ],
)
async def test_the_standards_own_example_is_answered_as_it_says(
    scene: Scene, on: str, *, recycled: bool
) -> None:
    await tell(
        scene,
        line("activated", "2023-10-09"),
        line("disconnected", "2024-02-25"),
        line("activated", "2024-09-21"),
    )
    answer = await check(scene, body(on), **{"x-correlator": "b4333c46-49c0"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-correlator"] == "b4333c46-49c0"
    assert answer.json() == {"phoneNumberRecycled": recycled}


async def test_a_holder_whom_an_order_attests_is_known(scene: Scene) -> None:
    await scene.post("/v1/orders", order_body())
    answers = [
        (await check(scene, body(on))).json() for on in ("2025-02-28", "2025-03-01")
    ]
    assert answers == [{"phoneNumberRecycled": True}, {"phoneNumberRecycled": False}]


async def test_each_answer_is_in_the_trail_without_the_number(scene: Scene) -> None:
    await tell(scene, line("activated", "2025-03-01"))
    await check(scene, body("2025-01-01"))
    await check(scene, body(phoneNumber="+8613800009999"))
    await check(scene, body("2026-11-21"))
    async with scene.engine.connect() as db:
        facts = await trail(db, "number.checked")
    assert [one.actor for one in facts] == ["platform:weibo"] * 2
    assert [one.facts for one in facts] == [
        {"specified_date": "2025-01-01", "recycled": True},
        {"specified_date": "2025-03-01", "recycled": None},
    ]


@pytest.mark.parametrize("number", ["+8613800004321", "+861012345678", "+123456789"])
async def test_what_nobody_knows_is_not_found(scene: Scene, number: str) -> None:
    answer = await check(scene, body(phoneNumber=number))
    assert said(answer) == (404, "IDENTIFIER_NOT_FOUND")
    assert number[3:] not in answer.text


async def test_the_future_is_out_of_range_by_the_brokers_time(scene: Scene) -> None:
    await tell(scene, line("activated", "2025-03-01"))
    assert said(await check(scene, body("2026-11-21"))) == (400, "OUT_OF_RANGE")
    scene.clock.advance(timedelta(hours=12))  # tomorrow in Shanghai, today in UTC
    assert NOON.date() == scene.clock.now().date()
    assert (await check(scene, body("2026-11-21"))).status_code == 200


WRONG: dict[str, Any] = {
    "no date": {"phoneNumber": NUMBER},
    "an instant": body("2024-10-31T00:00:00Z"),
    "no day": body("2024-02-30"),
    "no text": body(specifiedDate=20241031),
    "no plus sign": body(phoneNumber=NUMBER[1:]),
    "national form": body(phoneNumber=NUMBER[3:]),
    "null": body(phoneNumber=None, specifiedDate=None),
    "too long": body(phoneNumber="+1234567890123456"),
    "two lines": body(phoneNumber=f"{NUMBER}\n"),
    "another field": body(scope="previous_owner"),
    "a list": [body()],
}


@pytest.mark.parametrize("how", WRONG)
async def test_what_is_not_valid_is_an_invalid_argument(scene: Scene, how: str) -> None:
    answer = await check(scene, WRONG[how])
    assert said(answer) == (400, "INVALID_ARGUMENT")
    assert NUMBER[3:] not in answer.text


async def test_keys_name_no_number_so_the_body_must(scene: Scene) -> None:
    answer = await check(scene, {"specifiedDate": "2025-03-01"})
    assert said(answer) == (422, "MISSING_IDENTIFIER")


async def test_whatever_goes_wrong_is_said_in_the_same_shape(
    scene: Scene, engine: AsyncEngine
) -> None:
    async with engine.begin() as db:
        auditor = bearer(await a_key(db, Role.AUDITOR))
        admin = bearer(await a_key(db, Role.ADMIN))
    anybody = {"Authorization": "Bearer ub_platform_unknown"}
    assert said(await check(scene, body(), **anybody)) == (401, "UNAUTHENTICATED")
    for wrong in (scene.carrier_headers, auditor):
        refused = await check(scene, body(), **wrong)
        assert said(refused) == (403, "PERMISSION_DENIED")
    wanted = await check(scene, body(), "GET")
    assert said(wanted) == (405, "METHOD_NOT_ALLOWED")
    assert wanted.headers["allow"] == "POST"
    headers = {"x-correlator": "mine"}
    elsewhere = await scene.http.get("/number-recycling/v9/check", headers=headers)
    assert said(elsewhere) == (404, "NOT_FOUND")
    assert elsewhere.headers["x-correlator"] == "mine"
    text = {**scene.platform_headers["weibo"], "Content-Type": "text/plain"}
    plain = await scene.http.post(PATH, content="x", headers=text)
    assert said(plain) == (415, "UNSUPPORTED_MEDIA_TYPE")
    json = {**text, "Content-Type": "application/json"}
    broken = await scene.http.post(PATH, content="{", headers=json)
    assert said(broken) == (400, "INVALID_ARGUMENT")
    long = await scene.http.post(PATH, content=b" " * 1_048_577, headers=json)
    assert said(long) == (413, "PAYLOAD_TOO_LARGE")
    suspending = "/v1/admin/platforms/weibo/suspend"
    why = {"reason": "case 2026-117"}
    assert (await scene.http.post(suspending, json=why, headers=admin)).is_success
    assert said(await check(scene, body())) == (403, "PERMISSION_DENIED")


async def test_a_correlator_of_another_pattern_is_refused_and_not_echoed(
    scene: Scene,
) -> None:
    answer = await check(scene, body(), **{"x-correlator": "two words"})
    assert said(answer) == (400, "INVALID_ARGUMENT")
    assert answer.headers["x-correlator"] != "two words"


async def test_a_caller_over_its_rate_is_told_when_to_come_back(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    slow = {"carrier_rate": "1/h", "carrier_burst": 3}
    async with a_scene(engine, clock, "weibo", **slow) as scene:
        answers = await asyncio.gather(*(check(scene, body()) for _ in range(5)))
    refused = [one for one in answers if one.status_code == 429]
    assert len(refused) == 2
    assert said(refused[0]) == (429, "TOO_MANY_REQUESTS")
    assert int(refused[0].headers["Retry-After"]) > 0
