import asyncio

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.database import open_patient_engine
from tests.support.guards import APPLYING
from tests.support.joining import a_number
from tests.support.order_builders import (
    a_reachable_platform,
    an_item,
    an_order,
    asked,
    bring_to,
    order_status,
)
from unbind_broker.audit.tables import audit_events
from unbind_broker.base.database import Db
from unbind_broker.base.ids import OrderId, PlatformId, Prefix, format_id
from unbind_broker.callbacks.results import apply
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.notices.ending import settle
from unbind_broker.orders.settling import NOBODY
from unbind_broker.orders.states import OrderStatus, Scope
from unbind_broker.orders.tables import orders
from unbind_broker.platforms.service import Platform


async def test_an_order_is_complete_when_every_item_is_final(db: Db) -> None:
    key = await an_item(db, status=ItemStatus.UNBOUND)
    assert await settle(db, NOON, [key.order_id]) == [key.order_id]
    found = await db.execute(select(orders).where(orders.c.id == key.order_id))
    order = found.one()
    assert (order.status, order.completed_at) == (OrderStatus.COMPLETED, NOON)


async def test_an_open_item_keeps_its_order_open(db: Db) -> None:
    key = await an_item(db, status=ItemStatus.ACKNOWLEDGED)
    assert await settle(db, NOON, [key.order_id]) == []
    assert await order_status(db, key.order_id) is OrderStatus.IN_PROGRESS


async def test_an_open_item_is_found_wherever_the_look_begins(db: Db) -> None:
    carrier = await a_carrier(db)
    platforms = [await a_reachable_platform(db, f"app-{g}") for g in range(3)]
    order_id = await an_order(db, carrier)
    ids = [platform.id for platform in platforms]
    for still_open in ids:
        for one in ids:
            await db.execute(
                update(items)
                .where(items.c.platform_id == one)
                .values(
                    status=ItemStatus.ACKNOWLEDGED
                    if one == still_open
                    else ItemStatus.NOT_BOUND,
                    finished_at=None if one == still_open else NOON,
                )
            )
        for beside in (NOBODY, *ids, PlatformId(max(ids) + 1)):
            assert await settle(db, NOON, [order_id], beside) == []
    done = {"status": ItemStatus.NOT_BOUND, "finished_at": NOON}
    await db.execute(update(items).values(done))
    assert await settle(db, NOON, [order_id], ids[1]) == [order_id]


async def test_an_order_is_completed_once(db: Db) -> None:
    key = await an_item(db, status=ItemStatus.UNBOUND)
    assert await settle(db, NOON, [key.order_id])
    assert await settle(db, NOON, [key.order_id]) == []
    found = await db.execute(
        select(audit_events.c.actor).where(
            audit_events.c.order_id == key.order_id,
            audit_events.c.action == "order.completed",
        )
    )
    assert found.scalars().all() == ["broker"]


async def test_a_held_order_is_not_completed(db: Db) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db)
    wanted = asked(scope=Scope.CURRENT_OWNER, platforms=("weibo",))
    order_id = await an_order(db, carrier, wanted)
    await db.execute(update(orders).values(held_until=NOON))
    assert await settle(db, NOON, [order_id]) == []
    assert await order_status(db, order_id) is OrderStatus.HELD


async def test_nothing_to_settle_is_fine(db: Db) -> None:
    assert await settle(db, NOON, []) == []


async def test_results_that_race_always_settle_their_order(
    engine: AsyncEngine, database_url: str
) -> None:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        reporters = [await a_reachable_platform(db, f"platform-{n}") for n in range(10)]
        order_ids = [
            await an_order(db, carrier, asked(number=a_number(place)))
            for place in range(50)
        ]
    pool = open_patient_engine(database_url, pool=10, application="race")
    for order_id in order_ids:
        await asyncio.gather(
            *(_report_and_settle(pool, one, order_id) for one in reporters)
        )
    await pool.dispose()
    async with engine.connect() as db:
        statuses = [await order_status(db, order_id) for order_id in order_ids]
    assert statuses == [OrderStatus.COMPLETED] * len(order_ids)


async def _report_and_settle(
    pool: AsyncEngine, platform: Platform, order_id: OrderId
) -> None:
    line = {"id": format_id(Prefix.ORDER, order_id), "outcome": "not_bound"}
    async with pool.begin() as db:
        applied = await apply(db, NOON, platform.id, [line], APPLYING)
    async with pool.begin() as db:
        await settle(db, NOON, applied.touched)


async def test_settling_the_same_orders_at_once_never_deadlocks(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        platform = await a_reachable_platform(db)
        order_ids = [
            await an_order(db, carrier, asked(number=a_number(place)))
            for place in range(30)
        ]
        for order_id in order_ids:
            await bring_to(db, _key(order_id, platform), ItemStatus.NOT_BOUND)

    async def settle_all(ids: list[OrderId]) -> int:
        async with engine.begin() as db:
            return len(await settle(db, NOON, ids))

    settled = await asyncio.gather(
        *(settle_all(order_ids[:: 1 if n % 2 else -1]) for n in range(6))
    )
    assert sum(settled) == len(order_ids)


def _key(order_id: OrderId, platform: Platform) -> ItemKey:
    return ItemKey(order_id, platform.id)
