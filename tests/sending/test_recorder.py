"""Nothing that came of an exchange is lost, whatever the database does."""

import asyncio
from collections.abc import Collection
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from tests.sending.parts import a_lane, a_target, a_work, ended, offer
from tests.support.builders import a_platform, an_endpoint
from tests.support.clock import NOON
from tests.support.database import Server
from tests.support.guards import APPLYING
from tests.support.waiting import eventually
from unbind_broker.base.database import sql
from unbind_broker.base.ids import WorkerId, new_uuid7
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.deliveries.tables import attempts
from unbind_broker.endpoints.tables import endpoint_leases
from unbind_broker.orders.positions import Position, just_before
from unbind_broker.sending import leases
from unbind_broker.sending.batches import Work
from unbind_broker.sending.finished import Finished
from unbind_broker.sending.frontier import Frontier
from unbind_broker.sending.lane import Lane
from unbind_broker.sending.recorder import (
    MOST_BEHIND,
    MOST_REFUSALS,
    MOST_TOGETHER,
    MOST_UNRECORDED,
    Recorder,
)
from unbind_broker.sending.verdicts import Plans

PLANS = Plans((timedelta(seconds=1),), (timedelta(minutes=5),))


WORKER = WorkerId(new_uuid7(NOON))
WITHOUT_PARTITION = NOON.replace(year=1999)
"""No month of the attempts holds it."""


@pytest.fixture
def recorder(engine: AsyncEngine) -> Recorder:
    return Recorder(engine, WORKER, PLANS, lambda: NOON, APPLYING)


@pytest.fixture
def patient(engine: AsyncEngine) -> Recorder:
    """One that lets go soon of what it could not write down."""
    return Recorder(engine, WORKER, PLANS, lambda: NOON, APPLYING, 1.0)


def a_busy_lane() -> Lane:
    return a_lane(a_target(max_batch=500, max_concurrency=64))


def sent(lane: Lane, size: int = 1, **options: object) -> Finished:
    """An exchange of that many items of the lane."""
    works: list[Work] = [a_work() for _ in range(size)]
    for work in works:
        assert offer(lane, work, 1)
    batch = lane.take(0.0)
    assert batch is not None
    lane.finish()
    return ended(batch, lane=lane, **options)  # type: ignore[arg-type] # by name


async def recorded(engine: AsyncEngine) -> int:
    async with engine.connect() as db:
        count: int = (
            await db.execute(select(func.count()).select_from(attempts))
        ).scalar_one()
        return count


async def test_lane_is_told_what_is_recorded(
    engine: AsyncEngine, recorder: Recorder
) -> None:
    lane = a_busy_lane()
    told: list[Collection[Lane]] = []
    recorder.rested = told.append
    recorder.put(sent(lane, 3))
    before = (recorder.is_empty, lane.is_idle)
    await recorder.step()
    assert before == (False, False)
    assert (recorder.is_empty, lane.is_idle) == (True, True)
    assert told == [{lane}]
    assert await recorded(engine) == 1


async def test_recorder_is_woken_by_what_it_is_given(recorder: Recorder) -> None:
    woken = []
    recorder.woken = lambda: woken.append(1)
    recorder.put(sent(a_busy_lane()))
    assert woken == [1]
    assert await recorder.step() == 1.0


async def test_nothing_to_record_costs_nothing() -> None:
    nowhere = create_async_engine("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    recorder = Recorder(
        nowhere, WorkerId(new_uuid7(NOON)), PLANS, lambda: NOON, APPLYING
    )
    assert await recorder.step() == 1.0


async def test_records_are_of_a_bounded_size(
    engine: AsyncEngine, recorder: Recorder
) -> None:
    lane, most = a_busy_lane(), MOST_TOGETHER // 500
    for _ in range(most + 1):
        recorder.put(sent(lane, 500))
    assert await recorder.step() == 0.0
    assert await recorded(engine) == most
    assert await recorder.step() == 1.0
    assert await recorded(engine) == most + 1


@pytest.mark.real_time(0.05)
async def test_too_much_unrecorded_is_congestion(recorder: Recorder) -> None:
    lane = a_busy_lane()
    most = [sent(lane, 500) for _ in range(MOST_UNRECORDED // 500)]
    one_more = sent(lane)
    for finished in most:
        recorder.put(finished)
    assert not recorder.is_congested
    recorder.put(one_more)
    congested = recorder.is_congested
    await recorder.step()
    assert (congested, recorder.is_congested) == (True, False)


@pytest.mark.real_time(0.05)
async def test_nothing_more_is_sent_while_the_record_lags_behind(
    recorder: Recorder,
) -> None:
    lane = a_busy_lane()
    recorder.put(sent(lane))
    at_once = recorder.is_congested
    await asyncio.sleep(MOST_BEHIND * 1.1)
    later = recorder.is_congested
    await recorder.step()
    assert (at_once, later, recorder.is_congested) == (False, True, False)


@pytest.mark.real_time(0.05)
async def test_endpoint_is_given_up_where_nothing_can_be_recorded(
    recorder: Recorder,
) -> None:
    lane, other = a_busy_lane(), a_busy_lane()
    recorder.put(sent(lane))
    await asyncio.sleep(0.2)
    recorder.put(sent(other))
    assert recorder.overdue() == set()
    assert recorder.overdue(0.1) == {lane}
    await recorder.step()
    assert recorder.overdue(0.0) == set()


async def test_database_that_is_away_loses_nothing() -> None:
    nowhere = create_async_engine("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    recorder = Recorder(
        nowhere, WorkerId(new_uuid7(NOON)), PLANS, lambda: NOON, APPLYING
    )
    lane = a_busy_lane()
    recorder.put(sent(lane, 2))
    for _ in range(MOST_REFUSALS + 2):
        with pytest.raises(OSError, match=r"127\.0\.0\.1"):
            await recorder.step()
    assert not recorder.is_empty
    assert not lane.is_idle
    await nowhere.dispose()


async def test_connection_that_breaks_off_is_nobody_s_refusal(
    engine: AsyncEngine, recorder: Recorder
) -> None:
    lane = a_busy_lane()
    recorder.put(sent(lane, 2))
    async with engine.begin() as blocking:
        await blocking.execute(sql("LOCK TABLE attempts"))
        pid = sql(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        step = asyncio.create_task(recorder.step())
        cut = 0
        while not cut:
            async with engine.connect() as db:
                cut = (await db.execute(pid)).scalar_one()
        with pytest.raises(DBAPIError):
            await step
        kept = not recorder.is_empty
    await recorder.step()
    assert (kept, recorder.is_empty) == (True, True)
    assert await recorded(engine) == 1


async def test_database_that_lets_nobody_in_loses_no_record(
    engine: AsyncEngine, recorder: Recorder, server: Server
) -> None:
    lane = a_busy_lane()
    recorder.put(sent(lane, 2))
    recorder.put(sent(lane))
    name = engine.url.database
    await engine.dispose()
    await server.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    for _ in range(2 * MOST_REFUSALS):
        with pytest.raises((DBAPIError, OSError)):
            await recorder.step()
    kept = (recorder.is_empty, lane.is_idle)
    await server.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    await recorder.step()
    assert kept == (False, False)
    assert (recorder.is_empty, lane.is_idle) == (True, True)
    assert await recorded(engine) == 2


async def refused(recorder: Recorder) -> int:
    """Step until nothing is left to record; count how often the database refused."""
    refusals = 0
    while not recorder.is_empty:
        try:
            await recorder.step()
        except DBAPIError:
            refusals += 1
    return refusals


async def test_record_that_the_database_refuses_holds_up_nobody(
    engine: AsyncEngine, patient: Recorder
) -> None:
    lane, other = a_busy_lane(), a_busy_lane()
    bad = sent(lane, at=WITHOUT_PARTITION)
    patient.put(sent(other))
    patient.put(bad)
    patient.put(sent(other))
    assert await refused(patient) == 1 + MOST_REFUSALS
    assert await recorded(engine) == 2
    assert other.is_idle


@pytest.mark.real_time(0.3)
async def test_what_was_sent_without_a_record_is_sent_again_only_later(
    patient: Recorder,
) -> None:
    lane = a_busy_lane()
    bad = sent(lane, at=WITHOUT_PARTITION)
    (work,) = bad.batch.works
    assert work.position is not None
    lane.frontier = Frontier(Position(900, bad.batch.subject_ids[0]))
    patient.put(bad)
    await refused(patient)
    at_once = (offer(lane, work, 2), lane.is_idle)
    await eventually(lambda: lane.is_idle)
    assert at_once == (False, False)
    # It is read again from the log.
    assert lane.position == just_before(work.position)
    assert lane.behind


async def test_endpoint_is_kept_but_marked_where_something_is_unwritten(
    engine: AsyncEngine, patient: Recorder
) -> None:
    async with engine.begin() as db:
        made = await an_endpoint(db, await a_platform(db))
        (owned,) = await leases.claim(db, WORKER, timedelta(seconds=20), 1)
    lane = a_lane(a_target(endpoint_id=made.endpoint.id))
    patient.put(sent(lane, at=WITHOUT_PARTITION))
    await refused(patient)
    async with engine.connect() as other:
        row = (await other.execute(select(endpoint_leases))).one()
    assert lane.tenancy == owned.tenancy
    assert not lane.lost
    assert (row.holder, row.epoch) == (WORKER, owned.tenancy.epoch)
    assert row.forced_at is not None


async def test_failure_of_a_lost_endpoint_is_let_go(recorder: Recorder) -> None:
    lane = a_busy_lane()
    recorder.put(sent(lane, kind=OutcomeKind.FAILED))
    await recorder.step()
    assert lane.lost
    assert lane.is_idle
    assert recorder.is_empty
