"""The log is read whole: nothing is skipped, nothing recorded comes again."""

from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.sending.parts import put_to_use
from tests.sending.reading_desk import LOG_START, Desk, desk_on, sent
from tests.support.order_builders import an_order, asked
from tests.support.plans import plan_of
from unbind_broker.base.database import sql
from unbind_broker.base.ids import OrderId
from unbind_broker.orders.positions import start_of
from unbind_broker.sending import log_reads
from unbind_broker.sending.frontier import Frontier
from unbind_broker.sending.log_reads import Want


@pytest.fixture
async def desk(engine: AsyncEngine) -> Desk:
    return await desk_on(engine)


async def test_new_lane_reads_from_its_cursor_and_joins_the_tail(desk: Desk) -> None:
    ids = await desk.order(3)
    lane = desk.add_lane()
    await desk.step()
    assert sent(lane) == ids
    assert not lane.behind
    more = await desk.order(2)
    await desk.step()
    assert sent(lane) == more


async def test_lanes_at_the_tail_share_what_they_read(desk: Desk) -> None:
    lanes = [desk.add_lane(place) for place in range(3)]
    await desk.step()
    ids = await desk.order(4)
    await desk.step()
    await desk.step()
    assert [sent(lane) for lane in lanes] == [ids] * 3


async def test_platform_gets_only_its_own_items(desk: Desk) -> None:
    lanes = [desk.add_lane(place) for place in range(2)]
    await desk.step()
    async with desk.engine.begin() as db:
        wanted = asked(platforms=("zhihu",))
        only = await an_order(db, desk.carrier, wanted)
    await desk.step()
    assert [sent(lane) for lane in lanes] == [[], [only]]


@pytest.mark.parametrize("joined", [True, False], ids=["at the tail", "behind"])
async def test_transaction_that_commits_late_is_not_skipped(
    desk: Desk, *, joined: bool
) -> None:
    lane = desk.add_lane()
    if joined:
        await desk.step()
    async with desk.engine.begin() as db:
        late = await desk.order_in(db)
        overtaking = await desk.order(3)
        for _ in range(3):
            await desk.step()
        assert sent(lane) == overtaking
        assert lane.cursor < start_of(await last_xid(desk))
        await desk.record(lane, overtaking)
        await desk.step()
        assert sent(lane) == []
    await desk.step()
    assert sent(lane) == [late]


async def last_xid(desk: Desk) -> int:
    async with desk.engine.connect() as db:
        found = await db.execute(sql("SELECT max(xid) FROM order_log"))
        xid: int = found.scalar_one()
        return xid


async def test_rolled_back_transaction_leaves_no_trace(desk: Desk) -> None:
    lane = desk.add_lane()
    await desk.step()
    async with desk.engine.connect() as db:
        opened = await db.begin()
        await desk.order_in(db)
        await desk.step()
        await opened.rollback()
    (after,) = await desk.order()
    await desk.step()
    assert sent(lane) == [after]


async def test_reading_again_from_an_old_cursor_sends_nothing_recorded(
    desk: Desk,
) -> None:
    lane = desk.add_lane()
    ids = await desk.order(5)
    await desk.step()
    assert sent(lane) == ids
    await desk.record(lane, ids[:4])
    desk.fleet.remove(lane)
    successor = desk.add_lane()
    await desk.step()
    assert sent(successor) == ids[4:]


async def test_successor_goes_on_from_the_durable_cursor(desk: Desk) -> None:
    lane = desk.add_lane()
    ids = await desk.order(5)
    await desk.step()
    sent(lane)
    await desk.record(lane, ids[:2])
    desk.fleet.remove(lane)
    successor = desk.add_lane(cursor=lane.cursor)
    await desk.step()
    assert sent(successor) == ids[2:]


async def test_pending_items_are_not_dealt_twice(desk: Desk) -> None:
    lane = desk.add_lane()
    ids = await desk.order(3)
    await desk.step()
    assert sent(lane) == ids
    lane.behind, lane.frontier = True, Frontier(LOG_START)
    await desk.step()
    assert sent(lane) == []


async def test_full_lane_falls_behind_and_catches_up(desk: Desk) -> None:
    slow = desk.add_lane(0, max_batch=1, max_concurrency=1)
    quick = desk.add_lane(1)
    await desk.step()
    ids = await desk.order(150)
    await desk.step()
    assert sent(quick) == ids
    got = sent(slow)
    assert got == ids[: slow.capacity]
    assert (slow.behind, quick.behind) == (True, False)
    for _ in range(5):
        await desk.record(slow, [OrderId(one) for one in got[-slow.capacity :]])
        await desk.step()
        got += sent(slow)
    assert got == ids
    assert not slow.behind
    (more,) = await desk.order()
    await desk.step()
    assert (sent(slow), sent(quick)) == ([more], [more])


async def test_full_lane_does_not_miss_what_commits_late(desk: Desk) -> None:
    slow = desk.add_lane(0, max_batch=1, max_concurrency=1)
    await desk.step()
    async with desk.engine.begin() as db:
        late = await desk.order_in(db)
        ids = await desk.order(100)
        await desk.step()
        got = sent(slow)
        assert len(got) == slow.capacity
    for _ in range(5):
        await desk.record(slow, [OrderId(one) for one in got])
        await desk.step()
        got += sent(slow)
    assert sorted(got) == sorted([*ids, late])


async def test_lane_that_joins_is_given_what_others_had_before(desk: Desk) -> None:
    """What the tail has dealt out already is left out of its reads."""
    early = desk.add_lane(0)
    await desk.step()
    async with desk.engine.begin() as db:
        late = await desk.order_in(db)
        ids = await desk.order(3)
        await desk.step()
        assert sent(early) == ids
        joining = desk.add_lane(1)
        await desk.step()
        assert sent(joining) == ids
        assert not joining.behind
    await desk.step()
    assert (sent(early), sent(joining)) == ([late], [late])


async def test_long_stretches_without_items_are_crossed(desk: Desk) -> None:
    async with desk.engine.begin() as db:
        await db.execute(
            sql(
                "INSERT INTO order_log SELECT g, (lpad(to_hex(g), 32, '0'))::uuid"
                " FROM generate_series(1, 3000) g"
            )
        )
    (last,) = await desk.order()
    lane = desk.add_lane()
    scans = []
    while lane.behind:
        await desk.step()
        scans.append(lane.scan)
    assert sent(lane) == [last]
    assert len(scans) < 10


async def test_what_the_lane_let_go_of_during_a_read_is_read_again(desk: Desk) -> None:
    ids = await desk.order(3)
    lane = desk.add_lane()
    await desk.step()
    lane.drop_unsent()
    assert lane.behind
    await desk.step()
    assert sent(lane) == ids


async def test_lanes_that_do_not_send_are_not_read_for(desk: Desk) -> None:
    ids = await desk.order(2)
    lane = desk.add_lane()
    target = lane.target
    lane.retarget(None, 0.0)
    await desk.step()
    assert lane.position == LOG_START
    put_to_use(lane, target)
    await desk.step()
    assert sent(lane) == ids


async def test_tail_begins_anew_when_all_had_fallen_behind(desk: Desk) -> None:
    lane = desk.add_lane(0, max_batch=1, max_concurrency=1)
    await desk.step()
    ids = await desk.order(lane.capacity + 5)
    await desk.step()
    await desk.step()
    got = sent(lane)
    assert lane.behind
    await desk.record(lane, [OrderId(one) for one in got])
    await desk.step()
    got += sent(lane)
    (more,) = await desk.order()
    await desk.step()
    assert [*got, *sent(lane)] == [*ids, more]


async def test_more_than_one_read_of_the_tail_holds_is_read_in_steps(
    desk: Desk,
) -> None:
    lane = desk.add_lane(0, max_batch=500)
    await desk.step()
    ids = await desk.order(300)
    await desk.step()
    assert sent(lane) == ids[:256]
    await desk.step()
    assert sent(lane) == ids[256:]


async def test_readings_use_their_indexes(desk: Desk) -> None:
    async with desk.engine.begin() as db:
        await db.execute(
            sql(
                "INSERT INTO order_log"
                " SELECT g, (substr(uuid7_floor(now())::text, 1, 13) || '-7'"
                " || lpad(to_hex(g), 3, '0') || '-8000-000000000000')::uuid"
                " FROM generate_series(1, 4000) g"
            )
        )
        await db.execute(
            sql(
                "INSERT INTO items SELECT order_id, p, 1, 0, false"
                " FROM order_log, generate_series(1, 20) p"
            )
        )
        await db.execute(sql("ANALYZE order_log, items"))
        tail = await plan_of(
            db,
            log_reads._TAIL,
            {
                "xid": 9,
                "order_id": UUID(int=0),
                "gap_xids": [5],
                "gap_orders": [UUID(int=0)],
                "limit": 256,
            },
        )
        behind = await plan_of(
            db,
            log_reads._BEHIND,
            {
                "platforms": [3],
                "xids": [9],
                "orders": [UUID(int=0)],
                "scans": [64],
                "first_gaps": [1],
                "last_gaps": [1],
                "gap_xids": [5],
                "gap_orders": [UUID(int=0)],
            },
        )
    for plan in (tail, behind):
        assert "Index Only Scan using order_log_pkey on order_log" in plan
        assert "Seq Scan on order_log" not in plan
        assert "pkey on items_" in plan or "pkey\n" in plan
        assert "Hash" not in plan
        assert "Merge Join" not in plan


async def test_wishes_of_nobody_cost_nothing(desk: Desk) -> None:
    async with desk.reading() as db:
        assert await log_reads.read_behind(db, []) == {}
        found = await log_reads.read_behind(
            db, [Want(desk.platforms[0].id, Frontier(LOG_START), 5)]
        )
    assert found[desk.platforms[0].id].is_complete
