from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.builders import a_platform
from tests.support.clock import NOON
from tests.support.trail import trail
from unbind_broker.base.database import Db
from unbind_broker.base.errors import InvalidFields
from unbind_broker.base.names import SlugTaken
from unbind_broker.platforms import service
from unbind_broker.platforms.profile import Profile
from unbind_broker.platforms.service import Imported
from unbind_broker.platforms.tables import PlatformStatus

LATER = NOON + timedelta(hours=1)
WEIBO = Profile("微博", "Weibo", "social", domains=("weibo.com",))


async def test_added_platform_is_found_and_written_down(db: Db) -> None:
    added = await service.add(db, NOON, "weibo", WEIBO, "admin:1")
    assert await service.find(db, "weibo") == added
    assert (added.profile, added.status) == (WEIBO, PlatformStatus.ACTIVE)
    written = (await trail(db, "platform.added"))[0]
    assert (written.actor, written.facts["domains"]) == ("admin:1", ["weibo.com"])


async def test_slug_is_given_out_once(db: Db) -> None:
    await a_platform(db, "weibo")
    with pytest.raises(SlugTaken, match="weibo"):
        await service.add(db, NOON, "weibo", WEIBO, "admin:1")


async def test_wrong_slug_is_refused(db: Db) -> None:
    with pytest.raises(InvalidFields, match="/slug"):
        await service.add(db, NOON, "We ibo", WEIBO, "admin:1")


async def test_fields_change_by_name_and_the_others_stay(db: Db) -> None:
    before = await service.add(db, NOON, "weibo", WEIBO, "admin:1")
    changes = {"sensitive": True, "cancel_url": "https://weibo.com/x"}
    after = await service.change(db, LATER, "weibo", changes, "admin:2")
    profile = replace(WEIBO, sensitive=True, cancel_url="https://weibo.com/x")
    assert after == replace(before, profile=profile, changed_at=LATER)
    assert await service.find(db, "weibo") == after
    written = (await trail(db, "platform.changed"))[0]
    assert written.facts == {"slug": "weibo", **changes}


async def test_cancel_url_can_be_removed(db: Db) -> None:
    await a_platform(db, "weibo", cancel_url="https://weibo.com/x")
    changed = await service.change(db, LATER, "weibo", {"cancel_url": None}, "admin:1")
    assert changed is not None
    assert changed.profile.cancel_url is None


async def test_domain_of_the_cancel_url_cannot_be_dropped(db: Db) -> None:
    await a_platform(db, "weibo", cancel_url="https://weibo.com/x")
    with pytest.raises(InvalidFields, match="/cancel_url"):
        await service.change(db, LATER, "weibo", {"domains": ("weibo.cn",)}, "admin:1")


async def test_change_to_the_same_is_none(db: Db) -> None:
    before = await a_platform(db, "weibo")
    same = {"domains": ("WEIBO.com",), "sensitive": False}
    assert await service.change(db, LATER, "weibo", same, "admin:1") == before
    assert await trail(db, "platform.changed") == []


async def test_unknown_platform_cannot_be_changed_suspended_or_resumed(db: Db) -> None:
    changes = {"sensitive": True}
    assert await service.change(db, NOON, "nobody", changes, "admin:1") is None
    assert await service.suspend(db, NOON, "nobody", "admin:1") is None
    assert await service.resume(db, NOON, "nobody", "admin:1") is None


async def test_suspending_and_resuming_twice_is_written_down_once(db: Db) -> None:
    await a_platform(db, "weibo")
    states = []
    for verb in (service.suspend, service.suspend, service.resume, service.resume):
        platform = await verb(db, LATER, "weibo", "admin:1")
        assert platform is not None
        states.append(platform.status)
    assert states == [PlatformStatus.SUSPENDED] * 2 + [PlatformStatus.ACTIVE] * 2
    actions = [one.action for one in await trail(db, "platform.")]
    assert actions == ["platform.added", "platform.suspended", "platform.resumed"]


async def test_pages_follow_the_slugs(db: Db) -> None:
    for slug in ("c", "a", "d", "b"):
        await a_platform(db, slug)
    first = await service.list_page(db, None, 3)
    second = await service.list_page(db, first[-1].slug, 3)
    assert [platform.slug for platform in first + second] == ["a", "b", "c", "d"]


async def test_import_leaves_registered_platforms_as_they_are(db: Db) -> None:
    before = await a_platform(db, "weibo")
    entries = [("weibo", WEIBO), ("jd", replace(WEIBO, name_zh="京东", domains=()))]
    imported = await service.import_catalogue(db, NOON, entries, "cli")
    assert imported == Imported(added=("jd",), there_already=("weibo",))
    assert await service.find(db, "weibo") == before
    assert (await trail(db, "platforms.imported"))[0].facts == {"slugs": ["jd"]}


async def test_importing_twice_adds_nothing(db: Db) -> None:
    entries = [(f"app-{n}", WEIBO) for n in range(1200)]
    first = await service.import_catalogue(db, NOON, entries, "cli")
    again = await service.import_catalogue(db, NOON, entries, "cli")
    assert (len(first.added), len(again.there_already)) == (1200, 1200)
    assert len(await trail(db, "platforms.imported")) == 1


async def test_slug_twice_in_an_import_is_added_once(db: Db) -> None:
    entries = [("jd", WEIBO), ("jd", WEIBO)]
    imported = await service.import_catalogue(db, NOON, entries, "cli")
    assert imported == Imported(added=("jd",), there_already=())


async def test_import_of_nothing_adds_nothing(db: Db) -> None:
    imported = await service.import_catalogue(db, NOON, [], "cli")
    assert imported == Imported(added=(), there_already=())


async def test_wrong_entry_of_an_import_is_pointed_at(db: Db) -> None:
    entries = [("jd", WEIBO), ("Q Q", WEIBO)]
    with pytest.raises(InvalidFields, match="/1/slug"):
        await service.import_catalogue(db, NOON, entries, "cli")
    assert await service.find(db, "jd") is None
