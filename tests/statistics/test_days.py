"""What was asked is counted on its day, once, rehearsals left out."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier
from tests.support.clock import NOON, FixedClock
from tests.support.counted_history import ZONE
from tests.support.guards import orders_of_their_own
from tests.support.order_builders import a_reachable_platform
from unbind_broker.audit.trail import Fact, record
from unbind_broker.carriers.tables import SANDBOX_SUFFIX
from unbind_broker.orders.states import OrderKind
from unbind_broker.statistics.days import DayFigures, read_days
from unbind_broker.statistics.figures import Period
from unbind_broker.worker.counting import Counting

TODAY = NOON.date()
DAY = timedelta(days=1)


async def days(engine: AsyncEngine, clock: FixedClock) -> list[DayFigures]:
    step = Counting(engine, clock, ZONE, most_events=4).steps()["count"]
    while await step() < 1:
        pass
    async with engine.begin() as db:
        return [*await read_days(db, Period(TODAY - 2 * DAY, TODAY))]


async def test_orders_and_items_count_on_the_day_on_which_they_were_accepted(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        for slug in ("jd", "weibo"):
            await a_reachable_platform(db, slug)
        await orders_of_their_own(db, carrier, 3)
        await orders_of_their_own(db, carrier, 2, OrderKind.QUERY, now=NOON - DAY)
        rehearsed = {"kind": "unbind", "items": 9}
        actor = f"carrier:china-mobile{SANDBOX_SUFFIX}"
        await record(db, NOON, Fact(actor, "order.accepted", facts=rehearsed))

    told = [(one.day, one.orders, one.items) for one in await days(engine, clock)]
    assert told == [
        (TODAY - 2 * DAY, 0, 0),
        (TODAY - DAY, 2, 4),
        (TODAY, 3, 6),
    ]
    again = [(one.day, one.orders, one.items) for one in await days(engine, clock)]
    assert again == told


async def test_orders_that_a_brake_held_are_counted(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        await a_reachable_platform(db)
        held, other = await orders_of_their_own(db, carrier, 2)
        for order_id, why in ((held, "braked"), (other, "undo_window")):
            facts = {"held_for": why}
            fact = Fact("broker", "order.held", order_id=order_id, facts=facts)
            await record(db, NOON, fact)
    assert [one.braked for one in await days(engine, clock)] == [0, 0, 1]
