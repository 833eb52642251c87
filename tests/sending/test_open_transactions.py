"""A transaction that stays open holds up nobody: neither the others' orders nor reads.

Any transaction will do that has an id: an administrator's, a long stream of holdings.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tests.sending.reading_desk import Desk, desk_on, sent
from unbind_broker.base.database import INT, sql
from unbind_broker.base.ids import OrderId
from unbind_broker.orders.positions import start_of
from unbind_broker.sending import log_reads
from unbind_broker.sending.lane import Lane

_MANY = sql(
    """
    INSERT INTO order_log
    SELECT (pg_current_xact_id()::text)::bigint,
        (substr(uuid7_floor(now())::text, 1, 13) || '-7000-8000-'
            || lpad(to_hex(g), 12, '0'))::uuid
    FROM generate_series(1, :count) g
    """,
    count=INT,
)
ENOUGH = 21_000
"""More rows than any one read looks at."""


@pytest.fixture
async def desk(engine: AsyncEngine) -> Desk:
    return await desk_on(engine)


@asynccontextmanager
async def a_writer(desk: Desk) -> AsyncIterator[AsyncConnection]:
    """A transaction that has written, and stays open."""
    async with desk.engine.begin() as db:
        await db.execute(sql("SELECT pg_current_xact_id()"))
        yield db


async def orders_of_others(desk: Desk, count: int = ENOUGH) -> None:
    """Log rows of orders that want nothing of our platforms."""
    async with desk.engine.begin() as db:
        await db.execute(_MANY, {"count": count})


async def step_until(desk: Desk, lane: Lane, most: int = 60) -> list[OrderId]:
    """Read on until the lane has something to send, or has had its chances."""
    got: list[OrderId] = []
    for _ in range(most):
        await desk.step()
        got += [OrderId(one) for one in sent(lane)]
        if got:
            break
    return got


async def test_lane_behind_gets_past_any_number_of_rows(desk: Desk) -> None:
    async with a_writer(desk):
        await orders_of_others(desk)
        (last,) = await desk.order()
        lane = desk.add_lane()
        assert await step_until(desk, lane) == [last]


async def test_endpoint_taken_over_meanwhile_gets_all_that_is_not_recorded(
    desk: Desk,
) -> None:
    async with a_writer(desk) as db:
        earlier = desk.add_lane()
        ids = await desk.order(3)
        assert await step_until(desk, earlier) == ids
        await desk.record(earlier, ids[:2])
        await orders_of_others(desk)
        (last,) = await desk.order()
        for _ in range(3):
            await desk.step()
        found = await db.execute(sql("SELECT (pg_current_xact_id()::text)::bigint"))
        assert earlier.cursor <= start_of(found.scalar_one())
        desk.fleet.remove(earlier)
        successor = desk.add_lane(cursor=earlier.cursor)
        got: list[OrderId] = []
        while len(got) < 2 and (more := await step_until(desk, successor)):
            got += more
        assert got == [ids[2], last]


async def test_orders_of_the_open_transaction_itself_come_when_it_commits(
    desk: Desk,
) -> None:
    lanes = [desk.add_lane(place) for place in range(2)]
    await desk.step()
    async with desk.engine.begin() as db:
        late = [await desk.order_in(db) for _ in range(3)]
        ids = await desk.order(5)
        await desk.step()
        assert [sent(lane) for lane in lanes] == [ids] * 2
        joining = desk.add_lane(2)
        await desk.step()
        assert sent(joining) == ids
        for _ in range(3):
            await desk.step()
        assert [sent(lane) for lane in (*lanes, joining)] == [[]] * 3
    await desk.step()
    assert [sent(lane) for lane in (*lanes, joining)] == [late] * 3


async def test_reading_on_finds_nothing_that_was_read(desk: Desk) -> None:
    lane = desk.add_lane()
    await desk.step()
    async with a_writer(desk), desk.reading() as db:
        await orders_of_others(desk, 200)
        ids = await desk.order(50)
        assert await step_until(desk, lane) == ids
        await desk.step()
        found = await log_reads.read_tail(db, lane.frontier, 256)
        assert found.rows == []
        assert len(lane.frontier.gaps) < 5


async def test_order_of_a_subtransaction_is_found_by_the_one_above(desk: Desk) -> None:
    lane = desk.add_lane()
    await desk.step()
    async with desk.engine.begin() as db:
        async with db.begin_nested():
            inner = await desk.order_in(db)
        undone = await db.begin_nested()
        await desk.order_in(db)
        await undone.rollback()
        (other,) = await desk.order()
        assert await step_until(desk, lane) == [other]
    assert await step_until(desk, lane) == [inner]


async def test_what_a_lane_let_go_of_before_an_open_transaction_comes_again(
    desk: Desk,
) -> None:
    lane = desk.add_lane()
    await desk.step()
    (early,) = await desk.order()
    async with desk.engine.begin() as db:
        late = await desk.order_in(db)
        (other,) = await desk.order()
        await desk.step()
        lane.drop_unsent()
        assert await step_until(desk, lane) == [early, other]
    assert await step_until(desk, lane) == [late]


async def test_lane_without_room_for_what_comes_late_gets_it_later(desk: Desk) -> None:
    lane = desk.add_lane(max_batch=1, max_concurrency=1)
    await desk.step()
    async with desk.engine.begin() as db:
        late = [await desk.order_in(db) for _ in range(3)]
        ids = await desk.order(lane.capacity - 1)
        got = await step_until(desk, lane)
        assert got == ids
    for _ in range(6):
        await desk.step()
        got += [OrderId(one) for one in sent(lane)]
        await desk.record(lane, got[-lane.capacity :])
    assert sorted(got) == sorted([*ids, *late])
