import pytest
from httpx import AsyncClient
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.api.registry import Parties
from tests.support.trail import trail

URL = "/v1/admin/carriers"
UNICOM = {"slug": "china-unicom", "name_zh": "中国联通", "name_en": "China Unicom"}


async def test_registered_carrier_is_answered_and_found(
    api: AsyncClient, parties: Parties, engine: AsyncEngine
) -> None:
    made = await api.post(URL, headers=parties.admin, json=UNICOM)
    assert made.status_code == 201
    assert made.json() == {
        **UNICOM,
        "status": "active",
        "created_at": "2026-11-20T04:00:00Z",
        "changed_at": "2026-11-20T04:00:00Z",
        "jwks": None,
        "attestation_required": False,
        "braked": False,
        "refused_today": 0,
    }
    assert made.headers["location"] == f"{URL}/china-unicom"
    found = await api.get(made.headers["location"], headers=parties.admin)
    assert found.json() == made.json()
    async with engine.connect() as db:
        written = (await trail(db, "carrier.added"))[-1]
    assert written.actor.startswith("admin:")


async def test_names_left_out_are_the_slug(api: AsyncClient, parties: Parties) -> None:
    made = await api.post(URL, headers=parties.admin, json={"slug": "cbn"})
    assert (made.json()["name_zh"], made.json()["name_en"]) == ("cbn", "cbn")


async def test_taken_slug_is_refused(api: AsyncClient, parties: Parties) -> None:
    await api.post(URL, headers=parties.admin, json=UNICOM)
    again = await api.post(URL, headers=parties.admin, json=UNICOM)
    assert (again.status_code, again.json()["code"]) == (409, "slug-taken")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/slug"),
        ({"slug": "China"}, "/slug"),
        ({"slug": "a" * 65}, "/slug"),
        ({"slug": "a", "name_zh": ""}, "/name_zh"),
        ({"slug": "a", "name_zh": " "}, "/name_zh"),
        ({"slug": "a", "name_en": "a\u0000"}, "/name_en"),
        ({"slug": "a", "name_en": "x" * 101}, "/name_en"),
        ({"slug": "a", "colour": "red"}, "/colour"),
        ({"slug": 1}, "/slug"),
    ],
)
async def test_wrong_body_is_pointed_at(
    api: AsyncClient, parties: Parties, body: dict[str, object], pointer: str
) -> None:
    refused = await api.post(URL, headers=parties.admin, json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "validation-failed")
    assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]


async def test_names_change(api: AsyncClient, parties: Parties) -> None:
    changed = await api.patch(
        f"{URL}/china-mobile", headers=parties.admin, json={"name_en": "CMCC"}
    )
    assert changed.status_code == 200
    assert changed.json()["name_en"] == "CMCC"
    assert changed.json()["name_zh"] == "china-mobile 运营商"


@pytest.mark.parametrize("body", [{"name_en": None}, {"slug": "x"}, {"status": "x"}])
async def test_null_slug_and_status_are_no_changes(
    api: AsyncClient, parties: Parties, body: dict[str, object]
) -> None:
    refused = await api.patch(f"{URL}/china-mobile", headers=parties.admin, json=body)
    assert refused.status_code == 422


async def test_suspended_carrier_is_refused_until_it_is_resumed(
    api: AsyncClient, parties: Parties
) -> None:
    for _ in range(2):
        answer = await api.post(f"{URL}/china-mobile/suspend", headers=parties.admin)
        assert (answer.status_code, answer.json()["status"]) == (200, "suspended")
    refused = await api.get("/v1/platforms", headers=parties.mobile)
    assert (refused.status_code, refused.json()["code"]) == (403, "suspended")
    answer = await api.post(f"{URL}/china-mobile/resume", headers=parties.admin)
    assert answer.json()["status"] == "active"
    served = await api.get("/v1/platforms", headers=parties.mobile)
    assert served.status_code == 200


@pytest.mark.parametrize("slug", ["nobody", "Nobody", "no%00body", "a" * 300])
async def test_unknown_carrier_is_not_found(
    api: AsyncClient, parties: Parties, slug: str
) -> None:
    calls = [
        await api.get(f"{URL}/{slug}", headers=parties.admin),
        await api.patch(f"{URL}/{slug}", headers=parties.admin, json={}),
        await api.post(f"{URL}/{slug}/suspend", headers=parties.admin),
        await api.post(f"{URL}/{slug}/resume", headers=parties.admin),
    ]
    assert [call.status_code for call in calls] == [404] * 4


async def test_list_comes_in_pages(api: AsyncClient, parties: Parties) -> None:
    for slug in ("c", "a", "b"):
        await api.post(URL, headers=parties.admin, json={"slug": slug})
    first = (await api.get(f"{URL}?limit=3", headers=parties.admin)).json()
    rest = f"{URL}?limit=3&cursor={first['next_cursor']}"
    second = (await api.get(rest, headers=parties.admin)).json()
    slugs = [carrier["slug"] for carrier in first["data"] + second["data"]]
    assert slugs == ["a", "b", "c", "china-mobile"]
    assert second["next_cursor"] is None


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "cursor=%21"])
async def test_wrong_page_is_refused(
    api: AsyncClient, parties: Parties, query: str
) -> None:
    refused = await api.get(f"{URL}?{query}", headers=parties.admin)
    assert (refused.status_code, refused.json()["code"]) == (422, "validation-failed")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/admin/carriers"),
        ("GET", "/v1/admin/carriers"),
        ("GET", "/v1/admin/carriers/china-mobile"),
        ("PATCH", "/v1/admin/carriers/china-mobile"),
        ("POST", "/v1/admin/carriers/china-mobile/suspend"),
        ("POST", "/v1/admin/carriers/china-mobile/resume"),
        ("POST", "/v1/admin/platforms"),
        ("GET", "/v1/admin/platforms"),
        ("GET", "/v1/admin/platforms/weibo"),
        ("PATCH", "/v1/admin/platforms/weibo"),
        ("POST", "/v1/admin/platforms/weibo/suspend"),
        ("POST", "/v1/admin/platforms/weibo/resume"),
        ("POST", "/v1/admin/keys"),
        ("GET", "/v1/admin/keys"),
        ("DELETE", "/v1/admin/keys/1"),
        ("GET", "/v1/admin/endpoints"),
        ("GET", "/v1/admin/endpoints/weibo"),
        ("POST", "/v1/admin/endpoints/weibo/pause"),
        ("POST", "/v1/admin/endpoints/weibo/resume"),
    ],
)
async def test_only_administrators_get_in(
    api: AsyncClient, parties: Parties, method: str, path: str
) -> None:
    nobody = await api.request(method, path)
    assert (nobody.status_code, nobody.json()["code"]) == (401, "unauthenticated")
    for headers in (parties.mobile, parties.weibo, parties.auditor):
        other = await api.request(method, path, headers=headers)
        assert (other.status_code, other.json()["code"]) == (403, "wrong-role")
