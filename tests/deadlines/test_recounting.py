from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text, update

from tests.support.attempts import endpoint_of
from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.fetching import fetch_for
from tests.support.order_builders import a_reachable_platform, an_order, many_orders
from tests.support.plans import plan_of
from unbind_broker.base.database import Db
from unbind_broker.base.ids import OrderId
from unbind_broker.base.working_days import WorkingTime
from unbind_broker.deadlines.recounting import MOST_TOGETHER, recount_provisional
from unbind_broker.deliveries import fetching
from unbind_broker.deliveries.queue import Due, Subject, schedule
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.states import Delivery
from unbind_broker.endpoints.tables import endpoints
from unbind_broker.orders.states import OrderStatus
from unbind_broker.orders.tables import orders

TIME = WorkingTime(5, ZoneInfo("Asia/Shanghai"))
COUNTED = datetime(2026, 11, 27, 15, 59, 59, tzinfo=UTC)
"""Five working days after NOON."""


async def an_order_until(
    db: Db, deadline: datetime, *, provisional: bool = True
) -> OrderId:
    await a_reachable_platform(db)
    order_id = await an_order(db, await a_carrier(db))
    await db.execute(
        update(orders).values(deadline=deadline, deadline_provisional=provisional)
    )
    return order_id


async def deadline(db: Db) -> tuple[datetime, bool]:
    found = await db.execute(select(orders.c.deadline, orders.c.deadline_provisional))
    row = found.one()
    return row.deadline, row.deadline_provisional


async def test_deadline_moves_later_once_the_holidays_are_known(db: Db) -> None:
    await an_order_until(db, COUNTED - timedelta(days=3))
    assert await recount_provisional(db, NOON, TIME) == 1
    assert await deadline(db) == (COUNTED, False)
    assert await recount_provisional(db, NOON, TIME) == 0


async def test_deadline_never_moves_earlier(db: Db) -> None:
    told = COUNTED + timedelta(days=1)
    await an_order_until(db, told)
    assert await recount_provisional(db, NOON, TIME) == 1
    assert await deadline(db) == (told, False)


async def test_deadline_of_an_unpublished_year_stays_provisional(db: Db) -> None:
    told = COUNTED + timedelta(days=1)
    await an_order_until(db, told)
    await db.execute(update(orders).values(created_at=datetime(2090, 1, 2, tzinfo=UTC)))
    assert await recount_provisional(db, NOON, TIME) == 0
    assert await deadline(db) == (told, True)


@pytest.mark.parametrize("status", [OrderStatus.COMPLETED, OrderStatus.CANCELLED])
async def test_closed_order_is_left_alone(db: Db, status: OrderStatus) -> None:
    told = COUNTED - timedelta(days=3)
    await an_order_until(db, told)
    await db.execute(update(orders).values(status=status))
    assert await recount_provisional(db, NOON, TIME) == 0
    assert await deadline(db) == (told, True)


async def test_order_that_was_told_to_be_over_keeps_its_deadline(db: Db) -> None:
    told = COUNTED - timedelta(days=3)
    await an_order_until(db, told)
    await db.execute(update(orders).values(told_at=NOON))
    assert await recount_provisional(db, NOON, TIME) == 0
    assert await deadline(db) == (told, True)


async def test_published_deadline_is_left_alone(db: Db) -> None:
    told = COUNTED - timedelta(days=3)
    await an_order_until(db, told, provisional=False)
    assert await recount_provisional(db, NOON, TIME) == 0
    assert await deadline(db) == (told, False)


async def test_more_orders_than_one_statement_names_are_all_moved(db: Db) -> None:
    first = await an_order_until(db, COUNTED - timedelta(days=3))
    carrier = await a_carrier(db, "china-unicom")
    await many_orders(db, carrier, 2 * MOST_TOGETHER, like=first)
    assert await recount_provisional(db, NOON, TIME) == 2 * MOST_TOGETHER + 1
    found = await db.execute(select(orders.c.deadline_provisional).distinct())
    assert found.scalars().all() == [False]


async def test_what_waits_to_be_fetched_waits_by_the_new_deadline(db: Db) -> None:
    """What is asked once more keeps its time, as does what is posted."""
    told = COUNTED - timedelta(days=3)
    pulling = await a_reachable_platform(db, "douyin", delivery=Delivery.PULL)
    first = await an_order_until(db, told)
    (second,) = await many_orders(db, await a_carrier(db, "other"), 1, like=first)
    await db.execute(update(orders).values(deadline=told))
    fetches = await endpoint_of(db, pulling.id)
    await fetch_for(db, NOON, pulling.id, 10)
    again = update(deliveries).where(deliveries.c.order_id == second)
    await db.execute(again.values(due_at=NOON, attempt=1))
    posted = (await db.execute(select(endpoints.c.id))).scalars()
    (posts,) = {*posted} - {fetches}
    request = EventType.UNBIND_REQUESTED
    await schedule(db, [Due(Subject(posts, request, first), told, attempt=4)])

    assert await recount_provisional(db, NOON, TIME) == 2

    columns = (deliveries.c.endpoint_id, deliveries.c.order_id, deliveries.c.due_at)
    found = {tuple(row) for row in await db.execute(select(*columns))}
    assert found == {
        (fetches, first, COUNTED),
        (fetches, second, NOON),
        (posts, first, told),
    }


async def test_what_waits_to_be_fetched_is_looked_up_by_its_key(db: Db) -> None:
    pulling = await a_reachable_platform(db, "douyin", delivery=Delivery.PULL)
    first = await an_order_until(db, COUNTED)
    await many_orders(db, await a_carrier(db, "other"), 2000, like=first)
    await fetch_for(db, NOON, pulling.id, 10)
    await db.execute(text("ANALYZE deliveries"))
    values = {"orders": [first], "earlier": [COUNTED], "deadlines": [COUNTED]}
    plan = await plan_of(db, fetching._WAIT_BY, values)
    assert "Seq Scan on deliveries" not in plan, plan
    assert "deliveries_subject" in plan, plan
