"""Which items join which, and what they have at once."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.joining import a_number, followed_by, key_of
from tests.support.order_builders import (
    a_reachable_platform,
    an_order,
    asked,
    bring_to,
    item_row,
    many_orders,
    order_status,
)
from tests.support.plans import plan_of
from tests.support.trail import trail
from unbind_broker.base.database import Db
from unbind_broker.base.ids import OrderId, new_uuid7
from unbind_broker.carriers.service import Carrier
from unbind_broker.intake import joining
from unbind_broker.intake.asked import Asked
from unbind_broker.items.states import ItemStatus, Reason
from unbind_broker.items.tables import items
from unbind_broker.orders.states import (
    Action,
    HoldReason,
    OrderKind,
    OrderStatus,
    Scope,
)
from unbind_broker.orders.tables import disputes, orders
from unbind_broker.platforms.service import Platform, suspend

WINDOW = timedelta(days=30)
SOON = NOON + timedelta(minutes=1)
BOTH = ("close_account", "detach")


class World:
    """A carrier that asked once, and a platform that it asked."""

    def __init__(self, db: Db, carrier: Carrier, platform: Platform) -> None:
        self.db = db
        self.carrier = carrier
        self.platform = platform

    async def ask(self, wanted: Asked | None = None, now: datetime = NOON) -> OrderId:
        return await an_order(self.db, self.carrier, wanted or asked(now=now), now=now)

    async def bring(
        self, order_id: UUID, status: ItemStatus, now: datetime = NOON
    ) -> None:
        await bring_to(self.db, key_of(order_id, self.platform), status, now=now)

    async def follows(self, order_id: OrderId) -> UUID | None:
        return await followed_by(self.db, order_id, self.platform)

    async def item(self, order_id: UUID) -> Any:
        return await item_row(self.db, key_of(order_id, self.platform))

    async def restore(
        self, of: OrderId, finished_at: datetime | None, now: datetime
    ) -> None:
        """An order that undoes ``of``, with an item of the platform."""
        found = await self.db.execute(select(orders).where(orders.c.id == of))
        row = dict(found.mappings().one())
        made = new_uuid7(now)
        changed = {"id": made, "kind": OrderKind.RESTORE, "restores": of}
        await self.db.execute(insert(orders), [{**row, **changed, "created_at": now}])
        item = {"order_id": made, "platform_id": self.platform.id, "attempts": 1}
        state = ItemStatus.RESTORED if finished_at else ItemStatus.ACKNOWLEDGED
        item |= {"status": state, "late": False, "finished_at": finished_at}
        await self.db.execute(insert(items), [item])


@pytest.fixture
async def world(db: Db) -> World:
    carrier = await a_carrier(db)
    return World(db, carrier, await a_reachable_platform(db, capabilities=BOTH))


@pytest.mark.parametrize("status", [one for one in ItemStatus if not one.is_final])
@pytest.mark.parametrize("kind", [OrderKind.QUERY, OrderKind.UNBIND])
async def test_an_open_item_is_joined_with_all_that_is_told_of_it(
    world: World, kind: OrderKind, status: ItemStatus
) -> None:
    first = await world.ask(asked(kind))
    await world.bring(first, status)
    second = await world.ask(asked(kind, now=SOON), SOON)
    item = await world.item(second)
    assert (item.follows, item.status, item.attempts) == (first, status, 0)
    assert item.acknowledged_at == (None if status is ItemStatus.QUEUED else SOON)
    assert item.finished_at is None
    assert (await world.item(first)).followed


RESULTS = [one for one in ItemStatus if one.is_final]


@pytest.mark.parametrize("status", RESULTS)
async def test_only_a_result_that_leaves_nothing_is_joined(
    world: World, status: ItemStatus
) -> None:
    first = await world.ask()
    await world.bring(first, status)
    second = await world.ask(asked(now=SOON), SOON)
    joined = status in {ItemStatus.UNBOUND, ItemStatus.NOT_BOUND}
    item = await world.item(second)
    assert item.follows == (first if joined else None)
    assert item.status is (status if joined else ItemStatus.QUEUED)
    assert item.finished_at == (SOON if joined else None)


@pytest.mark.parametrize("status", RESULTS)
async def test_results_about_the_present_holder_are_never_joined(
    world: World, status: ItemStatus
) -> None:
    wanted = asked(scope=Scope.CURRENT_OWNER, platforms=("weibo",))
    await world.bring(await world.ask(wanted), status)
    assert await world.follows(await world.ask(wanted, SOON)) is None


@pytest.mark.parametrize(
    ("age", "joined"),
    [
        (timedelta(0), True),
        (WINDOW, True),
        (WINDOW + timedelta(microseconds=1), False),
        (timedelta(days=90), False),
    ],
)
async def test_a_result_is_joined_for_thirty_days(
    world: World, age: timedelta, *, joined: bool
) -> None:
    first = await world.ask()
    await world.bring(first, ItemStatus.UNBOUND)
    then = NOON + age
    second = await world.ask(asked(now=then), then)
    assert await world.follows(second) == (first if joined else None)


async def test_joining_does_not_make_a_result_younger(world: World) -> None:
    first = await world.ask()
    await world.bring(first, ItemStatus.NOT_BOUND)
    for days, joined in ((20, True), (31, False)):
        then = NOON + timedelta(days=days)
        later = await world.ask(asked(now=then), then)
        assert await world.follows(later) == (first if joined else None)


OWN = asked(scope=Scope.CURRENT_OWNER, platforms=("weibo",))
UNLIKE: dict[str, tuple[Asked, Asked]] = {
    "number": (asked(), asked(number=a_number(77))),
    "platform": (asked(platforms=("douyin",)), asked(platforms=("weibo",))),
    "kind": (asked(OrderKind.QUERY), asked()),
    "scope": (asked(platforms=("weibo",)), OWN),
    "cutoff": (asked(), asked(owner_since=date(2025, 3, 2))),
    "action": (OWN, replace(OWN, action=Action.CLOSE_ACCOUNT)),
}


@pytest.mark.parametrize("difference", UNLIKE)
async def test_what_differs_is_asked(world: World, difference: str) -> None:
    await a_reachable_platform(world.db, "douyin")
    earlier, later = UNLIKE[difference]
    await world.ask(earlier)
    second = await world.ask(later, SOON)
    assert await world.follows(second) is None


async def test_equal_orders_about_the_present_holder_join_while_they_are_held(
    world: World,
) -> None:
    first = await world.ask(OWN)
    second = await world.ask(OWN, SOON)
    assert await world.follows(second) == first
    assert await order_status(world.db, second) is OrderStatus.HELD


async def test_it_does_not_matter_which_carrier_asked(world: World) -> None:
    first = await world.ask()
    other = await a_carrier(world.db, "china-unicom")
    second = await an_order(world.db, other, asked(now=SOON), now=SOON)
    assert await world.follows(second) == first


async def test_a_follower_leads_nobody(world: World) -> None:
    first = await world.ask()
    await world.ask(asked(now=SOON), SOON)
    assert await world.follows(await world.ask(asked(now=SOON), SOON)) == first


async def test_of_several_open_items_the_newest_is_joined(world: World) -> None:
    await world.ask()
    rechecked = await world.ask(replace(asked(now=SOON), recheck=True), SOON)
    assert await world.follows(await world.ask(asked(now=SOON), SOON)) == rechecked


async def test_an_open_item_is_joined_rather_than_a_result(world: World) -> None:
    first = await world.ask()
    await world.bring(first, ItemStatus.UNBOUND)
    rechecked = await world.ask(replace(asked(now=SOON), recheck=True), SOON)
    assert await world.follows(await world.ask(asked(now=SOON), SOON)) == rechecked


async def test_a_result_that_a_newer_one_contradicts_is_not_joined(
    world: World,
) -> None:
    first = await world.ask()
    await world.bring(first, ItemStatus.UNBOUND)
    rechecked = await world.ask(replace(asked(now=SOON), recheck=True), SOON)
    await world.bring(rechecked, ItemStatus.REFUSED, SOON)
    assert await world.follows(await world.ask(asked(now=SOON), SOON)) is None


async def test_a_hidden_order_is_not_joined(world: World) -> None:
    first = await world.ask()
    hide = update(orders).where(orders.c.id == first).values(hidden=True)
    await world.db.execute(hide)
    assert await world.follows(await world.ask(asked(now=SOON), SOON)) is None


async def test_an_order_of_destroyed_number_is_not_joined(world: World) -> None:
    first = await world.ask()
    await world.bring(first, ItemStatus.UNBOUND)
    gone = {"number_index": None, "number_sealed": None, "destroyed_at": SOON}
    await world.db.execute(update(orders).values(gone))
    assert await world.follows(await world.ask(asked(now=SOON), SOON)) is None


async def test_what_is_overdue_is_not_joined(world: World) -> None:
    first = await world.ask(asked(OrderKind.QUERY))
    late = NOON + timedelta(minutes=10)
    second = await world.ask(asked(OrderKind.QUERY, now=late), late)
    assert await world.follows(second) is None
    assert not (await world.item(first)).followed


@pytest.mark.parametrize(
    ("restored_after", "joined"),
    [(timedelta(minutes=-1), True), (timedelta(0), False), (None, False)],
)
async def test_what_was_restored_meanwhile_is_asked_again(
    world: World, restored_after: timedelta | None, *, joined: bool
) -> None:
    first = await world.ask()
    finished_at = NOON + timedelta(minutes=2)
    await world.bring(first, ItemStatus.UNBOUND, finished_at)
    restored = None if restored_after is None else finished_at + restored_after
    await world.restore(first, restored, NOON)
    later = NOON + timedelta(minutes=9)
    second = await world.ask(asked(now=later), later)
    assert await world.follows(second) == (first if joined else None)


@pytest.mark.parametrize("status", [ItemStatus.QUEUED, ItemStatus.ACKNOWLEDGED])
async def test_nobody_waits_for_a_brake_on_somebody_else(
    world: World, status: ItemStatus
) -> None:
    first = await world.ask()
    await world.bring(first, status)
    held = {"status": OrderStatus.HELD, "held_for": HoldReason.BRAKED}
    await world.db.execute(update(orders).values(held))
    sent = status is not ItemStatus.QUEUED
    second = await world.ask(asked(now=SOON), SOON)
    assert await world.follows(second) == (first if sent else None)


@pytest.mark.parametrize("kind", [OrderKind.QUERY, OrderKind.UNBIND])
@pytest.mark.parametrize("status", [ItemStatus.ACKNOWLEDGED, ItemStatus.NOT_BOUND])
async def test_sensitive_platforms_are_asked_anew_whoever_else_asked(
    world: World, kind: OrderKind, status: ItemStatus
) -> None:
    other = await a_carrier(world.db, "china-unicom")
    dating = await a_reachable_platform(world.db, "dating", sensitive=True)
    first = await world.ask(asked(kind))
    await bring_to(world.db, key_of(first, dating), status)
    await world.bring(first, status)
    second = await an_order(world.db, other, asked(kind, now=SOON), now=SOON)
    assert await followed_by(world.db, second, dating) is None
    assert await world.follows(second) == first


async def test_a_sensitive_platform_of_the_present_holder_is_asked_once(
    world: World,
) -> None:
    dating = await a_reachable_platform(world.db, "dating", sensitive=True)
    wanted = asked(scope=Scope.CURRENT_OWNER, platforms=("dating",))
    first = await world.ask(wanted)
    second = await world.ask(wanted, SOON)
    assert await followed_by(world.db, second, dating) == first


async def test_a_result_is_joined_with_its_figures(world: World) -> None:
    first = await world.ask()
    await world.bring(first, ItemStatus.UNBOUND)
    told = {
        "removed": 2,
        "last_bound_at": NOON - timedelta(days=900),
        "restorable_until": NOON + timedelta(days=7),
        "detail": "words",
        "evidence_id": UUID(int=7),
        "late": True,
    }
    await world.db.execute(update(items).values(told))
    item = await world.item(await world.ask(asked(now=SOON), SOON))
    copied = {name: getattr(item, name) for name in told}
    assert copied == {**told, "late": False}
    assert (item.acknowledged_at, item.finished_at) == (SOON, SOON)


async def test_an_order_whose_items_all_join_results_is_complete(world: World) -> None:
    await world.bring(await world.ask(), ItemStatus.UNBOUND)
    second = await world.ask(asked(now=SOON), SOON)
    row = (await world.db.execute(select(orders).where(orders.c.id == second))).one()
    assert row.status is OrderStatus.COMPLETED
    assert (row.completed_at, row.told_at) == (SOON, SOON)
    (_, fact) = await trail(world.db, "order.accepted")
    assert (fact.facts["items"], fact.facts["joined"]) == (1, 1)


async def test_what_is_not_there_yet_is_asked_besides(world: World) -> None:
    first = await world.ask()
    await world.bring(first, ItemStatus.UNBOUND)
    new = await a_reachable_platform(world.db, "new")
    second = await world.ask(asked(now=SOON), SOON)
    assert await world.follows(second) == first
    assert await followed_by(world.db, second, new) is None
    assert await order_status(world.db, second) is OrderStatus.IN_PROGRESS


async def test_a_platform_that_receives_nothing_now_is_left_out(world: World) -> None:
    await a_reachable_platform(world.db, "douyin")
    await world.ask()
    await suspend(world.db, NOON, "weibo", "test")
    second = await world.ask(asked(now=SOON), SOON)
    found = await world.db.execute(
        select(items.c.platform_id).where(items.c.order_id == second)
    )
    assert world.platform.id not in set(found.scalars())


async def disputed(db: Db) -> list[tuple[UUID, int, UUID]]:
    columns = disputes.c
    found = await db.execute(
        select(columns.order_id, columns.platform_id, columns.disputed_order_id)
    )
    return [(row.order_id, row.platform_id, row.disputed_order_id) for row in found]


async def test_a_recheck_asks_again_and_disputes_the_result(world: World) -> None:
    first = await world.ask()
    await world.bring(first, ItemStatus.NOT_BOUND)
    second = await world.ask(replace(asked(now=SOON), recheck=True), SOON)
    item = await world.item(second)
    assert (item.follows, item.status) == (None, ItemStatus.QUEUED)
    assert await disputed(world.db) == [(second, world.platform.id, first)]
    (fact,) = await trail(world.db, "result.disputed")
    assert fact.actor == "carrier:china-mobile"
    assert fact.facts["platforms"] == [world.platform.id]


UNJOINABLE = set(ItemStatus) - {ItemStatus.UNBOUND, ItemStatus.NOT_BOUND}


@pytest.mark.parametrize("status", sorted(UNJOINABLE))
async def test_a_recheck_disputes_nothing_that_would_not_be_joined_as_a_result(
    world: World, status: ItemStatus
) -> None:
    await world.bring(await world.ask(), status)
    second = await world.ask(replace(asked(now=SOON), recheck=True), SOON)
    assert await world.follows(second) is None
    assert await disputed(world.db) == []


async def test_a_recheck_does_not_tell_that_a_sensitive_platform_answered(
    world: World,
) -> None:
    dating = await a_reachable_platform(world.db, "dating", sensitive=True)
    first = await world.ask(asked(platforms=("dating",)))
    await bring_to(world.db, key_of(first, dating), ItemStatus.NOT_BOUND)
    wanted = replace(asked(platforms=("dating",), now=SOON), recheck=True)
    await world.ask(wanted, SOON)
    assert await disputed(world.db) == []


async def test_a_number_that_was_not_asked_about_costs_no_lookup(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        await a_reachable_platform(db)
    statements: list[str] = []

    def note(*call: object) -> None:
        statements.append(str(call[2]).strip())

    async def lookups() -> int:
        statements.clear()
        async with engine.begin() as db:
            await an_order(db, carrier)
        return sum("cutoff = " in one and "FROM orders" in one for one in statements)

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    assert await lookups() == 0
    assert not [one for one in statements if "FOR NO KEY UPDATE" in one]
    assert await lookups() == 1
    event.remove(engine.sync_engine, "before_cursor_execute", note)


async def test_equal_orders_are_found_by_the_number_among_many(db: Db) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db)
    order_id = await an_order(db, carrier)
    await many_orders(db, carrier, 3000, like=order_id)
    await db.execute(
        text(
            "UPDATE orders SET number_index = uuid_send(id) WHERE id <> :order"
        ).bindparams(order=order_id)
    )
    for table in ("orders", "items"):
        await db.execute(text(f"ANALYZE {table}"))
    row = (await db.execute(select(orders).where(orders.c.id == order_id))).one()
    asked_for = {
        "number": row.number_index,
        "carrier": carrier.id,
        "kind": row.kind.code,
        "scope": row.scope.code,
        "cutoff": row.cutoff,
        "action": row.action.code,
    }
    plan = await plan_of(db, joining._OTHERS, asked_for)
    assert "number_index_id_idx" in plan, plan
    assert "Seq Scan on orders_2026_11" not in plan, plan
    locked = {
        "orders": [order_id],
        "restores": [],
        "chosen": None,
        "folds": True,
        "now": NOON,
    }
    plan = await plan_of(db, joining._LOCK_EARLIER, locked)
    assert "Seq Scan on items_2026_11" not in plan, plan
    assert "Seq Scan on orders_2026_11" not in plan, plan


async def test_what_the_platform_told_on_the_way_is_there_at_once(
    world: World,
) -> None:
    first = await world.ask()
    await world.bring(first, ItemStatus.IN_PROGRESS)
    told = {"detail": "on it", "expected_at": SOON, "reason": Reason.OTHER}
    await world.db.execute(update(items).values(told))
    item = await world.item(await world.ask(asked(now=SOON), SOON))
    assert {name: getattr(item, name) for name in told} == told
