"""A whole worker tells platforms of waves, repeats it, and ends clearances."""

from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import insert, select, update

from tests.support.builders import a_carrier
from tests.support.receiver import Answer, Door
from tests.support.sealing import BLIND_INDEX, SEALER
from tests.support.waiting import eventually
from tests.worker.stage import CLOCK, Stage
from unbind_broker.base.ids import Prefix, format_id, new_uuid7
from unbind_broker.base.instants import show_instant
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.clearances.publishing import Plan, plan_waves, publish_wave
from unbind_broker.clearances.sealed_numbers import seal_number
from unbind_broker.clearances.service import Clearance
from unbind_broker.clearances.states import ClearanceStatus
from unbind_broker.clearances.tables import (
    clearance_held,
    clearance_numbers,
    clearance_platforms,
    clearances,
)
from unbind_broker.deliveries.attempt_log import WantedAttempts, list_attempts
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.states import EndpointStatus, PausedBy
from unbind_broker.endpoints.tables import endpoints
from unbind_broker.holdings.states import Began
from unbind_broker.holdings.tables import holdings
from unbind_broker.sending.rebuilding import rebuild

NUMBER = PhoneNumber("+8613800001234")


async def published(stage: Stage, lasts: timedelta = timedelta(days=7)) -> UUID:
    """One number, published to all platforms of the stage."""
    now = CLOCK.now()
    made = new_uuid7(now)
    number = {
        "clearance_id": made,
        "place": 1,
        "number_index": BLIND_INDEX.index(NUMBER),
        "number_sealed": seal_number(SEALER, NUMBER),
        "disconnected_on": date(2026, 8, 20),
    }
    draft = Clearance(made, stage.carrier.id, ClearanceStatus.DRAFT, 1)
    values = {**vars(draft), "created_at": now}
    async with stage.engine.begin() as db:
        await db.execute(insert(clearances), [values])
        await db.execute(insert(clearance_numbers), [number])
        plan = Plan(now + lasts, 1000, timedelta(hours=1))
        (wave,) = await plan_waves(db, now, draft, plan)
        await publish_wave(db, now, wave)
    return made


def waves(door: Door) -> list[str]:
    return [one.type for one in door.deliveries]


async def test_a_wave_is_told_to_each_platform_by_itself_and_names_no_number(
    stage: Stage,
) -> None:
    await stage.add_platforms(2)
    clearance = await published(stage)
    again = await published(stage)
    async with stage.working():
        await eventually(
            lambda: [len(door.deliveries) for door in stage.doors] == [2, 2]
        )
        await stage.reaches(lambda: nothing_is_queued(stage))
    async with stage.engine.connect() as db:
        row = (
            await db.execute(select(clearances).where(clearances.c.id == clearance))
        ).one()
    written = format_id(Prefix.CLEARANCE, clearance)
    for door in stage.doors:
        told = {one.payload["data"]["id"]: one for one in door.deliveries}
        assert told.keys() == {written, format_id(Prefix.CLEARANCE, again)}
        assert told[written].payload == {
            "type": "clearance.published",
            "timestamp": show_instant(row.published_at),
            "data": {
                "id": written,
                "wave": 1,
                "numbers": 1,
                "carrier": stage.carrier.slug,
                "interval": "per_number",
                "published_at": show_instant(row.published_at),
                "deadline": show_instant(row.deadline),
                "manifest": f"/v1/clearances/{written}/manifest?wave=1",
            },
        }
        assert door.rejected == 0


async def nothing_is_queued(stage: Stage) -> bool:
    return await stage.all(select(deliveries.c.id)) == []


async def test_a_wave_is_repeated_and_its_attempts_show_what_was_sent(
    stage: Stage,
) -> None:
    await stage.add_platforms(1)
    (door,) = stage.doors
    door.then(Answer(503), Answer(500))
    await published(stage)
    async with stage.working():
        await eventually(lambda: len(door.deliveries) == 3)
        await stage.reaches(lambda: nothing_is_queued(stage))
    assert len({one.webhook_id for one in door.deliveries}) == 1
    assert len({one.body for one in door.deliveries}) == 1
    async with stage.engine.connect() as db:
        tried = await list_attempts(db, stage.endpoints[0], WantedAttempts(), None, 10)
        shown = await rebuild(db, SEALER, stage.platforms[0], tried)
    assert [one.body for one in shown.values()] == [door.deliveries[0].payload] * 3


async def test_a_wave_waits_for_an_endpoint_that_is_paused(stage: Stage) -> None:
    await stage.add_platforms(2)
    paused = {"status": EndpointStatus.PAUSED, "paused_by": PausedBy.OWNER}
    first = endpoints.c.id == stage.endpoints[0]
    async with stage.engine.begin() as db:
        await db.execute(update(endpoints).where(first).values(**paused))
    await published(stage)
    async with stage.working():
        await eventually(lambda: stage.doors[1].deliveries)
        await stage.reaches(lambda: one_is_queued(stage))
    assert stage.doors[0].deliveries == []


async def one_is_queued(stage: Stage) -> bool:
    return len(await stage.all(select(deliveries.c.id))) == 1


async def test_a_wave_is_not_told_to_a_platform_that_is_done_with_it(
    stage: Stage,
) -> None:
    await stage.add_platforms(2)
    await published(stage)
    first = clearance_platforms.c.platform_id == stage.platforms[0]
    async with stage.engine.begin() as db:
        done = update(clearance_platforms).where(first)
        await db.execute(done.values(complete_at=CLOCK.now()))
    async with stage.working():
        await eventually(lambda: stage.doors[1].deliveries)
        await stage.reaches(lambda: nothing_is_queued(stage))
    assert stage.doors[0].deliveries == []


async def test_a_clearance_ends_at_its_deadline(stage: Stage) -> None:
    await stage.add_platforms(1)
    await published(stage, lasts=timedelta(seconds=0.1))
    completed = clearances.c.status == ClearanceStatus.COMPLETED

    async def has_ended() -> bool:
        return len(await stage.all(select(clearances.c.id).where(completed))) == 1

    async with stage.working():
        await stage.reaches(has_ended)


async def test_whoever_holds_a_number_again_is_noticed(stage: Stage) -> None:
    await stage.add_platforms(1)
    await published(stage)
    async with stage.engine.begin() as db:
        other = await a_carrier(db, "china-unicom")
        holding = {
            "number_index": BLIND_INDEX.index(NUMBER),
            "carrier_id": other.id,
            "since": date(2020, 3, 1),
            "from_on": date(2020, 3, 1),
            "began": Began.ACTIVATED,
            "confirmed_at": CLOCK.now(),
            "recorded_at": CLOCK.now(),
        }
        await db.execute(insert(holdings), [holding])

    async def is_noticed() -> bool:
        return await stage.all(select(clearance_held.c.place)) == [1]

    async with stage.working():
        await stage.reaches(is_noticed)
