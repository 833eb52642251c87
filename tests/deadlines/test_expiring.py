from datetime import timedelta

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier, a_platform, an_endpoint
from tests.support.clock import NOON
from tests.support.joining import a_number
from tests.support.order_builders import (
    a_query,
    a_reachable_platform,
    an_item,
    an_order,
    asked,
    bring_to,
    item_row,
    order_status,
)
from unbind_broker.audit.tables import audit_events
from unbind_broker.base.database import Db
from unbind_broker.base.ids import OrderId
from unbind_broker.deadlines.expiring import expire_overdue
from unbind_broker.deadlines.releasing import release_held
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.notices.ending import settle
from unbind_broker.orders.states import OrderKind, OrderStatus, Scope

QUERY_DEADLINE = NOON + timedelta(minutes=10)
ORDER_DEADLINE = NOON + timedelta(days=30)


async def test_nothing_ends_before_its_deadline(db: Db) -> None:
    await an_item(db, kind=OrderKind.QUERY)
    before = QUERY_DEADLINE - timedelta(microseconds=1)
    assert await expire_overdue(db, before, 10) == set()


async def test_the_deadline_ends_what_is_open(db: Db) -> None:
    carrier = await a_carrier(db)
    taken = await a_reachable_platform(db, "taken")
    waiting = await a_reachable_platform(db, "waiting")
    done = await a_reachable_platform(db, "done")
    query_id = await a_query(db, carrier)
    await bring_to(db, ItemKey(query_id, taken.id), ItemStatus.ACKNOWLEDGED)
    await bring_to(db, ItemKey(query_id, done.id), ItemStatus.BOUND)
    assert await expire_overdue(db, QUERY_DEADLINE, 10) == {query_id}
    found = [
        (await item_row(db, ItemKey(query_id, one.id))).status
        for one in (taken, waiting, done)
    ]
    assert found == [ItemStatus.EXPIRED, ItemStatus.UNDELIVERABLE, ItemStatus.BOUND]
    assert await settle(db, QUERY_DEADLINE, [query_id]) == [query_id]
    assert await expire_overdue(db, QUERY_DEADLINE, 10) == set()


async def test_an_ended_order_comes_again_until_it_is_settled(db: Db) -> None:
    key = await an_item(db, kind=OrderKind.QUERY)
    assert await expire_overdue(db, QUERY_DEADLINE, 10) == {key.order_id}
    assert await expire_overdue(db, QUERY_DEADLINE, 10) == {key.order_id}
    facts = await db.execute(
        select(audit_events.c.facts).where(audit_events.c.action == "order.expired")
    )
    assert facts.scalars().all() == [{"undeliverable": 1}]


async def test_the_oldest_deadlines_are_served_first_and_in_bounds(db: Db) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db)
    later = NOON + timedelta(minutes=1)
    second = await a_query(db, carrier, asked(OrderKind.QUERY, now=later), now=later)
    other = await a_carrier(db, "china-unicom")  # its own query, not a repetition
    first = await a_query(db, other)
    assert await expire_overdue(db, ORDER_DEADLINE, 1) == {first}
    await settle(db, ORDER_DEADLINE, [first])
    assert await expire_overdue(db, ORDER_DEADLINE, 1) == {second}


async def test_what_has_ended_is_not_sent_again(db: Db) -> None:
    carrier = await a_carrier(db)
    platform = await a_platform(db)
    endpoint = (await an_endpoint(db, platform)).endpoint
    ended, open_still = await a_query(db, carrier), await an_order(db, carrier)

    def row(order_id: OrderId, event: EventType) -> dict[str, object]:
        due = {"due_at": NOON, "attempt": 1, "endpoint_id": endpoint.id}
        return {**due, "event": event, "order_id": order_id}

    await db.execute(
        insert(deliveries),
        [
            row(ended, EventType.QUERY_REQUESTED),
            row(open_still, EventType.UNBIND_REQUESTED),
        ],
    )
    await expire_overdue(db, QUERY_DEADLINE, 10)
    left = await db.execute(select(deliveries.c.order_id))
    assert left.scalars().all() == [open_still]


async def test_a_held_order_past_its_deadline_leaves_its_hold_unsent(db: Db) -> None:
    carrier = await a_carrier(db)
    platform = await a_reachable_platform(db)
    wanted = asked(scope=Scope.CURRENT_OWNER, platforms=("weibo",))
    order_id = await an_order(db, carrier, wanted)
    assert await expire_overdue(db, ORDER_DEADLINE, 10) == {order_id}
    item = await item_row(db, ItemKey(order_id, platform.id))
    assert item.status is ItemStatus.UNDELIVERABLE
    assert await release_held(db, ORDER_DEADLINE, 10) == set()
    await settle(db, ORDER_DEADLINE, [order_id])
    assert await order_status(db, order_id) is OrderStatus.COMPLETED


async def test_two_scanners_at_once_share_the_work(engine: AsyncEngine) -> None:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        await a_reachable_platform(db)
        there = {
            await a_query(db, carrier, asked(OrderKind.QUERY, number=a_number(place)))
            for place in range(4)
        }
    async with engine.begin() as first, engine.begin() as second:
        mine = await expire_overdue(first, QUERY_DEADLINE, 3)
        theirs = await expire_overdue(second, QUERY_DEADLINE, 3)
    assert (len(mine), len(theirs)) == (3, 1)
    assert mine | theirs == there
