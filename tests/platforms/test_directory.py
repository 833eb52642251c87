import pytest

from tests.support.builders import a_platform, an_endpoint
from unbind_broker.base.database import Db
from unbind_broker.endpoints.states import Delivery, PausedBy
from unbind_broker.platforms import directory
from unbind_broker.platforms.directory import Listed, Wanted


async def test_platform_is_listed_with_what_everybody_may_know(db: Db) -> None:
    url = "https://weibo.com/x"
    capabilities = ("detach", "restore")
    platform = await a_platform(
        db, "weibo", sensitive=True, capabilities=capabilities, cancel_url=url
    )
    await an_endpoint(db, platform)
    assert await directory.list_page(db, Wanted(), None, 10) == [
        Listed(
            id=platform.id,
            slug="weibo",
            name_zh="weibo 平台",
            name_en="weibo platform",
            category="social",
            sensitive=True,
            capabilities=capabilities,
            cancel_url=url,
            accepting=True,
        )
    ]


async def accepting(db: Db) -> list[str]:
    page = await directory.list_page(db, Wanted(accepting=True), None, 10)
    others = await directory.list_page(db, Wanted(accepting=False), None, 10)
    assert all(platform.accepting for platform in page)
    assert not any(platform.accepting for platform in others)
    assert len(page + others) == len(await directory.list_page(db, Wanted(), None, 10))
    return [platform.slug for platform in page]


async def test_platform_with_an_active_endpoint_accepts(db: Db) -> None:
    await an_endpoint(db, await a_platform(db, "push"))
    await an_endpoint(db, await a_platform(db, "pull"), delivery=Delivery.PULL)
    assert await accepting(db) == ["pull", "push"]


async def test_others_do_not_accept(db: Db) -> None:
    await a_platform(db, "without")
    await an_endpoint(db, await a_platform(db, "unverified"), verified=False)
    paused = await a_platform(db, "paused")
    await an_endpoint(db, paused, paused_by=PausedBy.OWNER)
    await an_endpoint(db, await a_platform(db, "disabled"), disabled="gone")
    await an_endpoint(db, await a_platform(db, "suspended", suspended=True))
    assert await accepting(db) == []


@pytest.mark.parametrize(("category", "slugs"), [("games", ["b"]), ("none", [])])
async def test_category_chooses(db: Db, category: str, slugs: list[str]) -> None:
    await a_platform(db, "a")
    await a_platform(db, "b", category="games")
    page = await directory.list_page(db, Wanted(category=category), None, 10)
    assert [platform.slug for platform in page] == slugs


async def test_pages_follow_the_slugs(db: Db) -> None:
    for slug in ("c", "a", "b"):
        await a_platform(db, slug)
    first = await directory.list_page(db, Wanted(), None, 2)
    second = await directory.list_page(db, Wanted(), first[-1].slug, 2)
    assert [platform.slug for platform in first + second] == ["a", "b", "c"]
