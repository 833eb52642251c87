from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from tests.support.builders import a_carrier, a_platform, an_endpoint
from tests.support.clock import NOON
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
from tests.support.trail import trail
from tests.support.undo import order_row, told_platforms
from unbind_broker.base.database import Db
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.states import Delivery
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus, Reason
from unbind_broker.items.tables import items
from unbind_broker.notices.calling_back import call_back
from unbind_broker.notices.ending import settle
from unbind_broker.orders.states import OPEN, Action, OrderKind, OrderStatus, Scope
from unbind_broker.orders.tables import orders

ACTOR = "carrier:china-mobile"
LATER = NOON + timedelta(hours=1)


@pytest.mark.parametrize("status", OrderStatus)
async def test_only_open_orders_are_called_back(db: Db, status: OrderStatus) -> None:
    key = await an_item(db, status=ItemStatus.ACKNOWLEDGED)
    await db.execute(update(orders).values(status=status, held_until=NOON))
    called_back = await call_back(db, LATER, [key.order_id], Reason.SUPERSEDED, ACTOR)
    assert called_back == ([key.order_id] if status in OPEN else [])
    expected = OrderStatus.CANCELLED if status in OPEN else status
    assert await order_status(db, key.order_id) is expected
    item = await item_row(db, key)
    if status in OPEN:
        assert (item.status, item.reason) == (ItemStatus.CANCELLED, Reason.SUPERSEDED)
    else:
        assert (item.status, item.reason) == (ItemStatus.ACKNOWLEDGED, None)


@pytest.mark.parametrize("status", ItemStatus)
async def test_open_items_are_cancelled_and_final_ones_stand(
    db: Db, status: ItemStatus
) -> None:
    carrier = await a_carrier(db)
    one = await a_reachable_platform(db, "one")
    other = await a_reachable_platform(db, "other")
    order_id = await an_order(db, carrier)
    await bring_to(db, ItemKey(order_id, one.id), status)
    before = await item_row(db, ItemKey(order_id, one.id))
    await call_back(db, LATER, [order_id], Reason.BY_CARRIER, ACTOR)
    after = await item_row(db, ItemKey(order_id, one.id))
    if status.is_final:
        assert after == before
    else:
        assert (after.status, after.reason, after.finished_at) == (
            ItemStatus.CANCELLED,
            Reason.BY_CARRIER,
            LATER,
        )
    still_open = await item_row(db, ItemKey(order_id, other.id))
    assert still_open.status is ItemStatus.CANCELLED


async def test_a_cancelled_order_ends_now_and_its_carrier_may_know(db: Db) -> None:
    key = await an_item(db)
    await call_back(db, LATER, [key.order_id], Reason.BY_CARRIER, ACTOR)
    order = await order_row(db, key.order_id)
    assert (order.completed_at, order.told_at) == (LATER, LATER)


@pytest.mark.parametrize("told_at", [NOON, LATER, LATER + timedelta(seconds=1)])
async def test_an_order_that_was_told_ends_later_than_it_was_told(
    db: Db, told_at: object
) -> None:
    key = await an_item(db)
    await db.execute(update(orders).values(told_at=told_at))
    await call_back(db, LATER, [key.order_id], Reason.SUPERSEDED, ACTOR)
    order = await order_row(db, key.order_id)
    assert order.told_at == told_at
    assert order.completed_at > order.told_at


async def test_an_order_whose_results_are_all_in_completes_instead(db: Db) -> None:
    key = await an_item(db, status=ItemStatus.UNBOUND)
    assert await call_back(db, LATER, [key.order_id], Reason.SUPERSEDED, ACTOR) == []
    assert await order_status(db, key.order_id) is OrderStatus.COMPLETED
    assert (await item_row(db, key)).status is ItemStatus.UNBOUND
    assert await trail(db, "order.cancelled") == []


@pytest.mark.parametrize("status", [one for one in ItemStatus if not one.is_final])
@pytest.mark.parametrize("attempts", [0, 1, 3])
@pytest.mark.parametrize("kind", OrderKind)
async def test_platforms_that_were_asked_to_change_something_are_told(
    db: Db, status: ItemStatus, attempts: int, kind: OrderKind
) -> None:
    key = await an_item(db, status=status)
    await db.execute(update(items).values(attempts=attempts))
    action = None if kind is OrderKind.QUERY else Action.DETACH
    await db.execute(update(orders).values(kind=kind, action=action))
    await call_back(db, LATER, [key.order_id], Reason.BY_CARRIER, ACTOR)
    expected = attempts > 0 and kind is not OrderKind.QUERY
    told = [(key.platform_id, key.order_id, LATER)] if expected else []
    assert await told_platforms(db) == told


async def test_platforms_that_fetch_will_find_it(db: Db) -> None:
    carrier = await a_carrier(db)
    platform = await a_reachable_platform(db, delivery=Delivery.PULL)
    order_id = await an_order(db, carrier)
    await bring_to(db, ItemKey(order_id, platform.id), ItemStatus.ACKNOWLEDGED)
    await call_back(db, LATER, [order_id], Reason.BY_CARRIER, ACTOR)
    assert len(await told_platforms(db)) == 1


async def test_platforms_that_have_answered_are_not_told(db: Db) -> None:
    carrier = await a_carrier(db)
    done = await a_reachable_platform(db, "done")
    await a_reachable_platform(db, "waiting")
    order_id = await an_order(db, carrier)
    await bring_to(db, ItemKey(order_id, done.id), ItemStatus.UNBOUND)
    await call_back(db, LATER, [order_id], Reason.BY_CARRIER, ACTOR)
    assert await told_platforms(db) == []


async def test_what_waits_to_be_sent_again_is_not_sent(db: Db) -> None:
    carrier = await a_carrier(db)
    platform = await a_platform(db)
    endpoint = (await an_endpoint(db, platform)).endpoint
    ended, other = await an_order(db, carrier), await a_query(db, carrier)
    due = {"due_at": NOON, "attempt": 1, "endpoint_id": endpoint.id}
    await db.execute(
        insert(deliveries),
        [
            {**due, "event": EventType.UNBIND_REQUESTED, "order_id": ended},
            {**due, "event": EventType.QUERY_REQUESTED, "order_id": other},
        ],
    )
    await call_back(db, LATER, [ended], Reason.BY_CARRIER, ACTOR)
    requests = deliveries.c.event != EventType.UNBIND_CANCELLED
    left = await db.execute(select(deliveries.c.order_id).where(requests))
    assert left.scalars().all() == [other]


async def test_it_is_written_down_who_ended_what_and_why(db: Db) -> None:
    carrier = await a_carrier(db)
    done = await a_reachable_platform(db, "done")
    asked_once = await a_reachable_platform(db, "asked")
    await a_reachable_platform(db, "never-asked")
    order_id = await an_order(db, carrier)
    await bring_to(db, ItemKey(order_id, done.id), ItemStatus.UNBOUND)
    await bring_to(db, ItemKey(order_id, asked_once.id), ItemStatus.ACKNOWLEDGED)
    await call_back(db, LATER, [order_id], Reason.NUMBER_DISCONNECTED, ACTOR)
    (fact,) = await trail(db, "order.cancelled")
    assert fact.actor == ACTOR
    assert fact.facts == {"reason": "number_disconnected", "cancelled": 2, "told": 1}


async def test_many_orders_are_ended_at_once(db: Db) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db)
    there = [await an_order(db, carrier) for _ in range(3)]
    called_back = await call_back(db, LATER, there, Reason.SUPERSEDED, ACTOR)
    assert called_back == sorted(there)
    assert len(await trail(db, "order.cancelled")) == len(there)
    assert await call_back(db, LATER, there, Reason.SUPERSEDED, ACTOR) == []


async def test_nothing_to_call_back_is_fine(db: Db) -> None:
    assert await call_back(db, LATER, [], Reason.SUPERSEDED, ACTOR) == []


async def test_a_held_order_is_called_back_and_never_released(db: Db) -> None:
    carrier = await a_carrier(db)
    platform = await a_reachable_platform(db)
    wanted = asked(scope=Scope.CURRENT_OWNER, platforms=("weibo",))
    order_id = await an_order(db, carrier, wanted)
    await call_back(db, LATER, [order_id], Reason.BY_CARRIER, ACTOR)
    assert await order_status(db, order_id) is OrderStatus.CANCELLED
    assert await told_platforms(db) == []
    assert await settle(db, LATER, [order_id]) == []
    item = await item_row(db, ItemKey(order_id, platform.id))
    assert item.status is ItemStatus.CANCELLED


async def test_what_had_joined_is_sent_under_its_own_id(db: Db) -> None:
    carrier, other = await a_carrier(db), await a_carrier(db, "other")
    platform = await a_reachable_platform(db)
    leader, follower = await an_order(db, carrier), await an_order(db, other)
    await bring_to(db, ItemKey(leader, platform.id), ItemStatus.ACKNOWLEDGED)
    await db.execute(
        update(items).where(items.c.order_id == leader).values(followed=True)
    )
    await db.execute(
        update(items).where(items.c.order_id == follower).values(follows=leader)
    )
    await call_back(db, LATER, [leader], Reason.BY_CARRIER, ACTOR)
    heir = await item_row(db, ItemKey(follower, platform.id))
    assert (heir.status, heir.follows) == (ItemStatus.QUEUED, None)
    due = await db.execute(
        select(deliveries.c.event, deliveries.c.order_id, deliveries.c.due_at)
    )
    assert sorted(tuple(row) for row in due) == [
        (EventType.UNBIND_CANCELLED, leader, LATER),
        (EventType.UNBIND_REQUESTED, follower, LATER),
    ]
