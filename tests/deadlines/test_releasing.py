from datetime import timedelta

from sqlalchemy import func, select

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.order_builders import (
    a_reachable_platform,
    an_order,
    asked,
    order_status,
)
from unbind_broker.audit.tables import audit_events
from unbind_broker.base.database import Db
from unbind_broker.base.ids import OrderId
from unbind_broker.carriers.service import Carrier
from unbind_broker.deadlines.releasing import release_held
from unbind_broker.orders.states import OrderStatus, Scope
from unbind_broker.orders.tables import order_log

WINDOW_PAST = NOON + timedelta(hours=24)


async def a_held_order(db: Db, carrier: Carrier) -> OrderId:
    wanted = asked(scope=Scope.CURRENT_OWNER, platforms=("weibo",))
    return await an_order(db, carrier, wanted)


async def test_a_held_order_goes_when_its_window_has_passed(db: Db) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db)
    order_id = await a_held_order(db, carrier)
    just_before = WINDOW_PAST - timedelta(microseconds=1)
    assert await release_held(db, just_before, 10) == set()
    assert await order_status(db, order_id) is OrderStatus.HELD
    assert await release_held(db, WINDOW_PAST, 10) == {order_id}
    assert await order_status(db, order_id) is OrderStatus.IN_PROGRESS
    logged = await db.execute(
        select(order_log.c.xid).where(order_log.c.order_id == order_id)
    )
    own_xid = await db.execute(select(func.pg_current_xact_id()))
    assert logged.scalars().all() == [int(own_xid.scalar_one())]
    told = await db.execute(
        select(audit_events.c.action).where(audit_events.c.order_id == order_id)
    )
    assert "order.released" in told.scalars().all()


async def test_an_order_is_released_once(db: Db) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db)
    await a_held_order(db, carrier)
    assert await release_held(db, WINDOW_PAST, 10)
    assert await release_held(db, WINDOW_PAST, 10) == set()


async def test_releases_come_in_bounds(db: Db) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db)
    held = {await a_held_order(db, carrier) for _ in range(3)}
    first = await release_held(db, WINDOW_PAST, 2)
    second = await release_held(db, WINDOW_PAST, 2)
    assert (len(first), len(second)) == (2, 1)
    assert first | second == held
