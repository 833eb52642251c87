"""The brake is engaged once, holds whom it should, and is released once."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.trail import trail
from unbind_broker.base.database import Db
from unbind_broker.carriers.brakes import (
    Stopped,
    engage,
    engaged,
    last_release,
    release,
    stopped,
)
from unbind_broker.carriers.marks import (
    RESULTS_LOOKED_AT,
    Tally,
    alarming_since,
    mark,
    newest,
    prune_marks,
)
from unbind_broker.carriers.standing import UnbindingBraked, read_standing
from unbind_broker.carriers.tables import result_marks

LATER = NOON + timedelta(minutes=1)


async def test_a_carrier_s_brake_stops_that_carrier(db: Db) -> None:
    mobile, unicom = await a_carrier(db), await a_carrier(db, "china-unicom")
    assert await engage(db, NOON, mobile.id, "wrong dates", "admin:1")
    with pytest.raises(UnbindingBraked, match="until an administrator"):
        (await read_standing(db, mobile.id)).require_free()
    (await read_standing(db, unicom.id)).require_free()
    assert await stopped(db) == Stopped(everybody=False, carriers={mobile.id})
    (brake,) = await engaged(db)
    assert (brake.carrier, brake.reason) == ("china-mobile", "wrong dates")
    assert (brake.engaged_at, brake.engaged_by) == (NOON, "admin:1")


async def test_the_brake_on_all_stops_everybody(db: Db) -> None:
    mobile = await a_carrier(db)
    assert await engage(db, NOON, None, "drill", "admin:1")
    with pytest.raises(UnbindingBraked):
        (await read_standing(db, mobile.id)).require_free()
    assert (await stopped(db)).holds(mobile.id)
    assert [brake.carrier for brake in await engaged(db)] == [None]


@pytest.mark.parametrize("slug", ["china-mobile", None])
async def test_a_brake_is_engaged_and_released_once(db: Db, slug: str | None) -> None:
    mobile = await a_carrier(db)
    whose = None if slug is None else mobile.id
    assert not await release(db, NOON, whose, "nothing", "admin:1")
    assert await engage(db, NOON, whose, "first", "admin:1")
    assert not await engage(db, LATER, whose, "second", "admin:2")
    assert await release(db, LATER, whose, "mended", "admin:3")
    assert not await release(db, LATER, whose, "again", "admin:3")
    assert await engaged(db) == []
    assert await last_release(db, mobile.id) == (LATER if slug else None)
    told = [(one.actor, one.action, one.facts) for one in await trail(db, "brake.")]
    assert told == [
        ("admin:1", "brake.engaged", {"carrier": slug, "reason": "first"}),
        ("admin:3", "brake.released", {"carrier": slug, "reason": "mended"}),
    ]


async def test_one_brake_outlasts_the_other(db: Db) -> None:
    mobile = await a_carrier(db)
    await engage(db, NOON, mobile.id, "its own", "broker")
    await engage(db, NOON, None, "all", "admin:1")
    await release(db, LATER, None, "over", "admin:1")
    assert (await stopped(db)).holds(mobile.id)
    assert await last_release(db, mobile.id) is None


async def test_of_those_who_engage_at_once_one_does(engine: AsyncEngine) -> None:
    async with engine.begin() as db:
        mobile = await a_carrier(db)

    async def try_it(place: int) -> bool:
        async with engine.begin() as db:
            return await engage(db, NOON, mobile.id, f"reason {place}", "broker")

    won = await asyncio.gather(*(try_it(place) for place in range(20)))
    assert won.count(True) == 1
    async with engine.connect() as db:
        assert len(await trail(db, "brake.engaged")) == 1


async def marked(db: Db, carrier_id: int) -> int:
    count = select(func.count()).where(result_marks.c.carrier_id == carrier_id)
    found: int = (await db.execute(count)).scalar_one()
    return found


async def test_results_add_up_over_the_newest_thousand(db: Db) -> None:
    mobile, unicom = await a_carrier(db), await a_carrier(db, "china-unicom")
    await mark(db, NOON, {mobile.id: Tally(500, 7)})
    await mark(db, NOON, {mobile.id: Tally(600, 2), unicom.id: Tally(3, 3)})
    await mark(db, LATER, {mobile.id: Tally(400, 1), unicom.id: Tally()})
    assert await newest(db, mobile.id, None) == Tally(1000, 3)
    assert await newest(db, mobile.id, NOON) == Tally(400, 1)
    assert await newest(db, unicom.id, None) == Tally(3, 3)
    assert await newest(db, mobile.id, LATER) == Tally()


async def test_a_report_that_crosses_the_thousand_is_taken_whole(db: Db) -> None:
    mobile = await a_carrier(db)
    for bad in (9, 4, 2):
        await mark(db, NOON, {mobile.id: Tally(600, bad)})
    assert await newest(db, mobile.id, None) == Tally(1200, 6)


async def test_only_bad_results_are_alarming(db: Db) -> None:
    mobile, unicom = await a_carrier(db), await a_carrier(db, "china-unicom")
    telecom = await a_carrier(db, "china-telecom")
    await mark(db, NOON, {mobile.id: Tally(5, 1)})
    await mark(db, LATER, {unicom.id: Tally(5, 1), telecom.id: Tally(5, 0)})
    assert await alarming_since(db, NOON) == {unicom.id}


async def test_marks_that_no_sum_reaches_are_pruned_in_bounds(db: Db) -> None:
    mobile, unicom = await a_carrier(db), await a_carrier(db, "china-unicom")
    for _ in range(RESULTS_LOOKED_AT + 7):
        await mark(db, NOON, {mobile.id: Tally(1, 0)})
    await mark(db, NOON, {unicom.id: Tally(1, 1)})
    before = await newest(db, mobile.id, None)
    assert [await prune_marks(db, 5) for _ in range(3)] == [5, 2, 0]
    assert await marked(db, mobile.id) == RESULTS_LOOKED_AT
    assert await marked(db, unicom.id) == 1
    assert await newest(db, mobile.id, None) == before
