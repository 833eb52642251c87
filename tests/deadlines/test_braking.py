"""The brake's clock holds and lets go whatever the brake itself did not."""

from datetime import timedelta

from sqlalchemy import select, text, update

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.guards import BRAKE, orders_of_their_own
from tests.support.order_builders import (
    a_reachable_platform,
    an_order,
    asked,
    many_orders,
    order_status,
)
from tests.support.plans import plan_of
from tests.support.trail import trail
from unbind_broker.base.database import Db
from unbind_broker.carriers.brakes import engage, engaged, release
from unbind_broker.carriers.marks import Tally, mark
from unbind_broker.deadlines.braking import consider_recent, keep_brake
from unbind_broker.deadlines.expiring import expire_overdue
from unbind_broker.deadlines.releasing import release_held
from unbind_broker.notices.ending import settle
from unbind_broker.orders.braking import _HOLD, _RELEASE
from unbind_broker.orders.states import OrderKind, OrderStatus, Scope
from unbind_broker.orders.tables import order_log, orders

WINDOW_PAST = NOON + timedelta(hours=24)
DEADLINE_PAST = NOON + timedelta(days=30)


async def test_all_orders_of_a_braked_carrier_are_held_in_bounded_steps(db: Db) -> None:
    mobile, unicom = await a_carrier(db), await a_carrier(db, "china-unicom")
    await a_reachable_platform(db)
    mine = await orders_of_their_own(db, mobile, 3)
    (other,) = await orders_of_their_own(db, unicom, 1)
    (query,) = await orders_of_their_own(db, mobile, 1, OrderKind.QUERY)
    assert (await keep_brake(db, NOON, 2)).held == []
    await engage(db, NOON, mobile.id, "wrong dates", "admin:1")
    steps = [(await keep_brake(db, NOON, 2)).held for _ in range(3)]
    assert [len(step) for step in steps] == [2, 1, 0]
    assert {*steps[0], *steps[1]} == set(mine)
    assert await order_status(db, other) is OrderStatus.IN_PROGRESS
    assert await order_status(db, query) is OrderStatus.IN_PROGRESS
    assert len(await trail(db, "order.held")) == 3


async def test_they_are_let_go_in_bounded_steps_once_no_brake_holds_them(
    db: Db,
) -> None:
    mobile, unicom = await a_carrier(db), await a_carrier(db, "china-unicom")
    await a_reachable_platform(db)
    mine = await orders_of_their_own(db, mobile, 3)
    (other,) = await orders_of_their_own(db, unicom, 1)
    await engage(db, NOON, None, "drill", "admin:1")
    await engage(db, NOON, unicom.id, "wrong dates", "admin:1")
    assert len((await keep_brake(db, NOON, 10)).held) == 4
    await db.execute(order_log.delete())
    await release(db, NOON, None, "over", "admin:1")
    steps = [(await keep_brake(db, NOON, 2)).released for _ in range(3)]
    assert [len(step) for step in steps] == [2, 1, 0]
    assert {*steps[0], *steps[1]} == set(mine)
    logged = await db.execute(select(order_log.c.order_id))
    assert set(logged.scalars()) == set(mine)
    assert await order_status(db, other) is OrderStatus.HELD


async def test_an_undo_window_that_ends_under_the_brake_releases_nothing(
    db: Db,
) -> None:
    mobile, unicom = await a_carrier(db), await a_carrier(db, "china-unicom")
    await a_reachable_platform(db)
    wanted = asked(scope=Scope.CURRENT_OWNER, platforms=("weibo",))
    mine = await an_order(db, mobile, wanted)
    await engage(db, NOON, mobile.id, "wrong dates", "admin:1")
    assert await release_held(db, WINDOW_PAST, 10) == set()
    await engage(db, NOON, None, "drill", "admin:1")
    await release(db, NOON, mobile.id, "mended", "admin:1")
    assert await release_held(db, WINDOW_PAST, 10) == set()
    assert (await keep_brake(db, WINDOW_PAST, 10)).released == []
    await release(db, NOON, None, "over", "admin:1")
    await engage(db, NOON, unicom.id, "wrong dates", "admin:1")
    assert (await keep_brake(db, WINDOW_PAST, 10)).released == []
    assert await release_held(db, WINDOW_PAST, 10) == {mine}


async def test_a_held_query_is_released_whatever_is_braked(db: Db) -> None:
    mobile = await a_carrier(db)
    await a_reachable_platform(db)
    (query,) = await orders_of_their_own(db, mobile, 1, OrderKind.QUERY)
    held = {"status": OrderStatus.HELD, "held_until": NOON}
    await db.execute(update(orders).values(held))
    await db.execute(order_log.delete())
    await engage(db, NOON, None, "drill", "admin:1")
    assert await release_held(db, NOON, 10) == {query}


async def test_what_the_brake_holds_still_expires(db: Db) -> None:
    mobile = await a_carrier(db)
    await a_reachable_platform(db)
    (order_id,) = await orders_of_their_own(db, mobile, 1)
    await engage(db, NOON, mobile.id, "wrong dates", "admin:1")
    await keep_brake(db, NOON, 10)
    assert await expire_overdue(db, DEADLINE_PAST, 10) == {order_id}
    assert (await keep_brake(db, DEADLINE_PAST, 10)).held == []
    assert await settle(db, DEADLINE_PAST, {order_id}) == [order_id]
    await release(db, NOON, mobile.id, "mended", "admin:1")
    assert (await keep_brake(db, DEADLINE_PAST, 10)).released == []


async def test_results_that_a_crash_left_unconsidered_brake_later(db: Db) -> None:
    mobile, unicom = await a_carrier(db), await a_carrier(db, "china-unicom")
    await mark(db, NOON, {mobile.id: Tally(9, 9)})
    await mark(db, NOON - timedelta(minutes=2), {unicom.id: Tally(9, 9)})
    a_moment_later = NOON + timedelta(seconds=5)
    assert await consider_recent(db, a_moment_later, BRAKE) == {mobile.id}
    assert await consider_recent(db, a_moment_later, BRAKE) == set()
    assert [brake.carrier for brake in await engaged(db)] == ["china-mobile"]


async def test_orders_to_move_are_found_by_index_among_many(db: Db) -> None:
    mobile = await a_carrier(db)
    await a_reachable_platform(db)
    (one,) = await orders_of_their_own(db, mobile, 1)
    await many_orders(db, mobile, 3000, like=one)
    await db.execute(update(orders).values(status=OrderStatus.COMPLETED))
    await db.execute(text("ANALYZE orders"))
    values = {"everybody": False, "carriers": [mobile.id], "limit": 500}
    hold = await plan_of(db, _HOLD, {**values, "now": NOON})
    let_go = await plan_of(db, _RELEASE, values)
    for plan in (hold, let_go):
        first = plan.split("->  Hash")[0]
        assert "deadline_idx" in first or "held_until_idx" in first, plan
