"""Standing attacks on every route of the document, those to come included."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import a_runtime, bearer, in_process
from tests.support.builders import a_key
from tests.support.clock import NOON, FixedClock
from tests.support.order_api import Scene, a_scene, after_query, order_body, query_body
from tests.support.rehearsals import a_sandbox_key
from unbind_broker.app.factory import document
from unbind_broker.base.ids import Prefix, format_id, new_uuid7
from unbind_broker.keys.service import revoke
from unbind_broker.keys.tables import Role

CARRIER, PLATFORM = frozenset({Role.CARRIER}), frozenset({Role.PLATFORM})
ADMIN, EVERYBODY = frozenset({Role.ADMIN}), frozenset(Role)
WHO_MAY = {
    "/v1/queries": CARRIER,
    "/v1/orders": CARRIER,
    "/v1/events": CARRIER,
    "/v1/holdings": CARRIER,
    "/v1/numbers": CARRIER,
    "/v1/clearances": CARRIER,
    "/v1/results": PLATFORM,
    "/v1/items": PLATFORM,
    "/v1/endpoint": CARRIER | PLATFORM,
    "/v1/platforms": EVERYBODY,
    "/number-recycling/v0.2": PLATFORM,
    "/v1/me": EVERYBODY,
    "/v1/admin": ADMIN,
    "/v1/audit": ADMIN | {Role.AUDITOR},
}
"""By the beginning of the path."""
WHO_MAY_BESIDES = {
    "POST /v1/audit/seals/{number}/cosignatures": frozenset({Role.AUDITOR}),
    "GET /v1/endpoint/stats": PLATFORM,
    "GET /v1/clearances": CARRIER | PLATFORM,
    "GET /v1/clearances/{clearance_id}/manifest": PLATFORM,
    "POST /v1/clearances/{clearance_id}/findings": PLATFORM,
}
NOT_PRIVATE = {
    "/.well-known/carriers/{slug}/jwks.json",
    "/.well-known/jwks.json",
    "/healthz",
    "/metrics",
    "/problems",
    "/problems/{code}",
    "/readyz",
    "/v1/punctuality",
}
OPERATIONS = sorted(
    (method.upper(), path)
    for path, methods in document()["paths"].items()
    for method in methods
    if path not in NOT_PRIVATE
)
WITH_BODY = [one for one in OPERATIONS if one[0] in {"POST", "PUT", "PATCH"}]
NOBODYS = {
    "evidence_id": "019aa9f27c1e7c55af0e2f7a5a0c1d11",
    "order_id": format_id(Prefix.ORDER, new_uuid7(NOON)),
    "query_id": format_id(Prefix.QUERY, new_uuid7(NOON)),
    "event_id": format_id(Prefix.EVENT, new_uuid7(NOON)),
    "attempt_id": format_id(Prefix.ATTEMPT, new_uuid7(NOON)),
    "clearance_id": format_id(Prefix.CLEARANCE, new_uuid7(NOON)),
    "n": "1",
    "slug": "nobody",
    "key_id": "999999",
    "number": "999999",
}


def who_may(method: str, path: str) -> frozenset[Role]:
    """Who may call an operation; one that no rule knows fails the test."""
    besides = WHO_MAY_BESIDES.get(f"{method} {path}")
    return besides or WHO_MAY["/".join(path.split("/")[:3])]


def at(path: str, **ids: str) -> str:
    return re.sub(r"{(\w+)}", lambda name: {**NOBODYS, **ids}[name[1]], path)


@dataclass(frozen=True)
class Siege:
    """Somebody with a key of each role, and what another carrier has."""

    scene: Scene
    keys: dict[Role, dict[str, str]]
    stranger: dict[str, str]

    async def call(
        self, method: str, path: str, headers: dict[str, str], body: object = ...
    ) -> httpx.Response:
        json_body: dict[str, Any] = {} if body is ... else {"json": body}
        return await self.scene.http.request(method, path, headers=headers, **json_body)


@pytest.fixture
async def siege(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Siege]:
    settings = {"carrier_rate": 10_000, "carrier_burst": 10_000}
    async with a_scene(engine, clock, "weibo", "zhihu", **settings) as scene:
        async with engine.begin() as db:
            keys = {
                role: bearer(await a_key(db, role))
                for role in (Role.ADMIN, Role.AUDITOR)
            }
        keys[Role.CARRIER] = scene.carrier_headers
        keys[Role.PLATFORM] = scene.platform_headers["weibo"]
        yield Siege(scene, keys, await scene.add_carrier("china-unicom"))


@pytest.mark.parametrize("role", Role)
async def test_no_role_gets_through_a_door_that_is_not_its_own(
    siege: Siege, role: Role
) -> None:
    for method, path in OPERATIONS:
        body = {"no": "such field"} if (method, path) in WITH_BODY else ...
        answer = await siege.call(method, at(path), siege.keys[role], body)
        if role in who_may(method, path):
            assert answer.status_code not in {401, 403, 500}, (method, path)
        else:
            said = answer.status_code, answer.json()["code"]
            refused = "wrong-role" if path.startswith("/v1/") else "PERMISSION_DENIED"
            assert said == (403, refused), (method, path)


async def test_nothing_but_a_living_key_opens_any_door(
    siege: Siege, engine: AsyncEngine, clock: FixedClock
) -> None:
    async with engine.begin() as db:
        dead = await a_key(db, Role.ADMIN)
        await revoke(db, clock.now(), dead.id, "admin:1")
        over = await a_key(db, Role.ADMIN, expires_at=NOON + timedelta(seconds=1))
    clock.advance(timedelta(seconds=1))
    wrong = {
        "none": {},
        "empty": {"Authorization": ""},
        "another scheme": {"Authorization": f"Basic {dead.key}"},
        "revoked": bearer(dead),
        "expired": bearer(over),
        "unknown": {"Authorization": f"Bearer ub_admin_{'x' * 43}"},
        "cut": {"Authorization": siege.keys[Role.ADMIN]["Authorization"][:-1]},
        "role changed": {
            "Authorization": siege.keys[Role.CARRIER]["Authorization"].replace(
                "ub_carrier_", "ub_admin_"
            )
        },
    }
    for method, path in OPERATIONS:
        for how, headers in wrong.items():
            answer = await siege.call(method, at(path), headers)
            assert answer.status_code == 401, (method, path, how)


async def test_a_key_dies_in_every_process_at_once(
    siege: Siege, engine: AsyncEngine, clock: FixedClock
) -> None:
    async with engine.begin() as db:
        key = await a_key(db, siege.scene.carrier)
    async with in_process(a_runtime(engine, clock)) as other:
        assert (await other.get("/v1/me", headers=bearer(key))).status_code == 200
        place = f"/v1/admin/keys/{key.id}"
        ended = await siege.call("DELETE", place, siege.keys[Role.ADMIN])
        assert ended.is_success
        assert (await other.get("/v1/me", headers=bearer(key))).status_code == 401
        suspending = "/v1/admin/carriers/china-mobile/suspend"
        assert (await siege.call("POST", suspending, siege.keys[Role.ADMIN])).is_success
        order = await other.post(
            "/v1/orders", json=order_body(), headers=siege.scene.carrier_headers
        )
    assert (order.status_code, order.json()["code"]) == (403, "suspended")


BODIES: dict[str, dict[str, Any]] = {
    "/v1/orders/{order_id}/cancel": {},
    "/v1/orders/{order_id}/restore": {"reason": "not mine"},
    "/v1/clearances/{clearance_id}/publish": {},
    "/v1/clearances/{clearance_id}/withdraw": {"numbers": ["+8613800001234"]},
}
OF_ONE_CARRIER = [
    (method, path)
    for method, path in OPERATIONS
    if {"{order_id}", "{query_id}", "{clearance_id}"} & set(path.split("/"))
    and who_may(method, path) == CARRIER
]


@pytest.mark.parametrize("who", ["another carrier", "its own sandbox key"])
async def test_what_is_anothers_is_not_there_to_the_last_byte(
    siege: Siege, who: str
) -> None:
    sender = siege.stranger
    if who == "its own sandbox key":
        admin = siege.keys[Role.ADMIN]
        sender = await a_sandbox_key(siege.scene, admin, "china-mobile")
    order = (await siege.scene.post("/v1/orders", order_body())).json()["id"]
    query = (await siege.scene.post("/v1/queries", query_body())).json()["id"]
    clearance = (await siege.scene.post("/v1/clearances", {})).json()["id"]
    ids = {"order_id": order, "query_id": query, "clearance_id": clearance}
    headers = {**sender, "X-Request-Id": "the-same"}
    for method, path in OF_ONE_CARRIER:
        body = BODIES[path] if method == "POST" else ...
        anothers = await siege.call(method, at(path, **ids), headers, body)
        nobodys = await siege.call(method, at(path), headers, body)
        assert anothers.status_code == 404, (method, path)
        assert anothers.content == nobodys.content, (method, path)
    known, unknown = [
        await siege.call("POST", "/v1/orders", headers, after_query(one))
        for one in (query, NOBODYS["query_id"])
    ]
    assert known.content == unknown.content
    for place in ("/v1/orders", "/v1/events", "/v1/clearances"):
        assert (await siege.call("GET", place, headers)).json()["data"] == []
    search = {"number": order_body()["number"]}
    found = await siege.call("POST", "/v1/orders/search", headers, search)
    assert found.json()["data"] == []
    assert (await siege.scene.get(f"/v1/orders/{order}")).json()[
        "status"
    ] != "cancelled"


async def test_an_idempotency_key_is_its_carriers_own(siege: Siege) -> None:
    key = {"Idempotency-Key": "guessed"}
    own = await siege.scene.post("/v1/orders", order_body(reference="R-1"), key)
    headers = {**siege.stranger, **key}
    path = "/v1/orders"
    others = await siege.call("POST", path, headers, order_body(reference="R-2"))
    assert others.status_code == 202
    assert "idempotency-replayed" not in others.headers
    assert others.json()["id"] != own.json()["id"]


async def test_a_foreign_item_is_unknown_to_every_platform_but_its_own(
    siege: Siege,
) -> None:
    order = await siege.scene.post("/v1/orders", order_body(platforms=["weibo"]))
    item = {"id": order.json()["id"], "outcome": "not_bound"}
    for named in (item["id"], NOBODYS["order_id"]):
        answer = await siege.scene.report("zhihu", {**item, "id": named})
        assert answer.json()["results"] == [{"id": named, "status": "unknown"}]


HOSTILE = {
    "nested": b"[" * 100_000,
    "nested objects": b'{"number":' * 50_000,
    "not a number": b'{"number": NaN, "results": [NaN], "reason": -Infinity}',
    "digits": b'{"number": ' + b"9" * 6000 + b"}",
    "exponent": b'{"grace_seconds": 1e999, "number": 1e999, "limit": 1e999}',
    "half a character": rb'{"number": "\ud800", "reason": "\ud800", "name": "\udfff"}',
    "half a name": rb'{"\ud800": 1}',
    "null character": rb'{"number": "\u0000", "reason": "\u0000", "slug": "\u0000"}',
    "bare null character": b'{"number": "\0"}',
    "broken UTF-8": b'{"number": "\xff\xfe"}',
    "cut off": b'{"number": "+86138',
    "a list": b"[[]]",
    "a text": b'"x"',
}


@pytest.mark.parametrize("how", HOSTILE)
async def test_no_body_brings_a_door_down(siege: Siege, how: str) -> None:
    for method, path in WITH_BODY:
        for role in who_may(method, path):
            headers = {**siege.keys[role], "Content-Type": "application/json"}
            answer = await siege.scene.http.request(
                method, at(path), headers=headers, content=HOSTILE[how]
            )
            assert answer.status_code < 500, (method, path, role)


async def test_nothing_of_an_attack_stays_in_the_log(
    siege: Siege, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "unbind_broker")
    number = order_body()["number"]
    secret = siege.keys[Role.ADMIN]["Authorization"]
    for method, path in WITH_BODY:
        ids = dict.fromkeys(NOBODYS, number)
        body = {number: number, "number": number, "key": secret}
        for headers in siege.keys.values():
            await siege.call(method, at(path, **ids), headers, body)
    written = json.dumps([vars(one) for one in caplog.records], default=str)
    assert caplog.records
    assert number[3:] not in written
    assert secret.removeprefix("Bearer ") not in written


async def test_many_attackers_at_once_are_all_answered(siege: Siege) -> None:
    calls = [
        siege.call(method, at(path), siege.stranger, {})
        for method, path in WITH_BODY * 3
    ]
    answers = await asyncio.gather(*calls)
    assert {one.status_code for one in answers} <= {403, 404, 422, 503, 200, 201}
