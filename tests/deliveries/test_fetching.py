"""What waits for a platform that fetches: found by its rows, taken in from the log."""

import asyncio
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.attempts import endpoint_of
from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.fetching import fetch_for
from tests.support.joining import a_number
from tests.support.order_builders import (
    a_query,
    a_reachable_platform,
    an_order,
    asked,
    bring_to,
    item_row,
    many_orders,
)
from tests.support.waiting import eventually
from unbind_broker.base.database import Db
from unbind_broker.base.ids import OrderId
from unbind_broker.carriers.service import Carrier
from unbind_broker.deliveries import queue
from unbind_broker.deliveries.fetching import (
    BEGINNING,
    MovedDeadline,
    fetch,
    push_what_was_fetched,
    take_in,
    wait_by,
)
from unbind_broker.deliveries.queue import Due, Subject
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.states import Delivery
from unbind_broker.endpoints.tables import endpoint_leases, endpoints
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.positions import Position
from unbind_broker.orders.states import OrderKind, OrderStatus, Scope
from unbind_broker.orders.tables import orders
from unbind_broker.platforms.service import Platform

LATER = NOON + timedelta(hours=1)
DAY = timedelta(days=1)
_CURSOR = select(endpoint_leases.c.cursor_xid, endpoint_leases.c.cursor_order_id)
_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE wait_event_type = 'Lock' AND datname = current_database()"
)


async def some_orders(db: Db, carrier: Carrier, more: int) -> list[OrderId]:
    first = await an_order(db, carrier)
    return sorted([first, *await many_orders(db, carrier, more, like=first)])


async def both(db: Db) -> tuple[Carrier, Platform]:
    """Register who orders, and who fetches."""
    return await a_carrier(db), await a_reachable_platform(db, delivery=Delivery.PULL)


@pytest.fixture
async def carrier(db: Db) -> Carrier:
    return await a_carrier(db)


@pytest.fixture
async def platform(db: Db) -> Platform:
    return await a_reachable_platform(db, delivery=Delivery.PULL)


async def test_the_most_urgent_items_are_handed_out_first(
    db: Db, carrier: Carrier, platform: Platform
) -> None:
    order_id = await an_order(db, carrier)
    query_id = await a_query(db, carrier)
    assert await fetch_for(db, NOON, platform.id, 1) == [query_id]
    assert await fetch_for(db, NOON, platform.id, 10) == [query_id, order_id]
    attempts = [
        (await item_row(db, ItemKey(one, platform.id))).attempts
        for one in (query_id, order_id)
    ]
    assert attempts == [2, 1]


async def test_what_is_asked_once_more_comes_before_what_is_urgent(
    db: Db, carrier: Carrier, platform: Platform
) -> None:
    once_more, order_id = await some_orders(db, carrier, 1)
    query_id = await a_query(db, carrier)
    assert await fetch_for(db, NOON, platform.id, 2) == [query_id, once_more]
    requested = Subject(
        await endpoint_of(db, platform.id), EventType.UNBIND_REQUESTED, once_more
    )
    again = Due(requested, NOON, attempt=0, occasion=UUID(int=7))
    await queue.schedule(db, [again])
    found = await fetch_for(db, NOON, platform.id, 10)
    assert found == [once_more, query_id, order_id]


async def test_only_what_waits_is_handed_out(
    db: Db, carrier: Carrier, platform: Platform
) -> None:
    other = await a_reachable_platform(db, "douyin", delivery=Delivery.PULL)
    taken = await an_order(db, carrier)
    await bring_to(db, ItemKey(taken, platform.id), ItemStatus.ACKNOWLEDGED)
    await an_order(db, carrier, asked(scope=Scope.CURRENT_OWNER, platforms=("weibo",)))
    other_number = asked(platforms=("douyin",), number=a_number(1))
    await an_order(db, carrier, other_number)
    await a_query(db, carrier, asked(OrderKind.QUERY, platforms=("weibo",)))
    past_the_query = NOON + timedelta(minutes=10)
    assert await fetch_for(db, past_the_query, platform.id, 10) == []
    assert len(await fetch_for(db, past_the_query, other.id, 10)) == 2


async def test_held_order_is_handed_out_when_it_is_released(
    db: Db, carrier: Carrier, platform: Platform
) -> None:
    order_id = await an_order(db, carrier)
    await db.execute(update(orders).values(status=OrderStatus.HELD))
    assert await fetch_for(db, NOON, platform.id, 10) == []
    await db.execute(update(orders).values(status=OrderStatus.IN_PROGRESS))
    assert await fetch_for(db, NOON, platform.id, 10) == [order_id]


async def test_what_waits_is_pushed_once_the_platform_is_posted_to(
    db: Db, carrier: Carrier, platform: Platform
) -> None:
    """It fetched one, took another, and never saw the third, which the log names."""
    fetched, taken = [await an_order(db, carrier) for _ in range(2)]
    await fetch_for(db, NOON, platform.id, 10)
    await queue.stop_sending(db, [ItemKey(taken, platform.id)])
    await bring_to(db, ItemKey(taken, platform.id), ItemStatus.ACKNOWLEDGED)
    await an_order(db, carrier)

    await push_what_was_fetched(db, LATER, await endpoint_of(db, platform.id))

    rows = await db.execute(select(deliveries.c.order_id, deliveries.c.due_at))
    assert [tuple(row) for row in rows] == [(fetched, LATER)]


async def test_what_was_to_be_posted_is_fetched_once_the_platform_fetches(
    db: Db, carrier: Carrier
) -> None:
    """One was tried and failed, one was taken, and one was never sent."""
    platform = await a_reachable_platform(db)
    tried, taken, unsent = await some_orders(db, carrier, 2)
    endpoint = await endpoint_of(db, platform.id)
    again = Subject(endpoint, EventType.UNBIND_REQUESTED, tried)
    await queue.schedule(db, [Due(again, LATER, attempt=3)])
    await bring_to(db, ItemKey(taken, platform.id), ItemStatus.ACKNOWLEDGED)
    assert await fetch_for(db, NOON, platform.id, 10) == [tried]

    await db.execute(update(endpoints).values(delivery=Delivery.PULL, url=None))

    assert await fetch_for(db, NOON, platform.id, 10) == [tried, unsent]
    row = select(deliveries.c.due_at, deliveries.c.attempt)
    kept = await db.execute(row.where(deliveries.c.order_id == tried))
    assert kept.one() == (LATER, 3)


async def test_log_is_read_on_where_the_last_reading_ended(
    db: Db, carrier: Carrier, platform: Platform
) -> None:
    made = await some_orders(db, carrier, 4)
    endpoint = await endpoint_of(db, platform.id)

    found: list[int] = []
    place: Position | None = BEGINNING
    while place is not None:
        items, place = await take_in(db, endpoint, platform.id, place, most=2)
        found.append(items)

    assert found == [2, 2, 1]
    assert sorted(await fetch(db, NOON, endpoint, platform.id, 10)) == made


async def test_order_that_commits_late_is_not_missed(engine: AsyncEngine) -> None:
    async with engine.begin() as db:
        carrier, platform = await both(db)

    async def fetched() -> set[UUID]:
        async with engine.begin() as db:
            return set(await fetch_for(db, NOON, platform.id, 10))

    async with engine.begin() as slow:
        late = await an_order(slow, carrier)
        async with engine.begin() as db:
            soon = await an_order(db, carrier, asked(number=a_number(1)))
        before = await fetched()
    after = await fetched()

    assert before == {soon}
    assert after == {late, soon}


async def test_nothing_is_taken_in_once_the_platform_is_posted_to(
    engine: AsyncEngine,
) -> None:
    """A row that is due at its deadline would never be sent, and the cursor be past it.

    Whoever takes in waits for the turn that is under way.
    """
    async with engine.begin() as db:
        carrier, platform = await both(db)
        await an_order(db, carrier)
        endpoint = await endpoint_of(db, platform.id)
        cursor = (await db.execute(_CURSOR)).one()

    async def take() -> int:
        async with engine.begin() as db:
            return (await take_in(db, endpoint, platform.id)).items

    async with engine.begin() as turning:
        await turning.execute(
            update(endpoints).values(delivery=Delivery.PUSH, url="https://a.example/")
        )
        await push_what_was_fetched(turning, NOON, endpoint)
        taking = asyncio.create_task(take())
        await eventually(partial(_is_waited, engine))
    assert await taking == 0
    async with engine.connect() as db:
        assert (await db.execute(select(deliveries.c.id))).all() == []
        assert (await db.execute(_CURSOR)).one() == cursor


async def _is_waited(engine: AsyncEngine) -> bool:
    async with engine.connect() as db:
        return bool((await db.execute(_WAITING)).scalar_one())


async def test_two_who_fetch_at_once_take_each_item_in_once(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as db:
        carrier, platform = await both(db)
        made = await some_orders(db, carrier, 40)
        endpoint = await endpoint_of(db, platform.id)

    async def take() -> int:
        async with engine.begin() as db:
            return (await take_in(db, endpoint, platform.id)).items

    assert sum(await asyncio.gather(*(take() for _ in range(4)))) == len(made)
    async with engine.connect() as db:
        rows = list((await db.execute(select(deliveries.c.order_id))).scalars())
        cursor = (await db.execute(select(endpoint_leases.c.cursor_order_id))).scalar()
    assert sorted(rows) == made
    assert cursor == made[-1]


async def test_what_moved_and_is_pushed_meanwhile_is_still_pushed(
    engine: AsyncEngine,
) -> None:
    """Its platform begins to be posted to while its order gets another deadline."""
    async with engine.begin() as db:
        carrier, platform = await both(db)
        order_id = await an_order(db, carrier)
        await fetch_for(db, NOON, platform.id, 10)
        endpoint = await endpoint_of(db, platform.id)
        deadline = (await db.execute(select(deliveries.c.due_at))).scalar_one()

    async def move() -> None:
        async with engine.begin() as db:
            await wait_by(db, [MovedDeadline(order_id, deadline, deadline + DAY)])

    async with engine.begin() as turning:
        await push_what_was_fetched(turning, NOON, endpoint)
        moving = asyncio.create_task(move())
        await eventually(partial(_is_waited, engine))
    await moving
    async with engine.connect() as db:
        assert (await db.execute(select(deliveries.c.due_at))).scalar_one() == NOON
