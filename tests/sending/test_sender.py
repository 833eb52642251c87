"""Requests start when they may, and nothing leaves that should not."""

import math
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from typing_extensions import override

from tests.sending.parts import (
    SECRET,
    a_batch,
    a_lane,
    a_target,
    a_work,
    an_item,
    ended,
    offer,
    put_to_use,
)
from tests.support.builders import a_carrier
from tests.support.guards import APPLYING
from tests.support.order_builders import (
    a_reachable_platform,
    an_order,
    bring_to,
    many_orders,
)
from tests.support.receiver import Answer, Door, Receiver
from tests.support.sealing import SEALER
from tests.support.spans import KeptSpans
from tests.support.waiting import PATIENCE, eventually
from unbind_broker.base.clock import SystemClock
from unbind_broker.base.ids import EndpointId, WorkerId, new_uuid7
from unbind_broker.base.network_guard import UrlPolicy
from unbind_broker.base.signing_keys import Secret
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.positions import just_before
from unbind_broker.sending.batches import Work
from unbind_broker.sending.briefs import Briefs
from unbind_broker.sending.exchanges import Exchange
from unbind_broker.sending.finished import Finished
from unbind_broker.sending.lane import Lane
from unbind_broker.sending.outbound import open_outbound
from unbind_broker.sending.reach import Reach
from unbind_broker.sending.recorder import Recorder
from unbind_broker.sending.sender import STALE_SECONDS, Sender, SenderParts
from unbind_broker.sending.verdicts import Plans

CLOCK = SystemClock()
FAR = CLOCK.now() + timedelta(days=3)


class Notebook(Recorder):
    """A recorder that keeps what it is given, and writes nothing down."""

    def __init__(self, engine: AsyncEngine) -> None:
        plans = Plans((timedelta(1),), (timedelta(1),))
        worker = WorkerId(new_uuid7(CLOCK.now()))
        super().__init__(engine, worker, plans, CLOCK.now, APPLYING)
        self.kept: list[Finished] = []

    @override
    def put(self, finished: Finished) -> None:
        super().put(finished)
        self._entries[-1].put_at = math.inf  # however long it takes, nothing lags
        self.kept.append(finished)

    def forget(self) -> None:
        """Go on as if everything were recorded."""
        self._entries.clear()
        self._items = 0

    @property
    def kinds(self) -> list[OutcomeKind]:
        return [one.exchange.outcome.kind for one in self.kept]


@dataclass
class Desk:
    sender: Sender
    notebook: Notebook
    door: Door
    seconds: list[float] = field(default_factory=lambda: [0.0])

    def lane(self, *, max_batch: int = 10, max_rate: float | None = None) -> Lane:
        target = a_target(self.door.url, max_batch=max_batch, max_rate=max_rate)
        return a_lane(target)

    def offer(self, lane: Lane, *works: Work) -> None:
        for work in works or (a_work(item=an_item(deadline=FAR)),):
            assert offer(lane, work, 1)

    async def settled(self, lane: Lane) -> None:
        await eventually(lambda: not lane.in_flight)


NOWHERE = "postgresql+asyncpg://nobody@127.0.0.1:1/none"


async def a_desk(
    stack: AsyncExitStack,
    receiver: Receiver,
    engine: AsyncEngine,
    reach: Reach | None = None,
) -> Desk:
    outbound = await stack.enter_async_context(
        open_outbound(UrlPolicy(allow_private=True), CLOCK.now)
    )
    notebook = Notebook(engine)
    seconds = [0.0]
    sender = Sender(
        SenderParts(
            engine=engine,
            outbound=outbound,
            recorder=notebook,
            now=CLOCK.now,
            monotonic=lambda: seconds[0],
            jitter=lambda: 0.5,
            request_timeout=timedelta(seconds=PATIENCE),
            lease=timedelta(seconds=20),
            reach=reach or Reach(CLOCK.now),
        )
    )
    stack.callback(sender.abandon)
    door = receiver.door("weibo", SECRET.text)
    return Desk(sender, notebook, door, seconds)


@pytest.fixture
async def desk(receiver: Receiver) -> AsyncIterator[Desk]:
    """A sender whose database is away."""
    nowhere = create_async_engine(NOWHERE)
    async with AsyncExitStack() as stack:
        yield await a_desk(stack, receiver, nowhere)
    await nowhere.dispose()


async def test_what_is_offered_is_sent_signed(desk: Desk) -> None:
    lane = desk.lane()
    desk.offer(lane)
    desk.sender.pump(lane)
    await desk.settled(lane)
    (finished,) = desk.notebook.kept
    (delivery,) = desk.door.deliveries
    assert finished.exchange.outcome.kind is OutcomeKind.ACCEPTED
    assert finished.webhook_id == delivery.webhook_id
    assert desk.door.rejected == 0


async def test_every_answer_starts_the_next_request(desk: Desk) -> None:
    lane = desk.lane(max_batch=1)
    desk.offer(lane, *(a_work(item=an_item(deadline=FAR)) for _ in range(9)))
    desk.sender.pump_all([lane])
    assert lane.in_flight == 2
    await eventually(lambda: len(desk.notebook.kept) == 9)
    assert desk.door.peak_in_flight <= 2


async def test_rate_is_waited_for_without_being_asked_again(desk: Desk) -> None:
    lane = desk.lane(max_rate=20.0)
    desk.offer(lane)
    desk.sender.pump(lane)
    desk.sender.pump(lane)
    assert lane.in_flight == 0
    desk.seconds[0] = 1.0
    await eventually(lambda: desk.notebook.kept)


async def test_nothing_is_sent_while_too_much_is_unrecorded(desk: Desk) -> None:
    lane = desk.lane()
    desk.offer(lane)
    unrecorded = ended(a_batch(5_001))
    desk.notebook.put(unrecorded)
    desk.sender.pump(lane)
    assert lane.in_flight == 0
    desk.notebook.forget()
    desk.sender.pump(lane)
    assert lane.in_flight == 1


async def test_overdue_item_is_dropped(desk: Desk) -> None:
    lane = desk.lane()
    late = a_work(item=an_item(deadline=CLOCK.now()))
    timely = a_work(item=an_item(deadline=FAR))
    desk.offer(lane, late, timely)
    desk.sender.pump(lane)
    await desk.settled(lane)
    (finished,) = desk.notebook.kept
    assert finished.batch.works == [timely]
    lane.recorded([timely.key])
    assert lane.is_idle


async def test_item_whose_number_cannot_be_read_holds_up_no_other(
    desk: Desk,
) -> None:
    lane = desk.lane()
    unreadable = a_work(item=an_item(deadline=FAR, number=None))
    item = an_item(deadline=FAR)
    readable = a_work(item=item)
    desk.offer(lane, unreadable, readable)
    desk.sender.pump(lane)
    await desk.settled(lane)
    fault, sent = desk.notebook.kept
    assert fault.batch.works == [unreadable]
    assert fault.exchange.outcome.kind is OutcomeKind.OWN_FAULT
    assert not fault.exchange.disclosed
    assert sent.batch.works == [readable]
    assert desk.door.item_ids == [item.public_id]


async def test_retry_after_holds_the_lane(desk: Desk) -> None:
    lane = desk.lane(max_batch=1)
    desk.door.then(Answer(503, headers={"Retry-After": "60"}))
    desk.offer(lane)
    desk.sender.pump(lane)
    await desk.settled(lane)
    desk.offer(lane)
    assert lane.wait(0.0, 4.0) == pytest.approx(60)


async def test_gone_endpoint_is_left_alone_at_once(desk: Desk) -> None:
    lane = desk.lane(max_batch=1)
    desk.door.then(Answer(410), Answer(410))
    desk.offer(lane, *(a_work(item=an_item(deadline=FAR)) for _ in range(9)))
    desk.sender.pump(lane)
    await desk.settled(lane)
    assert not lane.sends
    assert set(desk.notebook.kinds) == {OutcomeKind.GONE}
    assert len(desk.door.deliveries) <= 2


async def test_stopping_lets_requests_end_and_starts_none(desk: Desk) -> None:
    lane = desk.lane(max_batch=1)
    desk.door.usual = Answer(delay=0.1)
    desk.offer(lane, *(a_work(item=an_item(deadline=FAR)) for _ in range(9)))
    desk.sender.pump(lane)
    await desk.sender.stop()
    assert desk.notebook.kinds == [OutcomeKind.ACCEPTED] * 2
    assert not desk.sender.has_broken_off
    desk.sender.pump(lane)
    assert lane.in_flight == 0


async def test_sender_knows_of_requests_of_which_nobody_will_hear(desk: Desk) -> None:
    lane = desk.lane()
    desk.door.usual = Answer(hang=True)
    desk.offer(lane)
    desk.sender.pump(lane)
    await eventually(lambda: desk.door.deliveries)
    desk.sender.abandon()
    assert desk.sender.has_broken_off


async def test_span_of_an_abandoned_request_ends(desk: Desk) -> None:
    spans, lane = KeptSpans(), desk.lane()
    desk.sender._parts = replace(desk.sender._parts, tracer=spans)
    desk.door.usual = Answer(hang=True)
    desk.offer(lane)
    desk.sender.pump(lane)
    await eventually(lambda: desk.door.in_flight)
    desk.sender.abandon()
    await eventually(lambda: not desk.sender._tasks)
    assert [one.ends for one in spans.begun] == [["CancelledError"]]


async def test_abandoned_request_is_recorded_by_nobody(desk: Desk) -> None:
    lane = desk.lane()
    desk.door.usual = Answer(hang=True)
    desk.offer(lane)
    desk.sender.pump(lane)
    await eventually(lambda: desk.door.deliveries)
    desk.sender.abandon()
    await desk.settled(lane)
    assert desk.notebook.kept == []


async def test_old_work_is_put_back_when_the_database_is_away(desk: Desk) -> None:
    lane = desk.lane()
    work = a_work(item=an_item(deadline=FAR), taken_at=0.0)
    desk.offer(lane, work)
    desk.seconds[0] = STALE_SECONDS + 1
    desk.sender.pump(lane)
    await desk.settled(lane)
    assert desk.notebook.kept == []
    assert desk.door.deliveries == []
    assert lane.is_idle
    assert lane.behind


class BrokenReach(Reach):
    """Comes to no conclusion about anything."""

    @override
    def judge(
        self, endpoint_id: EndpointId, exchange: Exchange, *, rehearses: bool = False
    ) -> Exchange:
        raise ArithmeticError


async def test_what_was_sent_is_recorded_even_if_no_conclusion_can_be_drawn(
    receiver: Receiver,
) -> None:
    nowhere = create_async_engine(NOWHERE)
    async with AsyncExitStack() as stack:
        desk = await a_desk(stack, receiver, nowhere, BrokenReach(CLOCK.now))
        lane = desk.lane()
        desk.offer(lane)
        desk.sender.pump(lane)
        await desk.settled(lane)
    await nowhere.dispose()
    assert len(desk.door.deliveries) == 1
    assert desk.notebook.kinds == [OutcomeKind.ACCEPTED]
    assert not lane.is_idle  # nobody sends it again


async def test_only_what_was_not_accounted_for_is_put_back(desk: Desk) -> None:
    lane = desk.lane()
    unreadable = a_work(item=an_item(deadline=FAR, number=None))
    unsayable = a_work(item=replace(an_item(deadline=FAR), carrier="\ud800"))
    desk.offer(lane, unreadable, unsayable)
    desk.sender.pump(lane)
    await desk.settled(lane)
    assert desk.notebook.kinds == [OutcomeKind.OWN_FAULT]
    assert not lane.is_new(unreadable.key, 2)
    assert lane.is_new(unsayable.key, 2)


async def test_item_called_back_while_it_waited_is_not_sent(
    receiver: Receiver, engine: AsyncEngine
) -> None:
    now = CLOCK.now()
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        platform = await a_reachable_platform(db)
        first = await an_order(db, carrier, now=now)
        orders = [first, *await many_orders(db, carrier, 2, like=first)]
        briefs = await Briefs(SEALER).load(db, now, orders)
        called_back = ItemKey(orders[1], platform.id)
        await bring_to(db, called_back, ItemStatus.CANCELLED, now=now)
    async with AsyncExitStack() as stack:
        desk = await a_desk(stack, receiver, engine)
        target = a_target(desk.door.url, platform_id=platform.id, max_batch=10)
        lane = a_lane(target)
        desk.offer(lane, *(a_work(item=briefs[one]) for one in orders))
        desk.seconds[0] = STALE_SECONDS + 1
        desk.sender.pump(lane)
        await desk.settled(lane)
        (finished,) = desk.notebook.kept
        assert finished.batch.subject_ids == (orders[0], orders[2])


async def test_lease_that_runs_short_meanwhile_sends_nothing(
    receiver: Receiver, engine: AsyncEngine
) -> None:
    now = CLOCK.now()
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        platform = await a_reachable_platform(db)
        order_id = await an_order(db, carrier, now=now)
        briefs = await Briefs(SEALER).load(db, now, [order_id])
    async with AsyncExitStack() as stack:
        desk = await a_desk(stack, receiver, engine)
        target = a_target(desk.door.url, platform_id=platform.id)
        lane = a_lane(target)
        work = a_work(item=briefs[order_id])
        desk.offer(lane, work)
        desk.seconds[0] = STALE_SECONDS + 1
        desk.sender.pump(lane)
        lane.lease_ends = 0.0  # while the item is looked up once more
        await desk.settled(lane)
        assert desk.door.deliveries == []
        assert lane.is_idle
        assert work.position is not None
        assert lane.position <= just_before(work.position)


async def test_request_is_signed_as_the_endpoint_is_at_that_moment(desk: Desk) -> None:
    lane = desk.lane()
    desk.offer(lane)
    desk.sender.pump(lane)  # takes the batch; the request itself starts after it
    rotated = Secret(b"another secret, thirty-two bytes")
    desk.door.secrets[:] = [rotated.text]
    assert lane.target is not None
    put_to_use(lane, replace(lane.target, secrets=(rotated,)))
    await desk.settled(lane)
    assert desk.notebook.kinds == [OutcomeKind.ACCEPTED]
    assert desk.door.rejected == 0


async def test_nothing_starts_once_the_endpoint_is_paused(desk: Desk) -> None:
    lane = desk.lane()
    desk.offer(lane)
    desk.sender.pump(lane)
    lane.retarget(None, 0.0)
    await desk.settled(lane)
    assert desk.door.deliveries == []
    assert desk.notebook.kept == []
    assert lane.is_idle


async def test_batch_that_has_become_too_large_is_read_again(desk: Desk) -> None:
    lane = desk.lane(max_batch=10)
    desk.offer(lane, *(a_work(item=an_item(deadline=FAR)) for _ in range(6)))
    desk.sender.pump(lane)
    assert lane.target is not None
    put_to_use(lane, replace(lane.target, max_batch=5))
    await desk.settled(lane)
    assert desk.door.deliveries == []
    assert lane.is_idle
    assert lane.behind


async def test_what_would_go_out_too_late_is_put_back(desk: Desk) -> None:
    lane = desk.lane(max_rate=0.5)
    item = an_item(deadline=FAR)
    desk.offer(lane, a_work(item=item, taken_at=3.0))
    desk.seconds[0] = 3.0
    assert lane.begin(3.0, 0.0) == 0.0  # one that had been delayed goes out
    desk.sender.pump(lane)
    await desk.settled(lane)
    assert desk.door.deliveries == []
    assert lane.is_idle
    desk.offer(lane, a_work(item=item, taken_at=5.0))
    desk.seconds[0] = 5.0
    desk.sender.pump(lane)
    await eventually(lambda: desk.door.deliveries)
