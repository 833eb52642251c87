from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.trail import trail
from unbind_broker.base.database import Db
from unbind_broker.base.errors import InvalidFields
from unbind_broker.base.names import SlugTaken
from unbind_broker.carriers import service
from unbind_broker.carriers.service import CarrierChanges, NewCarrier
from unbind_broker.carriers.tables import CarrierStatus

MOBILE = NewCarrier("china-mobile", "中国移动", "China Mobile")
LATER = NOON + timedelta(hours=1)


async def test_added_carrier_is_found_and_written_down(db: Db) -> None:
    added = await service.add(db, NOON, MOBILE, "admin:1")
    assert await service.find(db, "china-mobile") == added
    assert (added.name_zh, added.status) == ("中国移动", CarrierStatus.ACTIVE)
    written = (await trail(db, "carrier."))[-1]
    assert (written.actor, written.action) == ("admin:1", "carrier.added")
    assert written.facts["slug"] == "china-mobile"


async def test_slug_is_given_out_once(db: Db) -> None:
    await a_carrier(db, "china-mobile")
    with pytest.raises(SlugTaken, match="china-mobile"):
        await service.add(db, NOON, MOBILE, "admin:1")


async def test_every_wrong_field_of_a_new_carrier_is_pointed_at(db: Db) -> None:
    with pytest.raises(InvalidFields) as caught:
        await service.add(db, NOON, NewCarrier("A b", "", "\n"), "admin:1")
    pointers = [wrong.pointer for wrong in caught.value.errors]
    assert pointers == ["/slug", "/name_zh", "/name_en"]


async def test_names_change_and_what_is_left_out_stays(db: Db) -> None:
    before = await a_carrier(db, "china-mobile")
    changes = CarrierChanges(name_en="CMCC")
    after = await service.change(db, LATER, "china-mobile", changes, "admin:1")
    assert after == replace(before, name_en="CMCC", changed_at=LATER)
    assert (await trail(db, "carrier.changed"))[0].facts == {
        "slug": "china-mobile",
        "name_en": "CMCC",
    }


async def test_change_to_the_same_name_is_none(db: Db) -> None:
    before = await a_carrier(db)
    changes = CarrierChanges(name_en=before.name_en)
    assert await service.change(db, LATER, before.slug, changes, "admin:1") == before
    assert await trail(db, "carrier.changed") == []


async def test_wrong_name_is_refused(db: Db) -> None:
    await a_carrier(db)
    with pytest.raises(InvalidFields, match="/name_zh"):
        await service.change(
            db, LATER, "china-mobile", CarrierChanges(name_zh=""), "admin:1"
        )


async def test_unknown_carrier_cannot_be_changed_suspended_or_resumed(db: Db) -> None:
    changes = CarrierChanges(name_en="x")
    assert await service.change(db, NOON, "nobody", changes, "admin:1") is None
    assert await service.suspend(db, NOON, "nobody", "admin:1") is None
    assert await service.resume(db, NOON, "nobody", "admin:1") is None


async def test_suspending_twice_is_written_down_once(db: Db) -> None:
    await a_carrier(db)
    for _ in range(2):
        carrier = await service.suspend(db, LATER, "china-mobile", "admin:1")
        assert carrier is not None
        assert carrier.status is CarrierStatus.SUSPENDED
    assert len(await trail(db, "carrier.suspended")) == 1


async def test_suspended_carrier_is_resumed(db: Db) -> None:
    await a_carrier(db, suspended=True)
    carrier = await service.resume(db, LATER, "china-mobile", "admin:1")
    assert carrier is not None
    assert carrier.status is CarrierStatus.ACTIVE
    assert (await trail(db, "carrier.resumed"))[0].facts == {"slug": "china-mobile"}


async def test_pages_follow_the_slugs(db: Db) -> None:
    for slug in ("c", "a", "d", "b"):
        await a_carrier(db, slug)
    first = await service.list_page(db, None, 2)
    second = await service.list_page(db, first[-1].slug, 2)
    assert [carrier.slug for carrier in first + second] == ["a", "b", "c", "d"]
