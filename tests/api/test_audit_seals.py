"""Auditors keep seals, sign them too, and take the sealed trail away."""

import json
from base64 import b64decode, b64encode
from hashlib import sha256
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.api.registry import Parties
from tests.support.audit import (
    a_sealed_trail,
    all_seals,
    check,
    many_events,
    seal_everything,
    some_events,
)
from tests.support.sealing import BROKER_KEY
from tests.support.trail import trail
from unbind_broker.audit.hashing import canonical_json, leaf_hash, tree_root
from unbind_broker.audit.kept_seals import read_kept
from unbind_broker.audit.seals import NO_PREVIOUS, signature_holds
from unbind_broker.audit.verifying import Anchors
from unbind_broker.base.signing_keys import PrivateKey

SEALS = "/v1/audit/seals"
OWN_KEY = PrivateKey(b"an auditor's key of thirty-two b")


async def test_seals_come_newest_first_in_pages(
    api: httpx.AsyncClient, parties: Parties, engine: AsyncEngine
) -> None:
    await a_sealed_trail(engine, 1, 2, 3)
    first = await api.get(SEALS, params={"limit": 2}, headers=parties.auditor)
    cursor = first.json()["next_cursor"]
    second = await api.get(SEALS, params={"cursor": cursor}, headers=parties.auditor)
    shown = first.json()["data"] + second.json()["data"]
    assert [seal["number"] for seal in shown] == [3, 2, 1]
    assert second.json()["next_cursor"] is None
    lines = [json.dumps(seal) for seal in shown]
    anchors = read_kept(lines)
    assert read_kept([first.text, second.text]) == anchors
    faults, _ = await check(engine, Anchors(anchors.keys, anchors.digests))
    assert faults == []


async def test_one_seal_is_read_by_its_number(
    api: httpx.AsyncClient, parties: Parties, engine: AsyncEngine
) -> None:
    await a_sealed_trail(engine, 3)
    answer = await api.get(f"{SEALS}/1", headers=parties.auditor)
    assert answer.status_code == 200
    assert (answer.json()["number"], answer.json()["previous"]) == (1, "00" * 32)
    for number in ("2", "0", "x", "-1", "99999999999999999999"):
        missing = await api.get(f"{SEALS}/{number}", headers=parties.auditor)
        assert (missing.status_code, missing.json()["code"]) == (404, "not-found")


async def test_reading_seals_is_recorded(
    api: httpx.AsyncClient, parties: Parties, engine: AsyncEngine
) -> None:
    await a_sealed_trail(engine, 1)
    for path in (SEALS, f"{SEALS}/1", f"{SEALS}/1/cosignatures", "/v1/audit/export"):
        assert (await api.get(path, headers=parties.auditor)).status_code == 200
    async with engine.connect() as db:
        told = [one.facts["what"] for one in await trail(db, "audit.read")]
    assert told == ["seals", "seal", "cosignatures", "export"]


async def a_cosignature(
    api: httpx.AsyncClient, parties: Parties, key: PrivateKey = OWN_KEY
) -> dict[str, str]:
    seal = (await api.get(f"{SEALS}/1", headers=parties.auditor)).json()
    signature = key.ed25519.sign(seal["statement"].encode())
    return {
        "public_key": key.public.text,
        "signature": b64encode(signature).decode(),
    }


async def test_auditor_signs_a_seal_too(
    api: httpx.AsyncClient, parties: Parties, engine: AsyncEngine
) -> None:
    await a_sealed_trail(engine, 3)
    body = await a_cosignature(api, parties)
    path = f"{SEALS}/1/cosignatures"

    first = await api.post(path, json=body, headers=parties.auditor)
    again = await api.post(path, json=body, headers=parties.auditor)
    listed = await api.get(path, headers=parties.admin)

    kept = {**body, "signed_by": "auditor:2", "received_at": "2026-11-20T04:00:00Z"}
    assert (first.status_code, first.json()) == (201, kept)
    assert (again.status_code, again.json()) == (200, kept)
    assert listed.json() == {"data": [kept], "next_cursor": None}
    async with engine.connect() as db:
        [told] = await trail(db, "audit.cosigned")
    assert (told.actor, told.facts["seal"]) == ("auditor:2", 1)


async def test_cosignatures_come_in_pages(
    api: httpx.AsyncClient, parties: Parties, engine: AsyncEngine
) -> None:
    await a_sealed_trail(engine, 3)
    path, keys = (
        f"{SEALS}/1/cosignatures",
        [PrivateKey(bytes([n] * 32)) for n in (1, 2)],
    )
    for key in keys:
        body = await a_cosignature(api, parties, key)
        await api.post(path, json=body, headers=parties.auditor)
    one = (await api.get(path, params={"limit": 1}, headers=parties.auditor)).json()
    query = {"limit": 1, "cursor": one["next_cursor"]}
    two = (await api.get(path, params=query, headers=parties.auditor)).json()
    shown = [page["data"][0]["public_key"] for page in (one, two)]
    assert shown == sorted(key.public.text for key in keys)
    assert two["next_cursor"] is None
    wrong = await api.get(path, params={"cursor": "eA"}, headers=parties.auditor)
    assert wrong.status_code == 422


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"signature": b64encode(bytes(64)).decode()}, 422, "cosignature-invalid"),
        ({"public_key": PrivateKey(bytes(32)).public.text}, 422, "cosignature-invalid"),
        ({"signature": "AAAA"}, 422, "validation-failed"),
        ({"signature": "not base64"}, 422, "validation-failed"),
        ({"public_key": "whpk_AAAA"}, 422, "validation-failed"),
        ({"public_key": "whsec_AAAA"}, 422, "validation-failed"),
    ],
    ids=["forged", "other key", "short", "no base64", "short key", "secret"],
)
async def test_signature_that_does_not_verify_is_not_kept(
    api: httpx.AsyncClient,
    parties: Parties,
    engine: AsyncEngine,
    change: dict[str, str],
    status: int,
    code: str,
) -> None:
    await a_sealed_trail(engine, 3)
    body = {**await a_cosignature(api, parties), **change}
    path = f"{SEALS}/1/cosignatures"
    answer = await api.post(path, json=body, headers=parties.auditor)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    listed = await api.get(path, headers=parties.auditor)
    assert listed.json()["data"] == []


async def test_only_auditors_sign(
    api: httpx.AsyncClient, parties: Parties, engine: AsyncEngine
) -> None:
    await a_sealed_trail(engine, 3)
    body = await a_cosignature(api, parties)
    path = f"{SEALS}/1/cosignatures"
    for headers in (parties.admin, parties.mobile, parties.weibo):
        answer = await api.post(path, json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "wrong-role")
    gone = await api.post(f"{SEALS}/9/cosignatures", json=body, headers=parties.auditor)
    assert gone.status_code == 404


async def exported(
    api: httpx.AsyncClient, parties: Parties, **query: int
) -> list[dict[str, Any]]:
    answer = await api.get("/v1/audit/export", params=query, headers=parties.auditor)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_export_can_be_checked_without_the_broker(
    api: httpx.AsyncClient, parties: Parties, engine: AsyncEngine
) -> None:
    await a_sealed_trail(engine, 4, 1)
    await many_events(engine, 2300)
    await seal_everything(engine)
    await some_events(engine, 2)

    lines = await exported(api, parties)

    previous, leaves = NO_PREVIOUS.hex(), []
    for line in lines:
        if line["type"] == "event":
            leaves.append(leaf_hash(canonical_json(line["event"])))
            continue
        seal = line["seal"]
        statement = seal["statement"].encode()
        signature = b64decode(seal["signature"])
        assert signature_holds(BROKER_KEY.public, signature, statement)
        told = json.loads(statement)
        assert told["root"] == tree_root(leaves).hex()
        assert (told["events"], told["previous"]) == (len(leaves), previous)
        previous, leaves = sha256(statement).hexdigest(), []
    # the parties' own keys and places were recorded before the first seal
    assert [one["seal"]["number"] for one in lines if one["type"] == "seal"] == [
        1,
        2,
        3,
    ]
    assert leaves == []


async def test_export_goes_on_behind_a_seal(
    api: httpx.AsyncClient, parties: Parties, engine: AsyncEngine
) -> None:
    await a_sealed_trail(engine, 2, 1, 3)
    behind = await exported(api, parties, after_seal=2)
    assert [one["type"] for one in behind] == ["event"] * 3 + ["seal"]
    assert {one["seal"] for one in behind[:3]} == {3}
    assert await exported(api, parties, after_seal=3) == []
    assert await exported(api, parties, after_seal=99) == []


async def test_export_of_many_small_seals_is_whole(
    api: httpx.AsyncClient, parties: Parties, engine: AsyncEngine
) -> None:
    await many_events(engine, 130)
    await seal_everything(engine, most=1)
    lines = await exported(api, parties)
    count = len(await all_seals(engine))
    assert [one["type"] for one in lines] == ["event", "seal"] * count
    kept = read_kept(json.dumps(line) for line in lines)
    assert len(kept.digests) == count > 130


async def test_empty_trail_exports_nothing(
    api: httpx.AsyncClient, parties: Parties
) -> None:
    assert await exported(api, parties) == []
