"""What is counted of platforms is what happened, once, however it is come by."""

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import delete, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.attempts import an_attempt
from tests.support.builders import a_carrier
from tests.support.clock import FixedClock
from tests.support.counted_history import ZONE, History, Key, sums_of, untimed
from tests.support.order_builders import a_reachable_platform, an_order, bring_to
from unbind_broker.audit.trail import Fact, record
from unbind_broker.deliveries import attempts
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.notices.ending import settle
from unbind_broker.orders.tables import orders
from unbind_broker.statistics.counting import count_trail
from unbind_broker.statistics.counting_attempts import WRITTEN_BY_THEN
from unbind_broker.statistics.measures import NO_KIND, Family, Measure, members_of
from unbind_broker.worker.counting import Counting

LONG_ENOUGH = 70


def counting(engine: AsyncEngine, clock: FixedClock, most: int = 7) -> Counting:
    return Counting(engine, clock, ZONE, most_events=most, most_attempts=most)


async def to_the_end(engine: AsyncEngine, clock: FixedClock, most: int = 50) -> None:
    step = counting(engine, clock, most).steps()["count"]
    while await step() < 1:
        pass


@pytest.mark.parametrize(("seed", "counted_every"), [(1, 1), (3, 7), (5, LONG_ENOUGH)])
async def test_sums_are_those_of_a_list_that_was_kept_by_hand(
    engine: AsyncEngine, clock: FixedClock, seed: int, counted_every: int
) -> None:
    history = await History.begun(engine, seed)
    for place in range(LONG_ENOUGH):
        await history.go_on()
        clock.set(history.now)
        if place % counted_every == 0:
            await to_the_end(engine, clock, 5)
    await to_the_end(engine, clock)

    found = await sums_of(engine)
    assert untimed(found) == history.sums
    assert len(history.sums) > LONG_ENOUGH / 2
    for family in (Family.ACKNOWLEDGEMENT, Family.RESULT):
        timed, took = classes(found, family), history.classes(family)
        # Of what was amended before it was counted nobody knows how long it took.
        assert timed == took if counted_every == 1 else timed <= took


def classes(sums: Counter[Key], family: Family) -> Counter[tuple[int, int]]:
    found: Counter[tuple[int, int]] = Counter()
    for (platform, _, _, measure), n in sums.items():
        for place in members_of(family, {measure: n}):
            found[platform, place] += n
    return found


async def a_history(engine: AsyncEngine, clock: FixedClock) -> History:
    """One that nothing has been counted of."""
    history = await History.begun(engine, seed=11)
    for _ in range(LONG_ENOUGH // 2):
        await history.go_on()
    clock.set(history.now)
    return history


async def test_workers_that_count_at_once_count_nothing_twice(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    history = await a_history(engine, clock)

    async def work() -> None:
        step, pause = counting(engine, clock, 5).steps()["count"], 0.0
        while pause < 1:
            with suppress(DBAPIError):
                pause = await step()

    async def work_without_taking_turns() -> None:
        one_picture = engine.execution_options(isolation_level="REPEATABLE READ")
        for _ in range(30):
            with suppress(DBAPIError):  # whoever comes second fails, and goes on later
                async with one_picture.begin() as db:
                    await count_trail(db, clock.now(), ZONE, 5)

    await asyncio.gather(*(work() for _ in range(3)), work_without_taking_turns())
    await to_the_end(engine, clock)
    assert untimed(await sums_of(engine)) == history.sums


async def test_whoever_dies_in_the_middle_has_counted_nothing(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    history = await a_history(engine, clock)
    one_picture = engine.execution_options(isolation_level="REPEATABLE READ")
    with suppress(DBAPIError):
        async with one_picture.begin() as db:
            await count_trail(db, clock.now(), ZONE, 50)
            pid = await db.scalar(text("SELECT pg_backend_pid()"))
            async with engine.begin() as other:
                await other.execute(text(f"SELECT pg_terminate_backend({pid})"))
            await db.execute(text("SELECT 1"))
    assert await sums_of(engine) == {}

    await to_the_end(engine, clock)
    assert untimed(await sums_of(engine)) == history.sums


async def test_what_commits_late_is_counted_when_it_does(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    fact = Fact("platform:weibo", "result.conflict")
    async with engine.begin() as db:
        weibo = await a_reachable_platform(db)
    async with engine.connect() as late, late.begin() as slow:
        await record(late, clock.now(), fact)
        async with engine.begin() as db:
            await record(db, clock.now(), fact)
        await to_the_end(engine, clock)
        assert await sums_of(engine) == {}
        await slow.commit()
    await to_the_end(engine, clock)
    day = clock.now().date()
    assert await sums_of(engine) == {(weibo.id, day, NO_KIND, Measure.CONFLICT): 2}


async def test_orders_destroyed_before_they_were_counted_are_not(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with engine.begin() as db:
        carrier, weibo = await a_carrier(db), await a_reachable_platform(db)
        order_id = await an_order(db, carrier)
        await bring_to(db, ItemKey(order_id, weibo.id), ItemStatus.NOT_BOUND)
        await settle(db, clock.now(), [order_id])
        await db.execute(delete(items))
        await db.execute(delete(orders))
    await to_the_end(engine, clock)
    assert await sums_of(engine) == {}


@pytest.mark.parametrize(
    ("at", "day"), [("15:59:59", date(2026, 11, 20)), ("16:00:00", date(2026, 11, 21))]
)
async def test_days_begin_at_midnight_of_the_zone(
    engine: AsyncEngine, clock: FixedClock, at: str, day: date
) -> None:
    clock.set(datetime.fromisoformat(f"2026-11-20T{at}+00:00"))
    async with engine.begin() as db:
        await a_reachable_platform(db)
        await record(db, clock.now(), Fact("platform:weibo", "violation.raised"))
    await to_the_end(engine, clock)
    assert [key[1] for key in await sums_of(engine)] == [day]


async def test_requests_are_counted_once_when_they_are_old_enough(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    test = EventType.ENDPOINT_TEST
    async with engine.begin() as db:
        weibo = await a_reachable_platform(db)
        for place in range(9):
            at = clock.now() + timedelta(minutes=place)
            kind = OutcomeKind.ACCEPTED if place % 3 else OutcomeKind.TIMED_OUT
            one = await an_attempt(db, weibo.id, [], event=test, kind=kind, at=at)
            await attempts.append(db, [one])
    step = counting(engine, clock, 2).steps()["count_attempts"]
    day = clock.now().date()

    async def counted() -> list[int]:
        while await step() < 1:
            pass
        sums = await sums_of(engine)
        assert {key[:3] for key in sums} <= {(weibo.id, day, NO_KIND)}
        return [sums[weibo.id, day, NO_KIND, Family.ATTEMPT + one] for one in (1, 6)]

    assert await counted() == [0, 0]
    clock.advance(WRITTEN_BY_THEN + timedelta(minutes=4))
    assert await counted() == [2, 2]
    clock.advance(timedelta(days=1))
    assert await counted() == await counted() == [6, 3]
