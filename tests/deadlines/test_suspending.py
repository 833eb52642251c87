from datetime import timedelta

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.order_builders import (
    a_query,
    a_reachable_platform,
    an_order,
    item_row,
    order_status,
)
from tests.support.trail import trail
from unbind_broker.base.database import Db
from unbind_broker.base.working_days import Deadline
from unbind_broker.carriers.service import Carrier, resume, suspend
from unbind_broker.deadlines.suspending import call_back_suspended, find_suspensions
from unbind_broker.items.item import ItemKey
from unbind_broker.items.service import create
from unbind_broker.items.states import ItemStatus, Reason
from unbind_broker.orders.restoring import add_restore
from unbind_broker.orders.states import OrderStatus

IN_A_WEEK = Deadline(NOON + timedelta(days=7), provisional=False)


async def suspended(db: Db, carrier: Carrier) -> None:
    assert await suspend(db, NOON, carrier.slug, "test")


async def test_a_suspended_carriers_orders_and_queries_are_called_back(
    db: Db,
) -> None:
    carrier, other = await a_carrier(db), await a_carrier(db, "other")
    platform = await a_reachable_platform(db)
    mine = [await an_order(db, carrier), await a_query(db, carrier)]
    theirs = await an_order(db, other)
    await suspended(db, carrier)
    named = [carrier.id, other.id]
    assert await call_back_suspended(db, NOON, named, 10, "admin:1") == len(mine)
    for order_id in mine:
        assert await order_status(db, order_id) is OrderStatus.CANCELLED
        item = await item_row(db, ItemKey(order_id, platform.id))
        assert item.reason is Reason.CARRIER_SUSPENDED
    assert await order_status(db, theirs) is OrderStatus.IN_PROGRESS
    assert {fact.actor for fact in await trail(db, "order.cancelled")} == {"admin:1"}


async def test_restore_orders_go_on(db: Db) -> None:
    carrier = await a_carrier(db)
    platform = await a_reachable_platform(db)
    of = await an_order(db, carrier)
    restore_id = await add_restore(db, NOON, of, IN_A_WEEK, hidden=False)
    assert restore_id is not None
    await create(db, restore_id, [platform.id])
    await suspended(db, carrier)
    assert await call_back_suspended(db, NOON, [carrier.id], 10) == 1
    assert await order_status(db, restore_id) is OrderStatus.IN_PROGRESS
    item = await item_row(db, ItemKey(restore_id, platform.id))
    assert item.status is ItemStatus.QUEUED


async def test_it_goes_on_in_bounded_steps(db: Db) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db)
    for _ in range(3):
        await an_order(db, carrier)
    await suspended(db, carrier)
    found = [await call_back_suspended(db, NOON, [carrier.id], 2) for _ in range(3)]
    assert found == [2, 1, 0]


async def test_suspensions_end_with_resuming(db: Db) -> None:
    carrier = await a_carrier(db)
    await suspended(db, carrier)
    assert {one.carrier_id for one in await find_suspensions(db)} == {carrier.id}
    await resume(db, NOON, carrier.slug, "test")
    assert await find_suspensions(db) == set()
