"""Items that are due again reach their lane, together with those they failed with."""

from datetime import timedelta
from uuid import UUID

import pytest

from tests.sending.parts import a_target, put_to_use
from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.order_builders import a_reachable_platform, an_order, many_orders
from tests.support.sealing import SEALER
from unbind_broker.base.database import Db
from unbind_broker.base.ids import EndpointId, OrderId
from unbind_broker.deliveries import queue
from unbind_broker.deliveries.queue import Due, Subject
from unbind_broker.endpoints import service as endpoints
from unbind_broker.endpoints.endpoint import Owner
from unbind_broker.endpoints.events import EventType
from unbind_broker.orders.positions import start_of
from unbind_broker.sending.again import AgainReader
from unbind_broker.sending.briefs import Briefs
from unbind_broker.sending.fleet import Fleet
from unbind_broker.sending.lane import Lane
from unbind_broker.sending.read_numbers import ReadNumbers

SECOND = timedelta(seconds=1)


class Desk:
    def __init__(self, db: Db, endpoint_id: EndpointId, platform_id: int) -> None:
        self.db = db
        self.numbers = ReadNumbers()
        self.fleet = Fleet()
        briefs = Briefs(SEALER)
        self.reader = AgainReader(self.fleet, briefs, self.numbers, lambda: 0.0)
        self.target = a_target(
            endpoint_id=endpoint_id,
            platform_id=platform_id,
            max_batch=4,
            max_concurrency=1,
        )
        self.lane = Lane(endpoint_id, 1, start_of(0), 1000.0, self.numbers)
        put_to_use(self.lane, self.target)
        self.fleet.add(self.lane)
        self.orders: list[OrderId] = []

    async def schedule(self, orders: list[OrderId], after: timedelta) -> None:
        """Let these have failed together."""
        await queue.schedule(
            self.db,
            [
                Due(
                    Subject(self.lane.endpoint_id, EventType.UNBIND_REQUESTED, one),
                    NOON + after,
                    1,
                )
                for one in orders
            ],
        )

    async def step(self, at: timedelta = timedelta(0)) -> bool:
        fed = await self.reader.step(self.db, NOON + at)
        assert fed <= {self.lane}
        return bool(fed)

    def sent(self) -> list[list[UUID]]:
        taken = []
        while (batch := self.lane.take(0.0)) is not None:
            self.lane.finish()
            assert {work.attempt for work in batch.works} == {1}
            assert {work.position for work in batch.works} == {None}
            taken.append(sorted(batch.subject_ids))
        return taken


@pytest.fixture
async def desk(db: Db) -> Desk:
    carrier = await a_carrier(db)
    platform = await a_reachable_platform(db)
    owner = Owner(platform.slug, platform_id=platform.id)
    endpoint = await endpoints.require(db, owner)
    made = Desk(db, endpoint.id, platform.id)
    first = await an_order(db, carrier)
    made.orders = [first, *await many_orders(db, carrier, 99, like=first)]
    return made


async def test_what_failed_together_meets_again(desk: Desk) -> None:
    await desk.schedule(desk.orders[:3], -2 * SECOND)
    await desk.schedule(desk.orders[3:5], -SECOND)
    await desk.schedule(desk.orders[5:6], SECOND)
    assert await desk.step()
    assert desk.sent() == [desk.orders[:3], desk.orders[3:5]]
    assert await desk.step(at=SECOND)
    assert desk.sent() == [desk.orders[5:6]]


async def test_what_is_on_its_way_is_not_dealt_again(desk: Desk) -> None:
    await desk.schedule(desk.orders[:3], -SECOND)
    await desk.step()
    assert len(desk.sent()) == 1
    assert not await desk.step()
    desk.lane.forget(desk.orders[:3])
    assert await desk.step()


async def test_no_batch_is_torn_by_the_room_that_is_left(desk: Desk) -> None:
    for place in range(25):
        await desk.schedule(desk.orders[place * 4 : place * 4 + 4], place * SECOND)
    got = []
    while await desk.step(at=100 * SECOND):
        got += desk.sent()
        assert desk.lane.pending_again <= desk.lane.capacity
        sent_now = [one for batch in got[-16:] for one in batch]
        for one in sent_now:
            await queue.delete(
                desk.db,
                [
                    Subject(
                        desk.lane.endpoint_id,
                        EventType.UNBIND_REQUESTED,
                        one,
                    )
                ],
            )
        desk.lane.recorded(sent_now)
    assert got == [desk.orders[place * 4 : place * 4 + 4] for place in range(25)]


async def test_rows_on_their_way_do_not_hide_those_behind_them(desk: Desk) -> None:
    for place in range(16):
        await desk.schedule(desk.orders[place * 4 : place * 4 + 4], place * SECOND)
    await desk.step(at=100 * SECOND)
    first = desk.sent()
    done = [one for batch in first[4:] for one in batch]
    await desk.schedule([OrderId(one) for one in done], timedelta(days=1))
    desk.lane.recorded(done)
    await desk.schedule(desk.orders[64:68], 50 * SECOND)
    assert await desk.step(at=100 * SECOND)
    assert desk.orders[64:68] in desk.sent()


async def test_lane_without_room_for_a_batch_is_not_read_for(desk: Desk) -> None:
    await desk.schedule(desk.orders[:3], -SECOND)
    desk.lane.retarget(None, 0.0)
    assert not await desk.step()
    put_to_use(desk.lane, desk.target)
    assert await desk.step()


async def test_lane_that_was_lost_meanwhile_gets_nothing(desk: Desk) -> None:
    await desk.schedule(desk.orders[:3], -SECOND)
    reading = desk.reader.step(desk.db, NOON)
    desk.lane.lost = True
    assert await reading == set()
    desk.fleet.remove(desk.lane)
    assert not await desk.step()
