import pytest
from httpx import AsyncClient
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.api.registry import Parties
from tests.support.builders import a_platform, an_endpoint

URL = "/v1/platforms"


async def test_every_role_reads_the_directory(
    api: AsyncClient, parties: Parties
) -> None:
    for headers in (parties.admin, parties.auditor, parties.mobile, parties.weibo):
        page = (await api.get(URL, headers=headers)).json()
        assert page == {
            "data": [
                {
                    "slug": "weibo",
                    "name_zh": "weibo 平台",
                    "name_en": "weibo platform",
                    "category": "social",
                    "sensitive": False,
                    "capabilities": ["detach"],
                    "cancel_url": None,
                    "accepting": False,
                    "punctuality": None,
                }
            ],
            "next_cursor": None,
        }


@pytest.mark.parametrize(
    ("query", "slugs"),
    [
        ("", ["bank", "game", "weibo"]),
        ("?accepting=true", ["game"]),
        ("?accepting=false", ["bank", "weibo"]),
        ("?category=gaming", ["game"]),
        ("?category=social&accepting=true", []),
        ("?category=unheard-of", []),
    ],
)
async def test_filters_choose(
    api: AsyncClient,
    parties: Parties,
    engine: AsyncEngine,
    query: str,
    slugs: list[str],
) -> None:
    async with engine.begin() as db:
        await an_endpoint(db, await a_platform(db, "game", category="gaming"))
        await a_platform(db, "bank", category="bank")
    page = (await api.get(URL + query, headers=parties.mobile)).json()
    assert [platform["slug"] for platform in page["data"]] == slugs


@pytest.mark.parametrize(
    "query", ["?accepting=perhaps", "?category=A%20b", "?limit=0", "?cursor=x"]
)
async def test_wrong_filter_is_refused(
    api: AsyncClient, parties: Parties, query: str
) -> None:
    refused = await api.get(URL + query, headers=parties.mobile)
    assert (refused.status_code, refused.json()["code"]) == (422, "validation-failed")


async def test_page_stays_right_while_platforms_arrive(
    api: AsyncClient, parties: Parties, engine: AsyncEngine
) -> None:
    async with engine.begin() as db:
        for slug in ("b", "d"):
            await a_platform(db, slug)
    first = (await api.get(f"{URL}?limit=2", headers=parties.mobile)).json()
    async with engine.begin() as db:
        for slug in ("a", "c", "x"):
            await a_platform(db, slug)
    rest = f"{URL}?limit=50&cursor={first['next_cursor']}"
    second = (await api.get(rest, headers=parties.mobile)).json()
    slugs = [platform["slug"] for platform in first["data"] + second["data"]]
    assert slugs == ["b", "d", "weibo", "x"]
