"""Several workers, and what may befall them: nothing is lost."""

import asyncio
from collections.abc import Collection

import pytest
from sqlalchemy import func, select

from tests.support.receiver import Answer
from tests.support.waiting import eventually
from tests.worker.a_process import a_process, kill, says_that_it_stops
from tests.worker.gate import a_gate
from tests.worker.stage import CLOCK, Stage, short
from unbind_broker.base.database import open_engine, sql
from unbind_broker.base.ids import (
    PlatformId,
    Prefix,
    WorkerId,
    format_id,
    new_uuid7,
)
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.tables import endpoint_leases, workers
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items


async def owners(stage: Stage) -> dict[WorkerId | None, int]:
    async with stage.engine.connect() as db:
        rows = await db.execute(
            select(endpoint_leases.c.holder, func.count().label("owned")).group_by(
                endpoint_leases.c.holder
            )
        )
        return {row.holder: row.owned for row in rows}


async def test_two_workers_share_the_endpoints(stage: Stage) -> None:
    await stage.add_platforms(10)

    async def half_each() -> bool:
        return sorted((await owners(stage)).values()) == [5, 5]

    settings = short()
    async with stage.working(settings):
        await stage.reaches(stage.all_leased)
        ids = await stage.order(5)
        async with stage.working(settings):
            await stage.reaches(half_each)
            ids += await stage.order(20)
            await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED))
            assert None not in await owners(stage)
    for door in stage.doors:
        assert door.times_sent == dict.fromkeys(ids, 1)
    assert await owners(stage) == {None: 10}
    assert await stage.all(select(workers.c.id)) == []


async def acknowledged(stage: Stage) -> set[tuple[str, PlatformId]]:
    taken = select(items.c.order_id, items.c.platform_id).where(
        items.c.status == ItemStatus.ACKNOWLEDGED
    )
    async with stage.engine.connect() as db:
        rows = (await db.execute(taken)).all()
    return {(format_id(Prefix.ORDER, one), platform) for one, platform in rows}


def have_arrived(stage: Stage, ids: Collection[str]) -> bool:
    return all(set(ids) <= set(door.item_ids) for door in stage.doors)


async def test_killed_worker_loses_nothing(stage: Stage, database_url: str) -> None:
    await stage.add_platforms(8, max_batch=5, max_concurrency=2)
    for door in stage.doors:
        door.usual = Answer(delay=0.03)
    async with a_process(database_url) as victim:
        await stage.reaches(stage.all_leased)
        ids = await stage.order(100)
        await eventually(lambda: acknowledged(stage))
        for door in stage.doors:
            door.usual = Answer(hang=True)
        ids += await stage.order(2)
        await kill(victim, stage)
    recorded = await acknowledged(stage)
    assert (await stage.counts())[ItemStatus.QUEUED] > 0
    for door in stage.doors:
        door.usual = Answer(delay=0.03)
    async with stage.working():
        await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED))
    for platform, door in zip(stage.platforms, stage.doors, strict=True):
        assert door.times_sent.keys() == set(ids)
        # What was in flight or not yet recorded comes twice, and nothing else.
        twice = {one for one, times in door.times_sent.items() if times > 1}
        assert not {(one, platform) for one in twice} & recorded
        assert max(door.times_sent.values()) <= 2


async def test_endpoints_of_a_known_dead_worker_are_taken_over_at_once(
    stage: Stage,
) -> None:
    await stage.add_platforms(2)
    dead = WorkerId(new_uuid7(CLOCK.now()))
    async with stage.engine.begin() as db:
        await db.execute(
            sql(
                f"UPDATE endpoint_leases SET holder = '{dead}', epoch = 7,"  # noqa: S608 - our own id
                " lease_until = now() + interval '1 hour'"
            )
        )
    ids = await stage.order(2)
    async with stage.working(dead=[dead]):
        await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED))
    for door in stage.doors:
        assert door.times_sent == dict.fromkeys(ids, 1)


async def test_graceful_stop_under_load_sends_nothing_twice(
    stage: Stage, database_url: str
) -> None:
    await stage.add_platforms(5, max_batch=3, max_concurrency=2)
    for door in stage.doors:
        door.then(*[Answer(delay=0.02)] * 4)
        door.usual = Answer(hang=True)
    ids = await stage.order(60)
    async with a_process(database_url) as first:
        await eventually(lambda: all(len(door.deliveries) == 6 for door in stage.doors))
        first.terminate()
        await says_that_it_stops(first)
        for door in stage.doors:
            door.usual = Answer(delay=0.02)
            door.release()
        assert await first.wait() == 0
    counts = await stage.counts()
    assert counts[ItemStatus.QUEUED] > 0
    async with stage.working():
        await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED))
    for door in stage.doors:
        assert door.times_sent == dict.fromkeys(ids, 1)
    assert set(await stage.tries()) == {1}


async def test_lost_connections_mid_load_recover(
    stage: Stage, database_url: str
) -> None:
    await stage.add_platforms(6, max_batch=4, max_concurrency=2)
    for door in stage.doors:
        door.usual = Answer(delay=0.01)
        door.then(Answer(503), Answer(500))
    pool = open_engine(database_url, pool=8, application="worker to be cut off")
    cut = sql(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE application_name = 'worker to be cut off'"
    )
    async with stage.working(engine=pool):
        ids: list[str] = []
        for _ in range(8):
            ids += await stage.order(15)
            async with stage.engine.begin() as db:
                await db.execute(cut)
        await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED))
    await pool.dispose()
    for door in stage.doors:
        assert door.times_sent.keys() == set(ids)
    assert await stage.all(select(deliveries.c.id)) == []


async def test_order_that_commits_late_is_not_skipped(stage: Stage) -> None:
    await stage.add_platforms(3)
    async with stage.working():
        async with stage.late_order() as late:
            # Later transactions overtake it, and are sent while it is still open.
            ids = await stage.order(5)
            await eventually(lambda: have_arrived(stage, ids))
        await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED))
    for door in stage.doors:
        assert door.times_sent == dict.fromkeys([*ids, late], 1)


async def test_laggard_catches_up_and_joins_the_others(stage: Stage) -> None:
    await stage.add_platforms(1, max_batch=1, max_concurrency=1)
    await stage.add_platforms(2)
    ids = await stage.order(200)
    async with stage.working():
        await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED))
        async with stage.late_order() as late:
            ids += [*await stage.order(100), late]
        await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED))
    for door in stage.doors:
        assert door.times_sent == dict.fromkeys(ids, 1)


@pytest.mark.real_time(0.3)
async def test_stored_cursor_moves_up_to_what_is_recorded(stage: Stage) -> None:
    await stage.add_platforms(2)
    cursors = select(endpoint_leases.c.cursor_xid).order_by(
        endpoint_leases.c.endpoint_id
    )
    (before, _) = await stage.all(cursors)
    stage.doors[1].usual = Answer(hang=True)
    async with stage.working(short(lease=2)):
        await stage.order(3)
        await eventually(lambda: len(stage.doors[0].deliveries) > 0)
        await eventually(lambda: len(stage.doors[1].deliveries) > 0)
        await stage.reaches(lambda: stage.moved(stage.endpoints[0], before))
    done, open_ = await stage.all(cursors)
    assert done > before
    assert open_ >= before


async def test_hanging_and_failing_endpoints_delay_no_other(stage: Stage) -> None:
    await stage.add_platforms(12, max_batch=2, max_concurrency=2)
    hanging, failing, *healthy = stage.doors
    hanging.usual = Answer(hang=True)
    failing.usual = Answer(503)
    ids = await stage.order(60)
    async with stage.working():
        await eventually(
            lambda: all(len(door.item_ids) == len(ids) for door in healthy)
        )
        assert len(hanging.item_ids) < len(ids)
        hanging.usual = failing.usual = Answer()
        hanging.release()
        await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED), within=60)
    for door in healthy:
        assert door.times_sent == dict.fromkeys(ids, 1)


@pytest.mark.real_time(0.3)
async def test_worker_outlives_a_database_that_is_away(stage: Stage) -> None:
    await stage.add_platforms(2)
    async with a_gate(stage.engine.url) as gate:
        pool = open_engine(gate.url, pool=8, application="gated worker")
        settings = short(lease=2)
        async with stage.working(settings, engine=pool):
            ids = await stage.order(3)
            await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED))
            await gate.shut()
            ids += await stage.order(3)
            await asyncio.sleep(settings.lease.total_seconds() * 1.5)
            assert (await stage.counts())[ItemStatus.QUEUED] == 6
            await gate.open()
            await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED), within=60)
        await pool.dispose()
    for door in stage.doors:
        assert door.times_sent == dict.fromkeys(ids, 1)
