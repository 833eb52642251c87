"""A carrier's signed word: what holds, and everything that must not."""

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.api_jwt import PyJWT
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import bearer
from tests.support.attestations import (
    PrivateKey,
    claims,
    jwk_of,
    signed,
    signed_bytes,
)
from tests.support.builders import a_key
from tests.support.clock import NOON, FixedClock
from tests.support.order_api import Scene, a_scene, after_query, order_body, query_body
from tests.support.sealing import SEALER
from unbind_broker.carriers.tables import attestations_used
from unbind_broker.deadlines.upkeep import prune_attestations
from unbind_broker.keys.tables import Role
from unbind_broker.orders.sealed_numbers import open_attestation
from unbind_broker.orders.tables import orders

EDWARDS = Ed25519PrivateKey.from_private_bytes(b"an attesting key of thirty-two b")
OTHER = Ed25519PrivateKey.from_private_bytes(b"somebody else's key of thirty-2 ")
CURVE = ec.derive_private_key(20261121, ec.SECP256R1())
JWKS = {"keys": [jwk_of(EDWARDS, "ed"), jwk_of(CURVE, "ec")]}


@dataclass
class Attesting:
    scene: Scene
    admin: dict[str, str]

    async def set(self, **changes: object) -> Any:
        path = "/v1/admin/carriers/china-mobile"
        return await self.scene.http.patch(path, json=changes, headers=self.admin)

    async def order(self, token: object = ..., **changes: object) -> tuple[int, str]:
        body = order_body(attestation=token, **changes)
        answer = await self.scene.post("/v1/orders", body)
        assert "+8613800001234" not in answer.text
        return answer.status_code, answer.json().get("code", "")


@pytest.fixture
async def attesting(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Attesting]:
    async with a_scene(engine, clock, "weibo") as scene:
        async with engine.begin() as db:
            admin = bearer(await a_key(db, Role.ADMIN))
        made = Attesting(scene, admin)
        assert (await made.set(jwks=JWKS)).status_code == 200
        yield made


@pytest.mark.parametrize(("key", "kid"), [(EDWARDS, "ed"), (CURVE, "ec")])
async def test_a_true_attestation_is_taken_and_kept_sealed(
    attesting: Attesting, engine: AsyncEngine, key: PrivateKey, kid: str
) -> None:
    token = signed(key, kid, claims(NOON))
    assert await attesting.order(token) == (202, "")
    async with engine.connect() as db:
        sealed = await db.scalar(select(orders.c.attestation_sealed))
    assert sealed is not None
    assert open_attestation(SEALER, sealed) == token


async def test_an_order_after_a_query_attests_what_the_query_said(
    attesting: Attesting,
) -> None:
    token = signed(EDWARDS, "ed", claims(NOON, jti="q"))
    asked = await attesting.scene.post("/v1/queries", query_body(attestation=token))
    query_id = asked.json()["id"]
    await attesting.scene.report(
        "weibo",
        {
            "id": query_id,
            "outcome": "bound",
            "bindings": 1,
            "last_bound_at": "2024-01-01T00:00:00Z",
        },
    )
    wrong = signed(EDWARDS, "ed", claims(NOON, owner_since="2025-03-02", jti="w"))
    right = signed(EDWARDS, "ed", claims(NOON, jti="r"))
    path = "/v1/orders"
    refused = await attesting.scene.post(path, after_query(query_id, attestation=wrong))
    taken = await attesting.scene.post(path, after_query(query_id, attestation=right))
    assert (refused.status_code, taken.status_code) == (422, 202)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "china-unicom"},
        {"sub": "+8613800001235"},
        {"sub": "13800001234"},
        {"owner_since": "2025-03-02"},
        {"scope": "current_owner"},
        {"scope": ...},
        {"jti": ...},
        {"jti": ""},
        {"jti": 7},
        {"jti": "x" * 256},
        {"iat": int(NOON.timestamp()) + 61},
        {"exp": int(NOON.timestamp()) + 601},
        {"exp": int(NOON.timestamp())},
        {"exp": "soon"},
        {"exp": True},
        {"exp": 1e300},
        {"aud": "another"},
    ],
    ids=range(17),
)
async def test_claims_that_differ_are_refused(
    attesting: Attesting, changes: dict[str, object]
) -> None:
    token = signed(EDWARDS, "ed", claims(NOON, **changes))
    assert await attesting.order(token) == (422, "attestation-invalid")


async def test_an_attestation_expires(attesting: Attesting) -> None:
    token = signed(EDWARDS, "ed", claims(NOON))
    attesting.scene.clock.advance(timedelta(minutes=10))
    assert await attesting.order(token) == (422, "attestation-invalid")


def _forged() -> dict[str, str]:
    said = claims(NOON)
    payload = json.dumps(said).encode()
    public = jwk_of(EDWARDS, "ed")["x"]
    header, body, signature = signed(EDWARDS, "ed", said).split(".")
    part = urlsafe_b64encode(b'{"alg":"none","kid":"ed"}').rstrip(b"=").decode()
    nameless = urlsafe_b64encode(b'{"kid":"ed"}').rstrip(b"=").decode()
    deep = urlsafe_b64encode(b"[" * 2500).rstrip(b"=").decode()
    doubled = payload.replace(b"{", b'{"sub": "+8613800009999", ', 1)
    return {
        "none": f"{part}.{body}.",
        "none, signed": f"{part}.{body}.{signature}",
        "no algorithm": f"{nameless}.{body}.{signature}",
        "a header too deep": f"{deep}.{body}.{signature}",
        "public key as a secret": PyJWT().encode(
            said, public, "HS256", headers={"kid": "ed"}
        ),
        "another's key": signed(OTHER, "ed", said),
        "the kid of the other key": signed(EDWARDS, "ec", said),
        "an unknown kid": signed(EDWARDS, "2019", said),
        "a key of its own": signed(OTHER, "ed", said, jwk=jwk_of(OTHER, "ed")),
        "critical members": signed(EDWARDS, "ed", said, crit=["exp"]),
        "a changed body": f"{header}.{body[:-2]}AA.{signature}",
        "a changed signature": f"{header}.{body}.{signature[:-4]}AAAA",
        "no signature": f"{header}.{body}.",
        "two parts": f"{header}.{body}",
        "rubbish": "x.y.z",
        "a list": signed_bytes(EDWARDS, "ed", b"[]"),
        "no JSON": signed_bytes(EDWARDS, "ed", b"{"),
        "claims too deep": signed_bytes(EDWARDS, "ed", b"[" * 2900),
        "a claim twice": signed_bytes(EDWARDS, "ed", doubled),
    }


FORGED = _forged()


@pytest.mark.parametrize("way", sorted(FORGED))
async def test_forged_attestations_are_refused(attesting: Attesting, way: str) -> None:
    assert await attesting.order(FORGED[way]) == (422, "attestation-invalid")


async def test_an_attestation_counts_once(attesting: Attesting) -> None:
    token = signed(EDWARDS, "ed", claims(NOON))
    assert await attesting.order(token) == (202, "")
    assert await attesting.order(token) == (422, "attestation-replayed")
    again = signed(CURVE, "ec", claims(NOON))
    assert await attesting.order(again) == (422, "attestation-replayed")


async def test_of_many_at_once_one_counts(attesting: Attesting) -> None:
    token = signed(EDWARDS, "ed", claims(NOON))
    answers = await asyncio.gather(*(attesting.order(token) for _ in range(8)))
    assert sorted(answers) == [(202, "")] + [(422, "attestation-replayed")] * 7


async def test_what_was_refused_did_not_use_the_attestation_up(
    attesting: Attesting,
) -> None:
    token = signed(EDWARDS, "ed", claims(NOON))
    refused = await attesting.order(token, platforms=["unknown-app"])
    assert refused == (422, "platform-unknown")
    assert await attesting.order(token) == (202, "")


async def test_a_repeated_request_gets_its_first_answer(attesting: Attesting) -> None:
    body = order_body(attestation=signed(EDWARDS, "ed", claims(NOON)))
    key = {"Idempotency-Key": "once"}
    first = await attesting.scene.post("/v1/orders", body, key)
    second = await attesting.scene.post("/v1/orders", body, key)
    assert (first.status_code, second.status_code) == (202, 202)
    assert second.json() == first.json()


async def test_attestations_are_demanded_of_carriers_that_must(
    attesting: Attesting,
) -> None:
    assert await attesting.order() == (202, "")
    demanded = await attesting.set(attestation_required=True)
    assert demanded.json()["attestation_required"] is True
    assert await attesting.order() == (422, "attestation-required")


async def test_what_no_key_could_check_is_not_demanded(attesting: Attesting) -> None:
    await attesting.set(attestation_required=True)
    refused = await attesting.set(jwks={"keys": []})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/attestation_required"


async def test_a_key_that_was_taken_out_attests_nothing(attesting: Attesting) -> None:
    await attesting.set(jwks={"keys": [jwk_of(CURVE, "ec")]})
    token = signed(EDWARDS, "ed", claims(NOON))
    assert await attesting.order(token) == (422, "attestation-invalid")


async def test_anyone_reads_the_keys(attesting: Attesting) -> None:
    http = attesting.scene.http
    found = await http.get("/.well-known/carriers/china-mobile/jwks.json")
    assert found.json() == JWKS
    assert found.headers["cache-control"] == "public, max-age=300"
    unknown = await http.get("/.well-known/carriers/nobody/jwks.json")
    assert unknown.status_code == 404


async def test_used_attestations_are_forgotten_when_they_have_expired(
    attesting: Attesting, engine: AsyncEngine
) -> None:
    assert await attesting.order(signed(EDWARDS, "ed", claims(NOON))) == (202, "")
    async with engine.begin() as db:
        assert await prune_attestations(db, NOON, 10) == 0
        assert await prune_attestations(db, NOON + timedelta(hours=1), 10) == 1


async def test_a_jti_is_remembered_without_its_text(
    attesting: Attesting, engine: AsyncEngine
) -> None:
    token = signed(EDWARDS, "ed", claims(NOON, jti="+8613800001234"))
    assert await attesting.order(token) == (202, "")
    async with engine.connect() as db:
        kept = await db.scalar(select(attestations_used.c.jti))
    assert kept is not None
    assert "13800001234" not in kept
