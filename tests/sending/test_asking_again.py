"""Looking waiting items up once more leaves connections to those who need them."""

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
from unbind_broker.sending.briefs import Briefs
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
