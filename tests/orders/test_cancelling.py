"""Orders that are to be called back are locked one by one, as long as they are open."""

import asyncio
from collections.abc import Sequence
from functools import partial

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.order_builders import a_reachable_platform, an_order
from tests.support.waiting import eventually
from unbind_broker.base.ids import OrderId
from unbind_broker.orders.cancelling import lock_open
from unbind_broker.orders.states import OrderStatus
from unbind_broker.orders.tables import orders

_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE wait_event_type = 'Lock' AND datname = current_database()"
)


async def three_orders(engine: AsyncEngine) -> list[OrderId]:
    async with engine.begin() as db:
        await a_reachable_platform(db)
        carrier = await a_carrier(db)
        return sorted([await an_order(db, carrier) for _ in range(3)])


async def locked(engine: AsyncEngine, wanted: Sequence[OrderId]) -> list[OrderId]:
    async with engine.begin() as db:
        return [OrderId(one) for one in await lock_open(db, wanted)]


async def is_waited(engine: AsyncEngine) -> bool:
    async with engine.connect() as db:
        return bool((await db.execute(_WAITING)).scalar_one())


async def test_an_order_that_ends_while_it_is_waited_for_is_left_out(
    engine: AsyncEngine,
) -> None:
    first, second, third = await three_orders(engine)
    async with engine.begin() as db:
        await db.execute(
            update(orders)
            .where(orders.c.id == second)
            .values(status=OrderStatus.COMPLETED, completed_at=NOON, told_at=NOON)
        )
        locking = asyncio.create_task(locked(engine, [third, second, first, third]))
        await eventually(partial(is_waited, engine))
    assert await locking == [first, third]


async def test_an_order_waits_unlocked_for_those_with_smaller_ids(
    engine: AsyncEngine,
) -> None:
    """Whoever locks several does so in one order, or two would wait for each other."""
    first, second, third = await three_orders(engine)
    of_each = select(orders.c.id).with_for_update(nowait=True)
    async with engine.begin() as db:
        await db.execute(of_each.where(orders.c.id == second))
        locking = asyncio.create_task(locked(engine, [third, second, first]))
        await eventually(partial(is_waited, engine))
        await db.execute(of_each.where(orders.c.id == third))
    assert await locking == [first, second, third]
