"""Looking waiting items up once more leaves connections to those who need them."""

import asyncio
from contextlib import AsyncExitStack

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.sending.parts import a_lane, a_target, a_work
from tests.sending.test_sender import CLOCK, a_desk
from tests.support.builders import a_carrier
from tests.support.order_builders import a_reachable_platform, an_order
from tests.support.receiver import Receiver
from tests.support.sealing import SEALER
from tests.support.waiting import eventually
from unbind_broker.base.ids import PlatformId, new_uuid7
from unbind_broker.sending.briefs import Briefs
from unbind_broker.sending.recheck import MOST_TOGETHER, Recheck
from unbind_broker.sending.sender import STALE_SECONDS


async def test_lanes_that_ask_at_one_time_are_answered_by_one_connection(
    receiver: Receiver, engine: AsyncEngine
) -> None:
    now = CLOCK.now()
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        platform = await a_reachable_platform(db)
        order_id = await an_order(db, carrier, now=now)
        briefs = await Briefs(SEALER).load(db, now, [order_id])
    taken: list[int] = []
    event.listen(
        engine.sync_engine,
        "checkout",
        lambda *_: taken.append(engine.sync_engine.pool.checkedout()),  # type: ignore[attr-defined] # a QueuePool
    )
    async with AsyncExitStack() as stack:
        desk = await a_desk(stack, receiver, engine)
        lanes = [
            a_lane(a_target(desk.door.url, platform_id=platform.id)) for _ in range(12)
        ]
        for lane in lanes:
            desk.offer(lane, a_work(item=briefs[order_id]))
        desk.seconds[0] = STALE_SECONDS + 1
        desk.sender.pump_all(lanes)
        await eventually(lambda: len(desk.notebook.kept) == len(lanes))
    assert taken == [1]


async def test_many_items_are_asked_about_in_parts(engine: AsyncEngine) -> None:
    asked: list[int] = []
    event.listen(
        engine.sync_engine,
        "before_cursor_execute",
        lambda *told: asked.append(len(told[3][0])),
    )
    recheck = Recheck(engine.execution_options(isolation_level="AUTOCOMMIT"))
    some = MOST_TOGETHER * 2 // 5
    questions = [
        recheck.still_waiting(
            PlatformId(place),
            {new_uuid7(CLOCK.now()) for _ in range(some)},
            replay=False,
        )
        for place in range(3)
    ]
    assert await asyncio.gather(*questions) == [set()] * 3
    assert asked == [2 * some, some]


async def test_more_than_a_part_at_once_is_asked_about_whole(
    engine: AsyncEngine,
) -> None:
    recheck = Recheck(engine.execution_options(isolation_level="AUTOCOMMIT"))
    ids = {new_uuid7(CLOCK.now()) for _ in range(MOST_TOGETHER + 1)}
    assert await recheck.still_waiting(PlatformId(1), ids, replay=False) == set()
