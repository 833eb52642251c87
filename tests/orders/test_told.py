"""An order is over for its carrier before its sensitive platforms have answered."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Row, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.database import open_patient_engine
from tests.support.guards import APPLYING
from tests.support.order_builders import (
    a_reachable_platform,
    an_order,
    asked,
    bring_to,
    order_status,
)
from tests.support.sweeping import sweep
from tests.support.trail import trail
from unbind_broker.base.database import Db
from unbind_broker.base.ids import OrderId, Prefix, format_id
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.callbacks.results import apply
from unbind_broker.deadlines.expiring import expire_overdue
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.notices.ending import settle
from unbind_broker.orders.states import HoldReason, OrderStatus, Scope
from unbind_broker.orders.tables import orders
from unbind_broker.platforms.service import Platform
from unbind_broker.platforms.tables import platforms

LATER = NOON + timedelta(hours=3)
TAKEN = [
    ItemStatus.ACKNOWLEDGED,
    ItemStatus.IN_PROGRESS,
    ItemStatus.ACTION_REQUIRED,
]


class Case:
    """One order for one ordinary and one sensitive platform."""

    def __init__(
        self, db: Db, order_id: OrderId, weibo: Platform, dating: Platform
    ) -> None:
        self.db = db
        self.order_id = order_id
        self.weibo = weibo
        self.dating = dating

    async def bring(self, platform: Platform, status: ItemStatus) -> None:
        await bring_to(self.db, ItemKey(self.order_id, platform.id), status)

    async def settle(self, now: datetime = NOON) -> list[UUID]:
        return await settle(self.db, now, [self.order_id])

    async def row(self) -> Row[tuple[object, ...]]:
        found = await self.db.execute(
            select(orders).where(orders.c.id == self.order_id)
        )
        return found.one()

    async def told_at(self) -> object:
        return (await self.row()).told_at

    async def facts(self) -> list[str]:
        done = ("order.told", "order.completed")
        written = await trail(self.db, "order.")
        return [one.action for one in written if one.action in done]


async def a_case(db: Db, **wanted: object) -> Case:
    carrier = await a_carrier(db)
    weibo = await a_reachable_platform(db, "weibo")
    dating = await a_reachable_platform(db, "dating", sensitive=True)
    order_id = await an_order(db, carrier, asked(**wanted))  # type: ignore[arg-type] # by name
    return Case(db, order_id, weibo, dating)


@pytest.fixture
async def case(db: Db) -> Case:
    return await a_case(db)


@pytest.mark.parametrize("status", TAKEN, ids=str)
async def test_a_sensitive_platform_that_took_it_keeps_no_carrier_waiting(
    case: Case, status: ItemStatus
) -> None:
    await case.bring(case.weibo, ItemStatus.UNBOUND)
    await case.bring(case.dating, status)
    assert await case.settle() == []
    order = await case.row()
    assert (order.status, order.told_at) == (OrderStatus.IN_PROGRESS, NOON)
    assert order.completed_at is None
    assert await case.facts() == ["order.told"]


async def test_the_truth_comes_later_and_moves_nothing_told(case: Case) -> None:
    await case.bring(case.weibo, ItemStatus.UNBOUND)
    await case.bring(case.dating, ItemStatus.ACKNOWLEDGED)
    await case.settle()
    await case.bring(case.dating, ItemStatus.UNBOUND)
    assert await case.settle(LATER) == [case.order_id]
    order = await case.row()
    assert (order.status, order.completed_at) == (OrderStatus.COMPLETED, LATER)
    assert order.told_at == NOON
    assert await case.facts() == ["order.told", "order.completed"]


async def test_settling_a_told_order_again_writes_nothing(case: Case) -> None:
    await case.bring(case.weibo, ItemStatus.UNBOUND)
    await case.bring(case.dating, ItemStatus.ACKNOWLEDGED)
    await case.settle()
    version = text("SELECT ctid::text FROM orders")
    before = (await case.db.execute(version)).scalar_one()
    assert await case.settle(LATER) == []
    assert (await case.db.execute(version)).scalar_one() == before
    assert await case.facts() == ["order.told"]


@pytest.mark.parametrize(
    ("seen", "folded"),
    [
        (ItemStatus.UNBOUND, ItemStatus.QUEUED),
        (ItemStatus.QUEUED, ItemStatus.NOT_BOUND),
        (ItemStatus.ACKNOWLEDGED, ItemStatus.ACKNOWLEDGED),
        (ItemStatus.ACTION_REQUIRED, ItemStatus.UNBOUND),
    ],
    ids=str,
)
async def test_nobody_is_told_while_something_seen_is_open_or_something_not_taken(
    case: Case, seen: ItemStatus, folded: ItemStatus
) -> None:
    await case.bring(case.weibo, seen)
    await case.bring(case.dating, folded)
    assert await case.settle() == []
    assert await case.told_at() is None


@pytest.mark.parametrize("folded", [one for one in ItemStatus if one.is_final], ids=str)
async def test_an_order_without_open_items_is_told_and_completed_at_once(
    case: Case, folded: ItemStatus
) -> None:
    await case.bring(case.weibo, ItemStatus.REFUSED)
    await case.bring(case.dating, folded)
    assert await case.settle() == [case.order_id]
    order = await case.row()
    assert order.told_at == order.completed_at == NOON
    assert await case.facts() == ["order.completed"]


async def test_the_holders_own_sensitive_platforms_are_waited_for(db: Db) -> None:
    case = await a_case(db, scope=Scope.CURRENT_OWNER, platforms=("weibo", "dating"))
    await db.execute(update(orders).values(status=OrderStatus.IN_PROGRESS))
    await case.bring(case.weibo, ItemStatus.UNBOUND)
    await case.bring(case.dating, ItemStatus.ACKNOWLEDGED)
    assert await case.settle() == []
    assert await case.told_at() is None
    await case.bring(case.dating, ItemStatus.UNBOUND)
    assert await case.settle() == [case.order_id]


async def test_what_was_told_stays_told_when_the_platform_is_sensitive_no_more(
    case: Case,
) -> None:
    await case.bring(case.weibo, ItemStatus.UNBOUND)
    await case.bring(case.dating, ItemStatus.ACKNOWLEDGED)
    await case.settle()
    await case.db.execute(update(platforms).values(sensitive=False))
    assert await case.settle(LATER) == []
    assert await case.told_at() == NOON
    await case.bring(case.dating, ItemStatus.UNBOUND)
    assert await case.settle(LATER) == [case.order_id]
    assert await case.told_at() == NOON


async def test_an_order_waits_no_longer_for_a_platform_that_became_sensitive(
    case: Case,
) -> None:
    await case.bring(case.weibo, ItemStatus.ACKNOWLEDGED)
    await case.bring(case.dating, ItemStatus.ACKNOWLEDGED)
    assert await case.settle() == []
    assert await case.told_at() is None
    await case.db.execute(update(platforms).values(sensitive=True))
    assert await sweep(case.db, LATER) == []
    assert await case.told_at() == LATER


async def test_a_sweep_tells_what_a_crash_left_untold(case: Case) -> None:
    await case.bring(case.weibo, ItemStatus.UNBOUND)
    await case.bring(case.dating, ItemStatus.IN_PROGRESS)
    assert await sweep(case.db, NOON) == []
    assert await case.told_at() == NOON
    await case.bring(case.dating, ItemStatus.REFUSED)
    assert await sweep(case.db, LATER) == [case.order_id]


async def test_a_told_order_still_ends_at_its_deadline(case: Case) -> None:
    await case.bring(case.weibo, ItemStatus.UNBOUND)
    await case.bring(case.dating, ItemStatus.IN_PROGRESS)
    await case.settle()
    deadline = (await case.db.execute(select(orders.c.deadline))).scalar_one()
    assert await expire_overdue(case.db, deadline, 10) == {case.order_id}
    assert await case.settle(deadline) == [case.order_id]
    order = await case.row()
    assert (order.told_at, order.completed_at) == (NOON, deadline)


async def test_an_order_in_the_hands_of_the_brake_can_end(case: Case) -> None:
    await case.db.execute(
        update(orders).values(status=OrderStatus.HELD, held_for=HoldReason.BRAKED)
    )
    await case.bring(case.weibo, ItemStatus.UNBOUND)
    assert await case.settle() == []
    await case.bring(case.dating, ItemStatus.ACKNOWLEDGED)
    assert await case.settle() == []
    assert await case.told_at() == NOON
    await case.bring(case.dating, ItemStatus.UNBOUND)
    assert await case.settle(LATER) == [case.order_id]
    assert await order_status(case.db, case.order_id) is OrderStatus.COMPLETED


@pytest.mark.parametrize(
    "status", [OrderStatus.COMPLETED, OrderStatus.CANCELLED], ids=str
)
async def test_a_closed_order_is_left_as_it_is(case: Case, status: OrderStatus) -> None:
    await case.db.execute(update(orders).values(status=status, completed_at=NOON))
    await case.bring(case.weibo, ItemStatus.UNBOUND)
    await case.bring(case.dating, ItemStatus.UNBOUND)
    assert await case.settle(LATER) == []
    order = await case.row()
    assert (order.status, order.completed_at) == (status, NOON)


async def test_takings_and_results_that_race_leave_nothing_untold(
    engine: AsyncEngine, database_url: str
) -> None:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        reporters = [
            await a_reachable_platform(db, f"platform-{n}", sensitive=n % 2 == 0)
            for n in range(10)
        ]
        order_ids = [
            await an_order(db, carrier, asked(number=PhoneNumber(f"+861380000{n:04}")))
            for n in range(40)
        ]
    pool = open_patient_engine(database_url, pool=10, application="race")
    for order_id in order_ids:
        await asyncio.gather(
            *(_take_and_answer(pool, one, order_id) for one in reporters)
        )
    async with pool.connect() as db:
        rows = (await db.execute(select(orders))).all()
        facts = await trail(db, "order.")
    await pool.dispose()
    assert {row.status for row in rows} == {OrderStatus.COMPLETED}
    assert all(row.told_at <= row.completed_at for row in rows)
    completed = [one for one in facts if one.action == "order.completed"]
    told = [one for one in facts if one.action == "order.told"]
    assert len(completed) == len(order_ids)
    assert len(told) >= sum(row.told_at < row.completed_at for row in rows)


async def _take_and_answer(
    pool: AsyncEngine, platform: Platform, order_id: OrderId
) -> None:
    """Take an item, then answer, each with the settling that follows it."""
    for step, outcome in enumerate(("acknowledged", "not_bound")):
        line = {"id": format_id(Prefix.ORDER, order_id), "outcome": outcome}
        now = NOON + timedelta(seconds=step, milliseconds=platform.id)
        async with pool.begin() as db:
            applied = await apply(db, now, platform.id, [line], APPLYING)
        async with pool.begin() as db:
            await settle(db, now, applied.touched)


async def test_an_order_is_told_once_however_many_settle_it(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as db:
        case = await a_case(db)
        await case.bring(case.weibo, ItemStatus.UNBOUND)
        await case.bring(case.dating, ItemStatus.ACKNOWLEDGED)

    async def settle_it(place: int) -> None:
        async with engine.begin() as db:
            await settle(db, NOON + timedelta(seconds=place), [case.order_id])

    await asyncio.gather(*(settle_it(place) for place in range(8)))
    async with engine.connect() as db:
        told = await trail(db, "order.told")
    assert len(told) == 1
