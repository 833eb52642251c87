from datetime import timedelta

import pytest
from httpx import AsyncClient

from tests.api.registry import Parties
from tests.support.clock import FixedClock

URL = "/v1/admin/keys"
FOR_MOBILE = {"role": "carrier", "carrier": "china-mobile", "name": "production"}


def sent_as(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def test_issued_key_works_and_is_told_once(
    api: AsyncClient, parties: Parties
) -> None:
    made = await api.post(URL, headers=parties.admin, json=FOR_MOBILE)
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    issued = made.json()
    key = issued.pop("key")
    assert issued == {
        "id": issued["id"],
        "role": "carrier",
        "carrier": "china-mobile",
        "platform": None,
        "sandbox": False,
        "name": "production",
        "hint": key[-4:],
        "created_at": "2026-11-20T04:00:00Z",
        "expires_at": None,
        "revoked_at": None,
    }
    assert (await api.get("/v1/me", headers=sent_as(key))).status_code == 200
    listed = await api.get(URL, headers=parties.admin)
    assert issued in listed.json()["data"]
    assert key not in listed.text


@pytest.mark.parametrize(
    "body",
    [
        {"role": "platform", "platform": "weibo"},
        {"role": "admin"},
        {"role": "auditor", "name": "regulator"},
    ],
)
async def test_every_role_gets_keys(
    api: AsyncClient, parties: Parties, body: dict[str, str]
) -> None:
    made = (await api.post(URL, headers=parties.admin, json=body)).json()
    me = (await api.get("/v1/me", headers=sent_as(made["key"]))).json()
    assert me["role"] == made["role"] == body["role"]
    assert made["name"] == body.get("name", body["role"])


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/role"),
        ({"role": "king"}, "/role"),
        ({"role": "carrier"}, "/carrier"),
        ({"role": "carrier", "carrier": "nobody"}, "/carrier"),
        ({"role": "carrier", "carrier": "Nobody"}, "/carrier"),
        ({"role": "platform"}, "/platform"),
        ({"role": "platform", "platform": "nobody"}, "/platform"),
        ({"role": "platform", "carrier": "china-mobile"}, "/carrier"),
        ({"role": "admin", "platform": "weibo"}, "/platform"),
        ({**FOR_MOBILE, "platform": "weibo"}, "/platform"),
        ({**FOR_MOBILE, "sandbox": "yes"}, "/sandbox"),
        ({"role": "admin", "sandbox": True}, "/sandbox"),
        (
            {"role": "platform", "platform": "weibo", "sandbox": True},
            "/sandbox",
        ),
        ({**FOR_MOBILE, "carrier": "china-mobile.sandbox"}, "/carrier"),
        ({**FOR_MOBILE, "name": ""}, "/name"),
        ({**FOR_MOBILE, "expires_at": "2026-11-20T04:00:00Z"}, "/expires_at"),
        ({**FOR_MOBILE, "expires_at": "tomorrow"}, "/expires_at"),
        ({**FOR_MOBILE, "key": "ub_carrier_x"}, "/key"),
    ],
)
async def test_wrong_body_is_pointed_at(
    api: AsyncClient, parties: Parties, body: dict[str, object], pointer: str
) -> None:
    refused = await api.post(URL, headers=parties.admin, json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "validation-failed")
    assert refused.json()["errors"][0]["pointer"] == pointer


async def test_key_dies_at_its_expiry(
    api: AsyncClient, parties: Parties, clock: FixedClock
) -> None:
    body = {**FOR_MOBILE, "expires_at": "2026-11-20T05:00:00+00:00"}
    made = (await api.post(URL, headers=parties.admin, json=body)).json()
    assert made["expires_at"] == "2026-11-20T05:00:00Z"
    headers = sent_as(made["key"])
    assert (await api.get("/v1/me", headers=headers)).status_code == 200
    clock.advance(timedelta(hours=1))
    dead = await api.get("/v1/me", headers=headers)
    assert (dead.status_code, dead.json()["code"]) == (401, "unauthenticated")
    assert dead.headers["www-authenticate"].startswith("Bearer")


async def test_revoked_key_dies_at_once_and_its_sister_lives(
    api: AsyncClient, parties: Parties
) -> None:
    made = (await api.post(URL, headers=parties.admin, json=FOR_MOBILE)).json()
    for _ in range(2):
        gone = await api.delete(f"{URL}/{made['id']}", headers=parties.admin)
        assert (gone.status_code, gone.content) == (204, b"")
    dead = await api.get("/v1/me", headers=sent_as(made["key"]))
    assert dead.status_code == 401
    assert (await api.get("/v1/me", headers=parties.mobile)).status_code == 200


@pytest.mark.parametrize("key_id", ["999999", "0", "-1", "x", "9" * 30, "1e3", "%00"])
async def test_unknown_key_is_not_found(
    api: AsyncClient, parties: Parties, key_id: str
) -> None:
    gone = await api.delete(f"{URL}/{key_id}", headers=parties.admin)
    assert (gone.status_code, gone.json()["code"]) == (404, "not-found")


async def test_list_comes_in_pages(api: AsyncClient, parties: Parties) -> None:
    first = (await api.get(f"{URL}?limit=3", headers=parties.admin)).json()
    rest = f"{URL}?limit=3&cursor={first['next_cursor']}"
    second = (await api.get(rest, headers=parties.admin)).json()
    names = [key["name"] for key in first["data"] + second["data"]]
    assert names == ["admin", "auditor", "mobile", "weibo"]
    assert second["next_cursor"] is None
