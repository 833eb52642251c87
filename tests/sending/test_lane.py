"""One lane by itself: rooms, limits, cursors. Time is what the test says."""

from datetime import timedelta
from uuid import UUID

import pytest

from tests.sending.parts import (
    START,
    a_lane,
    a_target,
    a_work,
    an_item,
    offer,
    put_to_use,
)
from unbind_broker.deliveries.breaker import LONGEST_HOLD
from unbind_broker.endpoints.events import EventType
from unbind_broker.orders.positions import Position, just_before
from unbind_broker.orders.states import OrderKind
from unbind_broker.sending.batches import Batch, Work
from unbind_broker.sending.frontier import Frontier
from unbind_broker.sending.lane import LEAST_CAPACITY, Lane
from unbind_broker.sending.read_numbers import ReadNumbers

UNBIND = EventType.UNBIND_REQUESTED
NEEDED = 12.0


def fed(lane: Lane, works: list[Work], read: int = 1) -> list[Work]:
    for work in works:
        assert offer(lane, work, read)
    return works


def taken(lane: Lane, now: float = 0.0) -> Batch:
    batch = lane.take(now)
    assert batch is not None
    return batch


def row_of(work: Work) -> Position:
    assert work.position is not None
    return work.position


def test_batches_are_as_large_as_the_endpoint_allows() -> None:
    lane = a_lane(a_target(max_batch=3))
    works = fed(lane, [a_work(200 + place) for place in range(7)])
    batches = [list(taken(lane).works) for _ in range(3)]
    assert batches == [works[:3], works[3:6], works[6:]]
    assert lane.take(0.0) is None


def test_no_more_requests_at_once_than_the_endpoint_allows() -> None:
    lane = a_lane(a_target(max_batch=1, max_concurrency=2))
    fed(lane, [a_work() for _ in range(3)])
    assert lane.wait(0.0, NEEDED) == 0.0
    taken(lane), taken(lane)
    assert lane.wait(0.0, NEEDED) is None
    lane.finish()
    assert lane.wait(0.0, NEEDED) == 0.0


def test_requests_keep_the_rate() -> None:
    lane = a_lane(a_target(max_batch=1, max_rate=2.0))
    fed(lane, [a_work(), a_work()])
    assert lane.wait(0.0, NEEDED) == 0.5
    taken(lane, 0.5)
    assert lane.wait(0.5, NEEDED) == 0.5


def test_nothing_starts_when_the_lease_might_not_outlast_it() -> None:
    lane = a_lane(lease_ends=20.0)
    fed(lane, [a_work()])
    assert lane.wait(7.9, NEEDED) == 0.0
    assert lane.wait(8.0, NEEDED) is None


def test_kinds_of_orders_are_not_mixed() -> None:
    lane = a_lane()
    query = a_work(item=an_item(kind=OrderKind.QUERY), taken_at=2.0)
    unbind = a_work(taken_at=1.0)
    fed(lane, [query, unbind])
    first, second = taken(lane), taken(lane)
    assert (first.event, first.works) == (UNBIND, [unbind])
    assert (second.event, second.works) == (EventType.QUERY_REQUESTED, [query])


def test_first_sends_and_later_ones_take_turns() -> None:
    lane = a_lane(a_target(max_batch=1))
    fresh = fed(lane, [a_work(), a_work()])
    again = [a_work(None, attempt=1), a_work(None, attempt=1)]
    for work in again:
        assert lane.offer_again(UNBIND, [work], 1)
    order = [taken(lane).works[0] for _ in range(4)]
    assert order == [again[0], fresh[0], again[1], fresh[1]]


def test_what_failed_together_is_sent_together() -> None:
    lane = a_lane(a_target(max_batch=3))
    together = [a_work(None, attempt=1) for _ in range(3)]
    lane.offer_again(UNBIND, together, 1)
    assert taken(lane).works == together


def test_what_is_too_large_by_now_parts() -> None:
    lane = a_lane(a_target(max_batch=2))
    together = [a_work(None, attempt=1) for _ in range(3)]
    lane.offer_again(UNBIND, together, 1)
    assert [taken(lane).works, taken(lane).works] == [together[:2], together[2:]]


def test_item_is_taken_once() -> None:
    lane = a_lane()
    work = a_work()
    assert offer(lane, work, 1)
    assert not offer(lane, work, 2)
    assert not lane.offer_again(UNBIND, [work], 2)


def test_recorded_item_is_not_taken_from_a_read_that_began_before() -> None:
    numbers = ReadNumbers()
    lane = a_lane(numbers=numbers)
    work = a_work()
    with numbers.reading() as early:
        offer(lane, work, early)
        taken(lane)
        lane.recorded([work.key])
        assert not offer(lane, work, early)
        with numbers.reading() as late:
            assert offer(lane, work, late)


def test_room_is_what_is_not_pending() -> None:
    lane = a_lane(a_target(max_batch=50, max_concurrency=4))
    assert lane.room == lane.capacity == 400
    works = fed(lane, [a_work() for _ in range(201)])
    assert lane.room == 199
    lane.recorded([works[0].key])
    assert lane.room == 200


@pytest.mark.parametrize(("pending", "wants"), [(0, True), (200, True), (201, False)])
def test_lane_reads_on_once_half_of_it_is_free(pending: int, *, wants: bool) -> None:
    lane = a_lane(a_target(max_batch=50, max_concurrency=4))
    fed(lane, [a_work() for _ in range(pending)])
    assert lane.wants_more is wants


def test_lane_that_sends_one_by_one_still_reads_many_at_once() -> None:
    lane = a_lane(a_target(max_batch=1, max_concurrency=1))
    assert lane.capacity == LEAST_CAPACITY


def test_rows_of_the_queue_are_counted_while_they_are_pending() -> None:
    lane = a_lane()
    again = [a_work(None), a_work(None)]
    lane.offer_again(UNBIND, again, 1)
    fed(lane, [a_work()])
    assert lane.pending_again == 2
    lane.recorded([again[0].key])
    lane.forget([again[1].key, UUID(int=99)])
    assert lane.pending_again == 0


def test_cursor_never_passes_what_is_not_recorded() -> None:
    lane = a_lane()
    works = fed(lane, [a_work(200), a_work(210), a_work(220)])
    lane.frontier = Frontier(Position(300, UUID(int=0)))
    first, _, third = (row_of(work) for work in works)
    assert lane.cursor == just_before(first)
    lane.recorded([works[1].key])
    assert lane.cursor == just_before(first)
    lane.recorded([works[0].key])
    assert lane.cursor == just_before(third)
    lane.recorded([works[2].key])
    assert lane.cursor == lane.position


def test_rows_of_the_queue_do_not_hold_the_cursor() -> None:
    lane = a_lane()
    lane.offer_again(UNBIND, [a_work(None)], 1)
    assert lane.cursor == START


def test_cursor_is_not_ahead_of_what_was_read() -> None:
    lane = a_lane()
    fed(lane, [a_work(200)])
    assert lane.cursor == START


def test_what_was_not_sent_is_read_again_when_the_endpoint_stops() -> None:
    lane = a_lane(a_target(max_batch=1))
    flying, waiting = fed(lane, [a_work(200), a_work(210)])
    lane.offer_again(UNBIND, [a_work(None)], 1)
    taken(lane)  # one of the queue
    assert taken(lane).works == [flying]
    lane.frontier = Frontier(Position(300, UUID(int=0)))
    lane.behind = False
    lane.retarget(None, 0.0)
    assert lane.position == just_before(row_of(waiting))
    assert lane.behind
    assert not lane.sends
    assert lane.room == 0
    assert lane.wait(0.0, NEEDED) is None
    assert not lane.is_idle
    put_to_use(lane, a_target())
    assert offer(lane, waiting, 2)


def test_stopped_lane_takes_nothing() -> None:
    lane = a_lane()
    lane.retarget(None, 0.0)
    assert lane.capacity == 0
    assert not lane.wants_more
    assert not lane.offer_again(UNBIND, [a_work(None)], 1)
    assert lane.take(0.0) is None


def test_smaller_batches_are_in_force_at_once() -> None:
    lane = a_lane(a_target(max_batch=3))
    works = [a_work(None) for _ in range(3)]
    lane.offer_again(UNBIND, works, 1)
    put_to_use(lane, a_target(max_batch=1))
    assert lane.take(0.0) is None
    lane.offer_again(UNBIND, works, 2)
    assert len(taken(lane).works) == 1


@pytest.mark.parametrize("ending", ["draining", "lost"])
def test_lane_that_ends_starts_nothing(ending: str) -> None:
    lane = a_lane()
    fed(lane, [a_work()])
    setattr(lane, ending, True)
    assert lane.wait(0.0, NEEDED) is None
    assert lane.room == 0


def test_draining_lane_is_idle_once_all_it_sent_is_recorded() -> None:
    lane = a_lane(a_target(max_batch=1))
    flying, _ = fed(lane, [a_work(), a_work()])
    taken(lane)
    lane.drain()
    assert not lane.is_idle
    lane.finish()
    assert not lane.is_idle
    lane.recorded([flying.key])
    assert lane.is_idle


def test_retry_after_holds_everything_but_not_for_ever() -> None:
    lane = a_lane(lease_ends=100_000.0)
    fed(lane, [a_work()])
    lane.hold(timedelta(seconds=30), 100.0)
    lane.hold(timedelta(seconds=5), 100.0)
    assert lane.wait(101.0, NEEDED) == 29.0
    lane.hold(timedelta(days=9), 100.0)
    assert lane.wait(100.0, NEEDED) == LONGEST_HOLD.total_seconds()


def test_put_back_work_is_read_again() -> None:
    lane = a_lane(a_target(max_batch=1))
    (work,) = fed(lane, [a_work(200)])
    lane.frontier = Frontier(Position(300, UUID(int=0)))
    taken(lane)
    lane.put_back([work, a_work(None)])
    assert lane.position == just_before(row_of(work))
    assert offer(lane, work, 1)
