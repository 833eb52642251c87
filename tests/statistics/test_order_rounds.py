"""Every end of an order counts what it ended, once, as it stood then."""

from datetime import timedelta
from uuid import UUID

from tests.support.clock import NOON
from unbind_broker.items.states import ItemStatus
from unbind_broker.statistics.order_rounds import (
    Happened,
    OrderEvent,
    Place,
    Stood,
    Words,
    ended_by,
    is_after_the_end,
)

ORDER = UUID(int=7)
EXPIRED = Words(ItemStatus.EXPIRED, None, late=False)
UNDELIVERABLE = Words(ItemStatus.UNDELIVERABLE, None, late=False)
NOT_BOUND = Words(ItemStatus.NOT_BOUND, None, late=False)


def event(
    xid: int, what: Happened, *platforms: int, was: Words | None = None
) -> OrderEvent:
    return OrderEvent(
        place=Place(xid, UUID(int=xid)),
        order_id=ORDER,
        what=what,
        at=NOON + timedelta(minutes=xid),
        platforms=frozenset(platforms),
        was=was,
    )


END = event(10, Happened.COMPLETED)
REQUEUE = event(20, Happened.REQUEUED, 1, 2)
SECOND_END = event(30, Happened.COMPLETED)


def test_first_end_counts_all_items_as_they_are() -> None:
    ended = ended_by(END, [END])
    assert (ended.again, ended.stood, ended.at) == (None, (), END.at)


def test_later_end_counts_only_what_was_asked_again_since_the_one_before() -> None:
    third = event(40, Happened.REQUEUED, 3)
    last = event(50, Happened.CANCELLED)
    history = [last, third, END, REQUEUE, SECOND_END]
    assert ended_by(SECOND_END, history).again == frozenset({1, 2})
    assert ended_by(last, history).again == frozenset({3})
    assert ended_by(END, history).again is None


def test_end_counts_what_the_first_change_behind_it_replaced() -> None:
    late = event(12, Happened.LATE, 5, was=EXPIRED)
    amended = event(14, Happened.AMENDED, 5, was=NOT_BOUND)
    earlier = event(8, Happened.AMENDED, 6, was=NOT_BOUND)
    ended = ended_by(END, [amended, earlier, late, REQUEUE, END])
    assert ended.stood == (
        Stood(1, UNDELIVERABLE),
        Stood(2, UNDELIVERABLE),
        Stood(5, EXPIRED),
    )


def test_late_result_behind_an_end_is_not_counted_by_it() -> None:
    before, after = event(8, Happened.LATE, 5), event(12, Happened.LATE, 5)
    assert not is_after_the_end(before, [before, END])
    assert is_after_the_end(after, [after, END])


def test_late_result_of_what_was_asked_again_is_counted_by_the_next_end() -> None:
    history = [END, REQUEUE]
    assert not is_after_the_end(event(25, Happened.LATE, 1), history)
    assert is_after_the_end(event(25, Happened.LATE, 5), history)
    assert is_after_the_end(event(35, Happened.LATE, 1), [*history, SECOND_END])
