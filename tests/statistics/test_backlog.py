"""What is open and what waits is counted, however much there is."""

from datetime import datetime, timedelta

from sqlalchemy import update

from tests.support.builders import a_carrier, a_platform, an_endpoint
from tests.support.clock import NOON
from tests.support.guards import orders_of_their_own
from tests.support.order_builders import (
    a_query,
    a_reachable_platform,
    an_order,
    bring_to,
)
from unbind_broker.base.database import Db
from unbind_broker.base.ids import new_uuid7
from unbind_broker.deliveries import queue
from unbind_broker.deliveries.queue import Due, Subject
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.states import PausedBy
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.orders.states import HoldReason, OrderStatus
from unbind_broker.orders.tables import orders
from unbind_broker.statistics.backlog import (
    Unsent,
    read_oldest_unsent,
    read_open_items,
    read_open_orders,
)
from unbind_broker.statistics.overview import overview

MINUTE = timedelta(minutes=1)


def unsent(slug: str, since: datetime) -> Unsent:
    return Unsent(slug, f"{slug} 平台", f"{slug} platform", since)


async def test_open_items_are_told_by_status_and_by_when_they_are_due(db: Db) -> None:
    carrier = await a_carrier(db)
    weibo = await a_reachable_platform(db)
    jd = await a_reachable_platform(db, "jd")
    late, urgent, today, done = await orders_of_their_own(db, carrier, 4)
    for order_id, due in (
        (late, -MINUTE),
        (urgent, 30 * MINUTE),
        (today, timedelta(hours=9)),
    ):
        moved = update(orders).where(orders.c.id == order_id)
        await db.execute(moved.values(deadline=NOON + due))
    await bring_to(db, ItemKey(late, weibo.id), ItemStatus.ACKNOWLEDGED)
    await bring_to(db, ItemKey(urgent, jd.id), ItemStatus.NOT_BOUND)
    finished = update(orders).where(orders.c.id == done)
    await db.execute(finished.values(status=OrderStatus.COMPLETED))

    found = await read_open_items(db, NOON)
    assert (found.overdue, found.within_hour, found.within_day) == (2, 1, 3)
    assert found.by_status[ItemStatus.ACKNOWLEDGED] == 1
    assert found.by_status[ItemStatus.QUEUED] == 4
    assert (found.total, found.among) == (5, None)

    first = await read_open_items(db, NOON, most=1)
    assert (first.overdue, first.total, first.among) == (2, 2, 1)


async def test_queries_press_nobody_though_they_are_always_due_soon(db: Db) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db)
    await a_query(db, carrier)
    (order_id,) = await orders_of_their_own(db, carrier, 1)
    found = await read_open_items(db, NOON)
    assert (found.within_hour, found.pressing) == (1, 0)

    moved = update(orders).where(orders.c.id == order_id)
    await db.execute(moved.values(deadline=NOON + MINUTE))
    found = await read_open_items(db, NOON)
    assert (found.within_hour, found.pressing) == (2, 1)


async def test_held_orders_are_told_by_why_they_are_held(db: Db) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db)
    held = await orders_of_their_own(db, carrier, 3)
    await orders_of_their_own(db, carrier, 2)
    whys = (HoldReason.DISPUTED_HOLDING, HoldReason.BRAKED, HoldReason.BRAKED)
    for order_id, why in zip(held, whys, strict=True):
        row = update(orders).where(orders.c.id == order_id)
        until = None if why is HoldReason.BRAKED else NOON
        values = {"status": OrderStatus.HELD, "held_for": why, "held_until": until}
        await db.execute(row.values(**values))

    found = await read_open_orders(db)
    assert found.in_progress == 2
    assert found.held == {
        HoldReason.UNDO_WINDOW: 0,
        HoldReason.DISPUTED_HOLDING: 1,
        HoldReason.BRAKED: 2,
    }
    assert (await overview(db, NOON)).disputes == 1


async def test_oldest_unsent_is_the_first_send_or_retry_that_waits_longest(
    db: Db,
) -> None:
    carrier = await a_carrier(db)
    weibo = await a_reachable_platform(db)
    order_id = await an_order(db, carrier)
    now = NOON + 10 * MINUTE
    assert await read_oldest_unsent(db, now) == unsent("weibo", NOON)

    await db.execute(update(items).values(attempts=1))
    assert await read_oldest_unsent(db, now) is None

    endpoint = (await an_endpoint(db, await a_platform(db, "jd"))).endpoint
    for due, order in ((NOON + MINUTE, order_id), (now + MINUTE, new_uuid7(NOON))):
        subject = Subject(endpoint.id, EventType.UNBIND_REQUESTED, order)
        await queue.schedule(db, [Due(subject, due, 1)])
    assert await read_oldest_unsent(db, now) == unsent("jd", NOON + MINUTE)
    del weibo


async def test_what_waits_for_a_parked_platform_is_not_late(db: Db) -> None:
    carrier = await a_carrier(db)
    platform = await a_platform(db)
    await an_endpoint(db, platform, paused_by=PausedBy.ADMIN)
    await an_order(db, carrier)
    assert await read_oldest_unsent(db, NOON + MINUTE) is None
