from uuid import UUID

from sqlalchemy import update

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.order_builders import (
    a_query,
    a_reachable_platform,
    an_order,
    bring_to,
    order_status,
)
from unbind_broker.base.database import Db
from unbind_broker.deadlines.sweeping import (
    SweepPosition,
    find_open,
    sweep_unsettled,
)
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.states import OrderStatus
from unbind_broker.orders.tables import orders


async def sweep(db: Db) -> list[UUID]:
    found, position = await find_open(db, None, 10)
    assert position is None
    return await sweep_unsettled(db, NOON, found)


async def test_a_sweep_completes_what_a_crash_left_open(db: Db) -> None:
    carrier = await a_carrier(db)
    platform = await a_reachable_platform(db)
    done, open_still = await an_order(db, carrier), await an_order(db, carrier)
    await bring_to(db, ItemKey(done, platform.id), ItemStatus.NOT_BOUND)
    assert await sweep(db) == [done]
    assert await order_status(db, open_still) is OrderStatus.IN_PROGRESS


async def test_a_sweep_finds_every_open_order_in_bounded_steps(db: Db) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db)
    there = {await an_order(db, carrier) for _ in range(5)}  # one deadline for all
    there |= {await a_query(db, carrier) for _ in range(4)}
    seen: list[UUID] = []
    position: SweepPosition | None = None
    for _ in range(5):
        found, position = await find_open(db, position, 2)
        assert len(found) <= 2
        seen += found
    assert (set(seen), len(seen)) == (there, 9)
    assert position is None


async def test_a_sweep_leaves_closed_orders_alone(db: Db) -> None:
    carrier = await a_carrier(db)
    platform = await a_reachable_platform(db)
    order_id = await an_order(db, carrier)
    await bring_to(db, ItemKey(order_id, platform.id), ItemStatus.CANCELLED)
    await db.execute(update(orders).values(status=OrderStatus.CANCELLED))
    assert await sweep(db) == []
