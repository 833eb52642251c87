"""A query that its carrier asked a moment ago answers for those that repeat it."""

import asyncio
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier, an_endpoint
from tests.support.clock import NOON
from tests.support.joining import a_number, key_of
from tests.support.order_builders import (
    POLICY,
    a_reachable_platform,
    an_order,
    asked,
    bring_to,
    item_row,
    order_status,
)
from tests.support.trail import trail
from unbind_broker.base.database import Db
from unbind_broker.base.ids import OrderId
from unbind_broker.carriers.service import Carrier
from unbind_broker.deadlines.expiring import expire_overdue
from unbind_broker.deliveries.joining import mend_astray, promote
from unbind_broker.deliveries.tables import deliveries, undelivered
from unbind_broker.intake.asked import Asked
from unbind_broker.intake.crowding import REPETITIONS, TooManyOpenOrders
from unbind_broker.items.joining import pass_on
from unbind_broker.items.service import mark_undeliverable
from unbind_broker.items.states import OUTCOMES, ItemStatus, Reason
from unbind_broker.items.tables import items
from unbind_broker.notices.calling_back import call_back
from unbind_broker.notices.tables import order_changes
from unbind_broker.orders.states import OrderKind, OrderStatus, Scope
from unbind_broker.orders.tables import orders
from unbind_broker.platforms.service import Platform, suspend

VALIDITY = timedelta(minutes=10)
SOON = NOON + timedelta(minutes=1)
QUERY = OrderKind.QUERY


class World:
    """A carrier, a platform, and a sensitive one."""

    def __init__(self, db: Db, carrier: Carrier, *platforms: Platform) -> None:
        self.db = db
        self.carrier = carrier
        self.weibo, self.dating = platforms

    async def ask(self, now: datetime = NOON, **changes: Any) -> OrderId:
        return await self.place(asked(QUERY, now=now, **changes), now)

    async def place(self, wanted: Asked, now: datetime = NOON) -> OrderId:
        return await an_order(self.db, self.carrier, wanted, now=now)

    async def bring(self, query: UUID, status: ItemStatus) -> None:
        for platform in (self.weibo, self.dating):
            await bring_to(self.db, key_of(query, platform), status)

    async def leaders(self, query: UUID) -> set[UUID | None]:
        """Whom the items of a query follow."""
        found = select(items.c.follows).where(items.c.order_id == query)
        return set((await self.db.execute(found)).scalars())

    async def statuses(self, query: UUID) -> list[ItemStatus]:
        found = (
            select(items.c.status)
            .where(items.c.order_id == query)
            .order_by(items.c.platform_id)
        )
        return list((await self.db.execute(found)).scalars())

    async def row(self, query: UUID) -> Any:
        found = await self.db.execute(select(orders).where(orders.c.id == query))
        return found.one()


@pytest.fixture
async def world(db: Db) -> World:
    carrier = await a_carrier(db)
    weibo = await a_reachable_platform(db, "weibo")
    dating = await a_reachable_platform(db, "dating", sensitive=True)
    return World(db, carrier, weibo, dating)


POSSIBLE = [
    ItemStatus.QUEUED,
    *sorted(OUTCOMES[QUERY]),
    ItemStatus.EXPIRED,
    ItemStatus.UNDELIVERABLE,
]


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("status", POSSIBLE)
async def test_a_repeated_query_has_all_that_the_earlier_one_has(
    world: World, status: ItemStatus, scope: Scope
) -> None:
    first = await world.ask(scope=scope)
    await world.bring(first, status)
    again = await world.ask(SOON, scope=scope)
    assert await world.leaders(again) == {first}
    assert await world.statuses(again) == [status, status]
    over = OrderStatus.COMPLETED if status.is_final else OrderStatus.IN_PROGRESS
    assert await order_status(world.db, again) is over


async def test_both_have_one_deadline_and_one_interval(world: World) -> None:
    first = await world.row(await world.ask(scope=Scope.CURRENT_OWNER))
    again = await world.row(await world.ask(SOON, scope=Scope.CURRENT_OWNER))
    for name in ("deadline", "bound_from", "bound_before"):
        assert getattr(again, name) == getattr(first, name)
    assert (again.query_id, again.created_at) == (first.id, SOON)
    facts = [one.facts for one in await trail(world.db, "order.accepted")]
    assert ["repeats" in one for one in facts] == [False, True]


@pytest.mark.parametrize(
    ("age", "joined"), [(VALIDITY - timedelta(microseconds=1), True), (VALIDITY, False)]
)
async def test_a_query_answers_while_it_is_valid(
    world: World, age: timedelta, *, joined: bool
) -> None:
    first = await world.ask()
    await world.bring(first, ItemStatus.BOUND)
    again = await world.ask(NOON + age)
    assert await world.leaders(again) == {first if joined else None}


async def test_repeating_makes_an_answer_no_younger(world: World) -> None:
    first = await world.ask()
    await world.bring(first, ItemStatus.BOUND)
    assert await world.leaders(await world.ask(NOON + VALIDITY * 0.9)) == {first}
    assert await world.leaders(await world.ask(NOON + VALIDITY * 1.1)) == {None}


OTHER_QUERIES: dict[str, dict[str, Any]] = {
    "number": {"number": a_number(77)},
    "date": {"owner_since": date(2025, 3, 2)},
    "scope": {"scope": Scope.CURRENT_OWNER},
}


@pytest.mark.parametrize("difference", OTHER_QUERIES)
async def test_another_question_is_asked(world: World, difference: str) -> None:
    await world.bring(await world.ask(), ItemStatus.BOUND)
    again = await world.ask(SOON, **OTHER_QUERIES[difference])
    assert await world.leaders(again) == {None}


async def test_so_is_that_of_another_carrier(world: World) -> None:
    await world.bring(await world.ask(), ItemStatus.BOUND)
    other = await a_carrier(world.db, "china-unicom")
    again = await an_order(world.db, other, asked(QUERY, now=SOON), now=SOON)
    assert await world.leaders(again) == {None}


async def test_a_recheck_is_asked_and_answers_from_then_on(world: World) -> None:
    await world.bring(await world.ask(), ItemStatus.BOUND)
    wanted = replace(asked(QUERY, now=SOON), recheck=True)
    again = await world.place(wanted, SOON)
    assert await world.leaders(again) == {None}
    assert await world.leaders(await world.ask(SOON)) == {again}


async def test_some_of_the_platforms_are_answered_from_all(world: World) -> None:
    first = await world.ask()
    await world.bring(first, ItemStatus.BOUND)
    again = await world.ask(SOON, platforms=("dating",))
    assert await world.leaders(again) == {first}
    assert await world.statuses(again) == [ItemStatus.BOUND]


async def test_all_are_not_answered_from_some(world: World) -> None:
    first = await world.ask(platforms=("dating",))
    await bring_to(world.db, key_of(first, world.dating), ItemStatus.BOUND)
    assert await world.leaders(await world.ask(SOON)) == {None}


async def test_who_was_suspended_since_is_left_out(world: World) -> None:
    first = await world.ask()
    await suspend(world.db, SOON, "weibo", "test")
    again = await world.ask(SOON)
    assert len(await world.statuses(again)) == 1
    assert await world.leaders(again) == {first}


@pytest.mark.parametrize("status", [OrderStatus.CANCELLED, OrderStatus.HELD])
async def test_what_was_called_back_or_waits_answers_nobody(
    world: World, status: OrderStatus
) -> None:
    first = await world.ask()
    await world.bring(first, ItemStatus.CANCELLED)
    changed = {"status": status, "told_at": SOON, "completed_at": SOON}
    await world.db.execute(update(orders).values(changed))
    assert await world.leaders(await world.ask(SOON)) == {None}


async def test_what_was_told_before_it_was_called_back_answers(world: World) -> None:
    first = await world.ask()
    await world.bring(first, ItemStatus.CANCELLED)
    changed = {
        "status": OrderStatus.CANCELLED,
        "told_at": NOON,
        "completed_at": SOON,
    }
    await world.db.execute(update(orders).values(changed))
    assert await world.leaders(await world.ask(SOON)) == {first}


async def test_whoever_had_something_changed_since_is_answered_anew(
    world: World,
) -> None:
    first = await world.ask()
    await world.bring(first, ItemStatus.BOUND)
    await world.place(asked(now=SOON), SOON)
    later = SOON + timedelta(minutes=1)
    assert first not in await world.leaders(await world.ask(later))


async def test_anothers_order_changes_nothing_of_that(world: World) -> None:
    first = await world.ask()
    await world.bring(first, ItemStatus.BOUND)
    other = await a_carrier(world.db, "china-unicom")
    await an_order(world.db, other, asked(now=SOON), now=SOON)
    assert await world.leaders(await world.ask(SOON)) == {first}


async def test_what_comes_later_is_passed_on(world: World) -> None:
    first = await world.ask()
    again = [await world.ask(SOON) for _ in range(3)]
    await world.bring(first, ItemStatus.BOUND)
    keys = [key_of(first, one) for one in (world.weibo, world.dating)]
    assert await pass_on(world.db, SOON, keys) == set(again)
    for query in again:
        assert await world.statuses(query) == [ItemStatus.BOUND, ItemStatus.BOUND]


async def test_what_nobody_takes_is_sent_for_no_repetition(world: World) -> None:
    first = await world.ask()
    again = await world.ask(SOON)
    key = key_of(first, world.dating)
    assert await mark_undeliverable(world.db, SOON, [key]) == [key]
    assert await pass_on(world.db, SOON, [key]) == {again}
    assert (await promote(world.db, SOON, [key])).leading == []
    item = await item_row(world.db, key_of(again, world.dating))
    assert (item.status, item.follows) == (ItemStatus.UNDELIVERABLE, first)


async def test_a_repetition_outlives_what_was_called_back_alone(world: World) -> None:
    first = await world.ask()
    again = await world.ask(SOON)
    await call_back(world.db, SOON, [first], Reason.NUMBER_DISCONNECTED, "test")
    assert await world.leaders(again) == {None}
    assert await world.statuses(again) == [ItemStatus.QUEUED, ItemStatus.QUEUED]


async def called_back(world: World, query: UUID, now: datetime = SOON) -> None:
    assert await call_back(world.db, now, [query], Reason.BY_CARRIER, "test") == [query]


async def ended_once(world: World) -> set[UUID]:
    """Of which queries the sensitive platform's part is over, though it waits."""
    rows = select(undelivered.c.order_id).where(
        undelivered.c.platform_id == world.dating.id
    )
    return set((await world.db.execute(rows)).scalars())


async def test_a_sensitive_part_that_was_taken_stays_finished(world: World) -> None:
    first = await world.ask()
    second, third = await world.ask(SOON), await world.ask(SOON)
    key = key_of(first, world.dating)
    await bring_to(world.db, key, ItemStatus.ACKNOWLEDGED)
    await pass_on(world.db, SOON, [key])
    await called_back(world, first)
    assert await ended_once(world) == {second, third}
    rows = await world.db.execute(select(deliveries).order_by(deliveries.c.endpoint_id))
    occasions = [row.occasion for row in rows if row.order_id == second]
    assert [one is None for one in occasions] == [True, False]


async def test_what_outlives_it_is_news_where_it_shows(world: World) -> None:
    await an_endpoint(world.db, world.carrier)
    first = await world.ask()
    second = await world.ask(SOON)
    key = key_of(first, world.weibo)
    await called_back(world, await world.ask(SOON))
    assert await noted(world) == set()
    await bring_to(world.db, key, ItemStatus.ACKNOWLEDGED)
    await pass_on(world.db, SOON, [key])
    await called_back(world, first)
    assert await noted(world) == {second}


async def noted(world: World) -> set[UUID]:
    rows = await world.db.execute(select(order_changes.c.order_ids))
    return {one for named in rows.scalars() for one in named}


async def test_a_crash_before_that_is_mended(world: World) -> None:
    first = await world.ask()
    again = await world.ask(SOON)
    await mark_undeliverable(world.db, SOON, [key_of(first, world.weibo)])
    await mend_astray(world.db, SOON, [again])
    item = await item_row(world.db, key_of(again, world.weibo))
    assert (item.status, item.follows) == (ItemStatus.UNDELIVERABLE, first)


async def test_both_end_together_unanswered(world: World) -> None:
    first = await world.ask()
    again = await world.ask(NOON + timedelta(minutes=9))
    await bring_to(world.db, key_of(first, world.dating), ItemStatus.ACKNOWLEDGED)
    await pass_on(world.db, SOON, [key_of(first, world.dating)])
    end = NOON + timedelta(minutes=10)
    assert await expire_overdue(world.db, end, 1) == {first}
    assert await expire_overdue(world.db, end, 2) == {first, again}
    ended = [ItemStatus.UNDELIVERABLE, ItemStatus.EXPIRED]
    assert await world.statuses(first) == ended
    assert await world.statuses(again) == ended


async def test_who_followed_somebody_is_repeated_by_following_the_same(
    world: World,
) -> None:
    other = await a_carrier(world.db, "china-unicom")
    leader = await an_order(world.db, other, asked(QUERY), now=NOON)
    first = await world.ask()
    assert await world.leaders(first) == {leader, None}
    again = await world.ask(SOON)
    assert await world.leaders(again) == {leader, first}
    key = key_of(leader, world.weibo)
    await mark_undeliverable(world.db, SOON, [key])
    heir = key_of(first, world.weibo)
    assert (await promote(world.db, SOON, [key])).leading == [heir]
    assert await world.leaders(again) == {first}
    assert await world.statuses(again) == [ItemStatus.QUEUED, ItemStatus.QUEUED]


async def test_fifty_at_once_are_one_fan_out(engine: AsyncEngine) -> None:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        await a_reachable_platform(db, "weibo")
        await a_reachable_platform(db, "dating", sensitive=True)

    connections = asyncio.Semaphore(10)  # of the pool, which lets nobody wait for long

    async def ask() -> OrderId:
        async with connections, engine.begin() as db:
            return await an_order(db, carrier, asked(QUERY))

    queries = await asyncio.gather(*(ask() for _ in range(50)))
    assert len(set(queries)) == 50
    async with engine.connect() as db:
        found = select(items.c.order_id).where(items.c.follows.is_(None))
        sent = list((await db.execute(found)).scalars())
    assert len(sent) == 2
    assert len(set(sent)) == 1


@pytest.fixture
async def tight(world: World) -> World:
    """As many rechecks are under way as may be."""
    for _ in range(POLICY.open_per_number):
        await world.place(replace(asked(QUERY), recheck=True))
    return world


@pytest.mark.parametrize("kind", [OrderKind.QUERY, OrderKind.UNBIND])
async def test_there_is_an_end_to_what_one_carrier_asks_of_one_number(
    tight: World, kind: OrderKind
) -> None:
    for wanted in (asked(kind), replace(asked(kind), recheck=True)):
        if kind is OrderKind.QUERY and not wanted.recheck:
            continue  # repeats one of them
        with pytest.raises(TooManyOpenOrders):
            await tight.place(wanted)


async def test_other_numbers_and_other_carriers_have_room_of_their_own(
    tight: World,
) -> None:
    await tight.place(asked(number=a_number(77)))
    other = await a_carrier(tight.db, "china-unicom")
    await an_order(tight.db, other, asked(QUERY))


@pytest.mark.parametrize("seen", [True, False])
async def test_what_is_over_for_the_carrier_takes_no_room(
    tight: World, *, seen: bool
) -> None:
    """Whether or not a sensitive platform is at work still."""
    status = OrderStatus.COMPLETED if seen else OrderStatus.IN_PROGRESS
    first = (await tight.db.execute(select(orders.c.id).limit(1))).scalar_one()
    over = {"status": status, "told_at": SOON}
    await tight.db.execute(update(orders).where(orders.c.id == first).values(over))
    await tight.place(replace(asked(QUERY), recheck=True))
    with pytest.raises(TooManyOpenOrders):
        await tight.place(replace(asked(QUERY), recheck=True))


async def test_there_is_an_end_to_repeating_too(world: World) -> None:
    await world.ask()
    one = await world.ask()
    row = {**(await world.row(one))._mapping}
    most = POLICY.open_per_number * REPETITIONS
    copies = [{**row, "id": UUID(int=one.int + place)} for place in range(1, most)]
    await world.db.execute(insert(orders), copies)
    with pytest.raises(TooManyOpenOrders):
        await world.ask(SOON)
