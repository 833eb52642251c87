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
from unbind_broker.base.ids import OrderId
from unbind_broker.deadlines.sweeping import SweepPosition, sweep_unsettled
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.states import OrderStatus
from unbind_broker.orders.tables import orders


async def test_a_sweep_completes_what_a_crash_left_open(db: Db) -> None:
    carrier = await a_carrier(db)
    platform = await a_reachable_platform(db)
    done, open_still = await an_order(db, carrier), await an_order(db, carrier)
    await bring_to(db, ItemKey(done, platform.id), ItemStatus.NOT_BOUND)
    swept = await sweep_unsettled(db, NOON, None, 10)
    assert (swept.settled, swept.position) == ([done], None)
    assert await order_status(db, open_still) is OrderStatus.IN_PROGRESS


async def test_a_sweep_sees_every_open_order_in_bounded_steps(db: Db) -> None:
    carrier = await a_carrier(db)
    platform = await a_reachable_platform(db)
    there = {await an_order(db, carrier) for _ in range(5)}  # one deadline for all
    there |= {await a_query(db, carrier) for _ in range(4)}
    for order_id in there:
        await bring_to(db, ItemKey(order_id, platform.id), ItemStatus.NOT_BOUND)
    settled: set[OrderId] = set()
    position: SweepPosition | None = None
    for _ in range(5):
        swept = await sweep_unsettled(db, NOON, position, 2)
        assert len(swept.settled) <= 2
        settled |= {OrderId(order_id) for order_id in swept.settled}
        position = swept.position
    assert settled == there
    assert position is None


async def test_a_sweep_leaves_closed_orders_alone(db: Db) -> None:
    carrier = await a_carrier(db)
    platform = await a_reachable_platform(db)
    order_id = await an_order(db, carrier)
    await bring_to(db, ItemKey(order_id, platform.id), ItemStatus.CANCELLED)
    await db.execute(update(orders).values(status=OrderStatus.CANCELLED))
    assert (await sweep_unsettled(db, NOON, None, 10)).settled == []
