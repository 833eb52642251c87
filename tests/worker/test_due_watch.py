"""One look tells for which clocks anything is due; only those are woken."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.audit import some_events
from tests.support.builders import a_carrier
from tests.support.clock import NOON, FixedClock
from tests.support.order_builders import an_item
from tests.support.sealing import BROKER_KEY
from tests.support.waiting import eventually
from unbind_broker.audit.sealing import seal
from unbind_broker.base.database import Db, sql
from unbind_broker.base.ids import new_uuid7
from unbind_broker.base.loop import Loop
from unbind_broker.carriers.brakes import engage
from unbind_broker.clearances.states import ClearanceStatus
from unbind_broker.clearances.tables import clearances
from unbind_broker.deadlines.tables import order_reminders, upkeep_marks
from unbind_broker.notices.changes import note_changed
from unbind_broker.notices.tables import order_updates
from unbind_broker.orders.states import HoldReason, OrderStatus
from unbind_broker.orders.tables import order_log, orders
from unbind_broker.platforms.rehearsed import ensure_rehearsed
from unbind_broker.worker.due_watch import QUESTIONS, DueWatch

LATER = NOON + timedelta(days=30)
SOON = NOON + timedelta(minutes=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def due(engine: AsyncEngine, clock: FixedClock) -> DueWatch:
    clock.set(SOON)
    reads = engine.execution_options(isolation_level="AUTOCOMMIT")
    return DueWatch(reads, clock, SECOND)


async def overdue_order(db: Db) -> None:
    await an_item(db)
    await db.execute(update(orders).values(deadline=NOON))


async def hold_that_is_over(db: Db) -> None:
    await an_item(db)
    await db.execute(update(orders).values(status=OrderStatus.HELD, held_until=NOON))


async def engaged_brake(db: Db) -> None:
    carrier = await a_carrier(db)
    await engage(db, NOON, carrier.id, "wrong dates", "admin:1")


async def order_that_a_brake_held(db: Db) -> None:
    await an_item(db)
    held = {"status": OrderStatus.HELD, "held_for": HoldReason.BRAKED}
    await db.execute(update(orders).values(held_until=None, **held))


async def note(db: Db) -> None:
    await note_changed(db, NOON, [new_uuid7(NOON)])


async def news_that_waited(db: Db) -> None:
    row = {"order_id": new_uuid7(NOON), "due_at": SOON, "changed_at": NOON}
    await db.execute(insert(order_updates).values(row))


async def reminder(db: Db) -> None:
    row = {"order_id": new_uuid7(NOON), "due_at": SOON, "mark": 1}
    await db.execute(insert(order_reminders).values(row))


async def order_to_enrol(db: Db) -> None:
    await db.execute(insert(order_log).values(xid=100, order_id=new_uuid7(NOON)))


async def no_mark(db: Db) -> None:
    await db.execute(sql("DELETE FROM upkeep_marks"))


def a_clearance(status: ClearanceStatus) -> Callable[[Db], Awaitable[None]]:
    async def arrange(db: Db) -> None:
        carrier = await a_carrier(db)
        row = {"id": new_uuid7(NOON), "carrier_id": carrier.id, "created_at": NOON}
        if status is not ClearanceStatus.DRAFT:
            row |= {"published_at": NOON, "deadline": LATER}
        if status is ClearanceStatus.COMPLETED:
            row["completed_at"] = NOON
        await db.execute(insert(clearances).values(status=status, **row))

    return arrange


async def rehearsal(db: Db) -> None:
    await ensure_rehearsed(db, NOON, "admin:1")


CASES = {
    overdue_order: {"expire"},
    hold_that_is_over: {"release"},
    engaged_brake: {"brake", "rehearse_brake"},
    order_that_a_brake_held: {"brake"},
    note: {"gather"},
    news_that_waited: {"gather"},
    reminder: {"remind"},
    order_to_enrol: {"remind"},
    no_mark: {"remind"},
    a_clearance(ClearanceStatus.DRAFT): set(),
    a_clearance(ClearanceStatus.IN_PROGRESS): {
        "wave",
        "end_clearances",
        "later_holders",
    },
    a_clearance(ClearanceStatus.COMPLETED): {"later_holders"},
    rehearsal: {"rehearse", "rehearse_waves"},
}


@pytest.mark.parametrize(
    ("arrange", "clocks"),
    CASES.items(),
    ids=[f"{place}-{one.__name__}" for place, one in enumerate(CASES)],
)
async def test_each_clock_is_asked_for_what_it_does(
    engine: AsyncEngine,
    due: DueWatch,
    arrange: Callable[[Db], Awaitable[None]],
    clocks: set[str],
) -> None:
    async with engine.begin() as db:
        mark = {"name": "reminders", "looked_at": 0, "last": 100, "total": 0}
        await db.execute(insert(upkeep_marks).values(mark))
    assert await due.look() == set()
    async with engine.begin() as db:
        await arrange(db)
        # The log names orders by the transactions that the cases run in.
        await db.execute(sql("DELETE FROM order_log WHERE xid > 100"))
    assert await due.look() - {"seal"} == clocks


def test_no_question_goes_untested() -> None:
    assert set().union(*CASES.values()) == QUESTIONS.keys() - {"seal"}


async def test_what_is_not_due_yet_is_not_found(
    engine: AsyncEngine, due: DueWatch, clock: FixedClock
) -> None:
    async with engine.begin() as db:
        await hold_that_is_over(db)
        await db.execute(update(orders).values(deadline=NOON))
        await news_that_waited(db)
        await db.execute(sql("DELETE FROM order_changes"))
    assert await due.look() >= {"expire", "gather", "release"}
    clock.set(NOON - SECOND)
    assert await due.look() & {"expire", "gather", "release"} == set()


async def test_trail_is_to_be_sealed_until_it_is(
    engine: AsyncEngine, due: DueWatch
) -> None:
    assert "seal" not in await due.look()
    for events in (1, 3):
        await some_events(engine, events)
        assert "seal" in await due.look()
        async with engine.begin() as db:
            await seal(db, NOON, BROKER_KEY)
        assert "seal" not in await due.look()


async def test_rest_of_a_transaction_is_to_be_sealed(
    engine: AsyncEngine, due: DueWatch
) -> None:
    await some_events(engine, 3)
    async with engine.begin() as db:
        await db.execute(sql("UPDATE audit_events SET xid = 100"))
    async with engine.begin() as db:
        await seal(db, NOON, BROKER_KEY, most=2)
    assert "seal" in await due.look()


def a_clock(due: DueWatch, name: str, pause: float) -> tuple[Loop, list[str]]:
    ran: list[str] = []

    async def step() -> float:
        ran.append(name)
        return pause

    return Loop(name, due.patient(name, step)), ran


async def test_only_the_clock_that_has_something_to_do_is_woken(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    clock.set(SOON)
    due = DueWatch(engine, clock, timedelta(seconds=0.05))
    woken, ran = a_clock(due, "expire", 0.05)
    left, rested = a_clock(due, "release", 0.05)
    unasked, went_on = a_clock(due, "sweep", 0.05)
    clocks = [woken, left, unasked]
    due.watch(clocks)
    stopping = asyncio.Event()
    async with engine.begin() as db:
        await overdue_order(db)
    running = [
        asyncio.create_task(loop.run(stopping))
        for loop in [*clocks, Loop("due", due.step)]
    ]
    await eventually(lambda: len(ran) >= 3 and len(went_on) >= 3)
    stopping.set()
    await asyncio.wait(running)
    assert rested == ["release"]


async def test_nothing_wakes_a_clock_from_the_pause_it_asked_for(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    clock.set(SOON)
    due = DueWatch(engine, clock, timedelta(seconds=0.01))
    patient, ran = a_clock(due, "expire", 3600.0)
    due.watch([patient])
    async with engine.begin() as db:
        await overdue_order(db)
    stopping = asyncio.Event()
    running = asyncio.create_task(patient.run(stopping))
    await eventually(lambda: ran)
    for _ in range(20):
        await due.step()
        await asyncio.sleep(0)
    stopping.set()
    await running
    assert ran == ["expire"]


async def test_more_to_do_goes_on_without_being_asked(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    due = DueWatch(engine, clock, SECOND)
    busy, ran = a_clock(due, "expire", 0.0)
    stopping = asyncio.Event()
    running = asyncio.create_task(busy.run(stopping))
    await eventually(lambda: len(ran) >= 3)
    stopping.set()
    await running
    assert set(ran) == {"expire"}
