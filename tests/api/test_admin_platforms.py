import pytest
from httpx import AsyncClient

from tests.api.registry import Parties

URL = "/v1/admin/platforms"
DOUYIN = {
    "slug": "douyin",
    "name_zh": "抖音",
    "name_en": "Douyin",
    "category": "video",
    "sensitive": False,
    "domains": ["douyin.com"],
    "capabilities": ["detach", "close_account"],
    "cancel_url": "https://www.douyin.com/cancel",
}


async def test_registered_platform_is_answered_and_found(
    api: AsyncClient, parties: Parties
) -> None:
    made = await api.post(URL, headers=parties.admin, json=DOUYIN)
    assert made.status_code == 201
    assert made.json() == {
        **DOUYIN,
        "world": "real",
        "status": "active",
        "created_at": "2026-11-20T04:00:00Z",
        "changed_at": "2026-11-20T04:00:00Z",
    }
    found = await api.get(made.headers["location"], headers=parties.admin)
    assert found.json() == made.json()


async def test_what_is_left_out_has_a_default(
    api: AsyncClient, parties: Parties
) -> None:
    made = (await api.post(URL, headers=parties.admin, json={"slug": "jd"})).json()
    assert made["name_zh"] == made["name_en"] == "jd"
    assert (made["category"], made["sensitive"]) == ("other", False)
    assert (made["domains"], made["capabilities"]) == ([], ["detach"])
    assert made["cancel_url"] is None


async def test_taken_slug_is_refused(api: AsyncClient, parties: Parties) -> None:
    again = await api.post(URL, headers=parties.admin, json={"slug": "weibo"})
    assert (again.status_code, again.json()["code"]) == (409, "slug-taken")


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"slug": "We"}, "/slug"),
        ({"category": "a b"}, "/category"),
        ({"sensitive": "yes"}, "/sensitive"),
        ({"sandbox": "yes"}, "/sandbox"),
        ({"world": "sandbox"}, "/world"),
        ({"domains": ["a b", "douyin.com"]}, "/domains/0"),
        ({"domains": "douyin.com"}, "/domains"),
        ({"capabilities": []}, "/capabilities"),
        ({"capabilities": ["fly"]}, "/capabilities/0"),
        ({"cancel_url": "https://evil.com/"}, "/cancel_url"),
        ({"cancel_url": "http://www.douyin.com/"}, "/cancel_url"),
        ({"colour": "red"}, "/colour"),
    ],
)
async def test_wrong_field_is_pointed_at(
    api: AsyncClient, parties: Parties, wrong: dict[str, object], pointer: str
) -> None:
    body = {**DOUYIN, **wrong}
    refused = await api.post(URL, headers=parties.admin, json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "validation-failed")
    assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]


async def test_fields_change_and_others_stay(
    api: AsyncClient, parties: Parties
) -> None:
    await api.post(URL, headers=parties.admin, json=DOUYIN)
    changes = {
        "name_zh": "抖 音",
        "category": "live-streaming",
        "sensitive": True,
        "domains": ["douyin.com", "iesdouyin.com"],
        "capabilities": ["restore", "detach"],
        "cancel_url": None,
    }
    changed = await api.patch(f"{URL}/douyin", headers=parties.admin, json=changes)
    assert changed.status_code == 200
    assert changed.json() == {
        **DOUYIN,
        **changes,
        "capabilities": ["detach", "restore"],
        "world": "real",
        "status": "active",
        "created_at": "2026-11-20T04:00:00Z",
        "changed_at": "2026-11-20T04:00:00Z",
    }


async def test_nothing_sent_changes_nothing(api: AsyncClient, parties: Parties) -> None:
    made = await api.post(URL, headers=parties.admin, json=DOUYIN)
    changed = await api.patch(f"{URL}/douyin", headers=parties.admin, json={})
    assert changed.json() == made.json()


@pytest.mark.parametrize("name", ["name_zh", "category", "sensitive", "domains"])
async def test_null_is_refused_where_it_means_nothing(
    api: AsyncClient, parties: Parties, name: str
) -> None:
    body = {name: None}
    refused = await api.patch(f"{URL}/weibo", headers=parties.admin, json=body)
    assert refused.json()["errors"][0]["pointer"] == f"/{name}"


async def test_suspended_platform_still_calls_and_resumes(
    api: AsyncClient, parties: Parties
) -> None:
    for verb, status in (("suspend", "suspended"), ("resume", "active")):
        for _ in range(2):
            answer = await api.post(f"{URL}/weibo/{verb}", headers=parties.admin)
            assert (answer.status_code, answer.json()["status"]) == (200, status)


async def test_unknown_platform_is_not_found(
    api: AsyncClient, parties: Parties
) -> None:
    calls = [
        await api.get(f"{URL}/nobody", headers=parties.admin),
        await api.patch(f"{URL}/nobody", headers=parties.admin, json={}),
        await api.post(f"{URL}/nobody/suspend", headers=parties.admin),
        await api.post(f"{URL}/nobody/resume", headers=parties.admin),
    ]
    assert [call.status_code for call in calls] == [404] * 4


async def test_list_comes_in_pages(api: AsyncClient, parties: Parties) -> None:
    await api.post(URL, headers=parties.admin, json=DOUYIN)
    first = (await api.get(f"{URL}?limit=1", headers=parties.admin)).json()
    rest = f"{URL}?limit=1&cursor={first['next_cursor']}"
    second = (await api.get(rest, headers=parties.admin)).json()
    slugs = [platform["slug"] for platform in first["data"] + second["data"]]
    assert (slugs, second["next_cursor"]) == (["douyin", "weibo"], None)
