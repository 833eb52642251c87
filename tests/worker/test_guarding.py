"""The guards, with a whole worker and real receivers."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier
from tests.support.clock import NOON, FixedClock
from tests.support.guards import (
    BRAKE,
    OUTSIDE,
    active_after_cutoff,
    orders_of_their_own,
    removed,
)
from tests.support.order_builders import a_reachable_platform, order_status
from tests.support.receiver import Answer, Door
from tests.support.trail import trail
from tests.support.waiting import eventually
from tests.worker.stage import CLOCK, Stage, short
from unbind_broker.base.database import sql
from unbind_broker.callbacks.braking import let_go, stop
from unbind_broker.callbacks.tables import violations
from unbind_broker.carriers.brakes import engage, engaged
from unbind_broker.carriers.marks import Tally, mark
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.orders.states import OrderStatus
from unbind_broker.worker.guarding import Guarding


@pytest.fixture
def guarding(engine: AsyncEngine, clock: FixedClock) -> Guarding:
    clock.set(NOON)
    return Guarding(engine, clock, timedelta(seconds=3), BRAKE)


async def test_orders_are_held_and_let_go_and_the_reader_is_woken(
    engine: AsyncEngine, guarding: Guarding
) -> None:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        await a_reachable_platform(db)
        (order_id,) = await orders_of_their_own(db, carrier, 1)
        await engage(db, NOON, carrier.id, "wrong dates", "admin:1")
    told: list[int] = []
    step = guarding.steps(released=lambda: told.append(1))["brake"]
    assert await step() == 3.0
    async with engine.begin() as db:
        assert await order_status(db, order_id) is OrderStatus.HELD
        await db.execute(sql("UPDATE brakes SET released_at = now()"))
    assert told == []
    assert await step() == 3.0
    assert told == [1]
    async with engine.connect() as db:
        assert await order_status(db, order_id) is OrderStatus.IN_PROGRESS


async def test_results_that_nobody_looked_at_are_looked_at(
    engine: AsyncEngine, guarding: Guarding
) -> None:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        await mark(db, NOON, {carrier.id: Tally(9, 9)})
    assert await guarding.alarm() == 5.0
    async with engine.connect() as db:
        assert len(await engaged(db)) == 1


@pytest.mark.parametrize("name", ["brake", "alarm"])
async def test_only_one_worker_guards_at_a_time(
    engine: AsyncEngine, guarding: Guarding, name: str
) -> None:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        await a_reachable_platform(db)
        (order_id,) = await orders_of_their_own(db, carrier, 1)
        await engage(db, NOON, None, "drill", "admin:1")
        await mark(db, NOON, {carrier.id: Tally(9, 9)})
    async with engine.begin() as other:
        locks = sql(
            "SELECT pg_advisory_xact_lock(n::bigint)"
            " FROM generate_series(x'636C6B00'::int, x'636C6B1F'::int) n"
        )
        await other.execute(locks)
        async with asyncio.timeout(60):
            assert await guarding.steps(released=lambda: None)[name]() > 0
    async with engine.connect() as db:
        assert await order_status(db, order_id) is OrderStatus.IN_PROGRESS
        assert len(await engaged(db)) == 1


async def test_a_violation_in_an_answer_is_undone_by_the_same_platform(
    stage: Stage,
) -> None:
    await stage.add_platforms(1)
    door = stage.doors[0]
    door.usual = Answer(results=lambda item: _answer(item["id"], item))
    async with stage.working():
        (order_id,) = await stage.order()
        await stage.reaches(lambda: _is_restored(stage))
    asked = [(one.type, one.items[0]) for one in door.deliveries]
    assert [what for what, _ in asked] == ["unbind.requested", "restore.requested"]
    assert asked[1][1]["restores"] == order_id
    assert await stage.counts() == {ItemStatus.UNBOUND: 1, ItemStatus.RESTORED: 1}
    assert len(await stage.all(select(violations.c.id))) == 1


def _answer(item_id: str, item: dict[str, object]) -> dict[str, object]:
    if "restores" in item:
        return {"id": item_id, "outcome": "restored"}
    return removed(item_id, OUTSIDE)


async def test_bad_answers_stop_everything_that_is_not_sent_yet(stage: Stage) -> None:
    await stage.add_platforms(1, max_batch=1, max_concurrency=1)
    door = stage.doors[0]
    door.usual = Answer(
        delay=0.1, results=lambda item: active_after_cutoff(str(item["id"]))
    )
    async with stage.engine.begin() as db:
        await orders_of_their_own(db, stage.carrier, 60, now=CLOCK.now())
    async with stage.working():
        await stage.reaches(lambda: _is_braked(stage))
        # What was read before is sent until it is looked up again, within a second.
        await eventually(lambda: _stands_still(door))
        assert 5 <= len(door.deliveries) < 60
        door.usual = Answer()
        async with stage.engine.begin() as db:
            assert await let_go(db, CLOCK.now(), stage.carrier.id, "mended", "admin:1")
        await stage.reaches(stage.none_is_queued)
    assert sorted(door.times_sent.values()) == [1] * 60


async def test_an_answer_that_was_under_way_is_taken_after_the_brake(
    stage: Stage,
) -> None:
    await stage.add_platforms(1)
    door = stage.doors[0]
    door.usual = Answer(hang=True)
    async with stage.working():
        (order_id,) = await stage.order_ids()
        await stage.reaches(lambda: _has_arrived(stage))
        async with stage.engine.begin() as db:
            await stop(db, CLOCK.now(), None, "drill", "admin:1")
        door.release(Answer(results=lambda item: removed(str(item["id"]))))
        await stage.reaches(lambda: stage.order_is(order_id, OrderStatus.COMPLETED))
    assert await stage.all(select(items.c.status)) == [ItemStatus.UNBOUND]


async def test_a_failure_under_way_is_repeated_only_after_the_release(
    stage: Stage,
) -> None:
    await stage.add_platforms(1)
    door = stage.doors[0]
    door.script.append(Answer(hang=True))
    async with stage.working(short()):
        await stage.order()
        await stage.reaches(lambda: _has_arrived(stage))
        async with stage.engine.begin() as db:
            await stop(db, CLOCK.now(), stage.carrier.id, "drill", "admin:1")
        door.release(Answer(503))
        await stage.reaches(lambda: _was_counted(stage))
        await asyncio.sleep(1.0)
        assert len(door.deliveries) == 1
        async with stage.engine.begin() as db:
            await let_go(db, CLOCK.now(), stage.carrier.id, "over", "admin:1")
        await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED))
    assert len(door.deliveries) == 2
    async with stage.engine.connect() as db:
        assert [one.action for one in await trail(db, "brake.")] == [
            "brake.engaged",
            "brake.released",
        ]


async def _stands_still(door: Door) -> bool:
    before = len(door.deliveries)
    await asyncio.sleep(2)
    return len(door.deliveries) == before


async def _is_restored(stage: Stage) -> bool:
    return ItemStatus.RESTORED in await stage.counts()


async def _is_braked(stage: Stage) -> bool:
    async with stage.engine.connect() as db:
        return bool(await engaged(db))


async def _has_arrived(stage: Stage) -> bool:
    return len(stage.doors[0].deliveries) == 1


async def _was_counted(stage: Stage) -> bool:
    return await stage.tries() == [1]
