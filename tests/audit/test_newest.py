"""The newest end of the trail is checked in a bounded walk."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.audit import seal_everything, some_events
from tests.support.sealing import BROKER_KEY
from unbind_broker.audit.faults import FaultKind
from unbind_broker.audit.newest import Checked, check_newest
from unbind_broker.audit.verifying import Anchors

ANCHORS = Anchors({BROKER_KEY.key_id: BROKER_KEY.public})


async def check(engine: AsyncEngine, most_seals: int, most_events: int) -> Checked:
    async with engine.connect() as db:
        return await check_newest(db, ANCHORS, most_seals, most_events)


async def test_short_trail_is_checked_from_its_start(engine: AsyncEngine) -> None:
    await some_events(engine, 5)
    await seal_everything(engine, most=2)
    checked = await check(engine, 10, 100)
    assert (checked.behind, checked.faults) == (None, ())
    assert (checked.summary.seals, checked.summary.events) == (3, 5)


async def test_only_the_newest_seals_are_checked(engine: AsyncEngine) -> None:
    events = await some_events(engine, 6)
    await seal_everything(engine, most=2)
    async with engine.begin() as db:
        await db.execute(
            text("UPDATE audit_events SET actor = 'x' WHERE id = :id"),
            {"id": events[4]},
        )
        await db.execute(
            text("UPDATE audit_events SET actor = 'x' WHERE id = :id"),
            {"id": events[0]},
        )
    by_seals, by_events = await check(engine, 1, 100), await check(engine, 10, 3)
    for checked in (by_seals, by_events):
        assert checked.behind == 2
        assert (checked.summary.seals, checked.summary.events) == (1, 2)
        (fault,) = checked.faults
        assert (fault.kind, fault.event) == (FaultKind.EVENT_CHANGED, events[4])


async def test_one_seal_at_least_is_checked(engine: AsyncEngine) -> None:
    await some_events(engine, 4)
    await seal_everything(engine, most=2)
    checked = await check(engine, 10, 1)
    assert (checked.behind, checked.summary.seals) == (1, 1)


async def test_empty_trail_has_no_faults(engine: AsyncEngine) -> None:
    checked = await check(engine, 10, 10)
    assert (checked.summary.seals, checked.faults) == (0, ())
