"""What is to be counted when an order ends, told by its events in the trail. Pure.

An order ends, and ends again after items of it were requeued: each end counts what it
ended, once. Items change after an end: by a late result, by an amendment, by a requeue.
Each such change leaves an event that says what stood before, so that an end counts what
stood then, however much later it is counted.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NamedTuple
from uuid import UUID

from unbind_broker.items.states import ItemStatus, Reason


class Happened(Enum):
    """What an event says of its order, by its action in the trail."""

    COMPLETED = "order.completed"
    CANCELLED = "order.cancelled"
    REQUEUED = "item.requeued"
    LATE = "result.late"
    AMENDED = "result.amended"


ENDS = frozenset({Happened.COMPLETED, Happened.CANCELLED})
RESULTS = frozenset({Happened.LATE, Happened.AMENDED})


class Place(NamedTuple):
    """Where an event stands in the trail."""

    xid: int
    id: UUID


class Words(NamedTuple):
    """What is said of an item."""

    status: ItemStatus
    reason: Reason | None
    late: bool


_UNDELIVERED = Words(ItemStatus.UNDELIVERABLE, None, late=False)


@dataclass(frozen=True, kw_only=True)
class OrderEvent:
    """An event of an order; ``platforms`` are those whose items it is about.

    ``was`` and ``reported`` are there where a result replaced another.
    """

    place: Place
    order_id: UUID
    what: Happened
    at: datetime
    platforms: frozenset[int] = frozenset()
    was: Words | None = None
    reported: Words | None = None


class Stood(NamedTuple):
    """What stood of an item when its order ended, though something else stands now."""

    platform_id: int
    words: Words


@dataclass(frozen=True)
class Ended:
    """What one end counts: all items, or those of some platforms ``again``."""

    order_id: UUID
    at: datetime
    again: frozenset[int] | None
    stood: tuple[Stood, ...]


def ended_by(end: OrderEvent, history: Iterable[OrderEvent]) -> Ended:
    """Say what ``end`` counts; ``history`` is all that is known of its order."""
    others = sorted(history, key=lambda event: event.place)
    before = [event for event in others if event.place < end.place]
    after = [event for event in others if event.place > end.place]
    return Ended(end.order_id, end.at, _again(before), _stood(after))


def is_after_the_end(result: OrderEvent, history: Collection[OrderEvent]) -> bool:
    """Tell a result that no end counts: it came when its item was counted already."""
    (platform,) = result.platforms
    for event in sorted(history, key=lambda event: event.place, reverse=True):
        if event.place >= result.place:
            continue
        if event.what is Happened.REQUEUED and platform in event.platforms:
            return False
        if event.what in ENDS:
            return True
    return False


def _again(before: Sequence[OrderEvent]) -> frozenset[int] | None:
    """Give the platforms that were asked again since the last end; None: the first."""
    requeued: set[int] = set()
    for event in reversed(before):
        if event.what in ENDS:
            return frozenset(requeued)
        if event.what is Happened.REQUEUED:
            requeued |= event.platforms
    return None


def _stood(after: Sequence[OrderEvent]) -> tuple[Stood, ...]:
    """Take what the first change of each item after the end says it replaced."""
    stood: dict[int, Words] = {}
    for event in after:
        words = _UNDELIVERED if event.what is Happened.REQUEUED else event.was
        for platform in event.platforms:
            if words is not None:
                stood.setdefault(platform, words)
    return tuple(Stood(*one) for one in sorted(stood.items()))
