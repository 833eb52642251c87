"""The timeline of an order, made of what its carrier sees of it, and of nothing else.

So it tells nothing that the order itself does not show, and needs no row of its own.
What happened and was overwritten since is not in it: an interim state, an earlier hold,
a result that was corrected.

Each thing that can be told has a *slot*: its *mark* says what of it is so, or was told
last, in 24 bits. Whoever knows the marks that were told knows what is missing.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple, NotRequired, TypedDict

from unbind_broker.items.course import ACKNOWLEDGED, QUEUED, Course
from unbind_broker.items.item_views import ItemView
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.views import Sensitive
from unbind_broker.orders.states import HoldReason, OrderStatus

CREATED, HELD, OVERDUE, SENSITIVE, OVER = range(5)
"""The slots of the order itself; those of its items follow in the order of slugs."""
FIRST_ITEM = 5

_IS_HELD, _IS_RELEASED = 1, 2
_ENDS = {
    OrderStatus.COMPLETED.value: (1, "order.completed"),
    OrderStatus.CANCELLED.value: (2, "order.cancelled"),
}
_BRAKED = HoldReason.BRAKED.value
_NO_INSTANT_YET = "9"
"""Sorts behind every instant."""


class Details(TypedDict):
    """What an event tells besides, by its type."""

    item: NotRequired[ItemView]
    held_until: NotRequired[str | None]
    held_for: NotRequired[str | None]
    sensitive: NotRequired[Sensitive]


class TimelineEvent(Details):
    """One thing that happened, ready for JSON.

    ``at`` is null where only that it is so is known, and not since when.
    """

    id: str
    type: str
    at: str | None


class Step(NamedTuple):
    """An event, where it stands among others, and what is told once it is."""

    place: tuple[str, int, str]
    slot: int
    mark: int
    type: str
    at: str | None
    more: Details


def nothing_told(course: Course) -> list[int]:
    """Give the marks of somebody who was told nothing."""
    return [0] * (FIRST_ITEM + len(course.marks))


def steps_since(course: Course, told: Sequence[int]) -> list[Step]:
    """Tell what there is to tell to somebody who was ``told`` this, oldest first."""
    steps = [*_order_steps(course, told)]
    for slot, (slug, mark) in enumerate(course.marks.items(), FIRST_ITEM):
        if mark != told[slot]:
            steps.extend(_item_steps(course, slug, slot, mark, told[slot]))
    steps.sort(key=lambda step: step.place)
    return steps


def show_step(course: Course, step: Step) -> TimelineEvent:
    """Write one event. Its id is the same whenever and wherever it is told."""
    said = step.more.copy()
    if "item" in said:
        said["item"] = {**said["item"], "attempts": 0}
    content = [str(course.order_id), step.type, step.at, said]
    written = json.dumps(content, ensure_ascii=False, sort_keys=True)
    name = hashlib.sha256(written.encode()).hexdigest()[:24]
    return TimelineEvent(id=name, type=step.type, at=step.at, **step.more)


def _order_steps(course: Course, told: Sequence[int]) -> Iterator[Step]:
    if not told[CREATED]:
        place = (course.now.created_at, 0, "")
        yield Step(place, CREATED, 1, "order.created", course.now.created_at, {})
    yield from _hold_steps(course, told[HELD])
    if course.is_overdue and not told[OVERDUE]:
        place = (course.now.deadline, 3, "")
        yield Step(place, OVERDUE, 1, "order.overdue", course.now.deadline, {})
    finished = course.sensitive["finished"]
    if finished != told[SENSITIVE]:
        place = (course.now.completed_at or _NO_INSTANT_YET, 7, "")
        more = Details(sensitive=course.sensitive)
        yield Step(place, SENSITIVE, finished, "order.sensitive", None, more)
    end, kind = _ENDS.get(course.now.status, (0, "order.reopened"))
    if end != told[OVER]:
        place = (course.now.completed_at or _NO_INSTANT_YET, 8, "")
        yield Step(place, OVER, end, kind, course.now.completed_at, {})


def _hold_steps(course: Course, told: int) -> Iterator[Step]:
    if course.now.held_for is None:
        return
    reason = HoldReason(course.now.held_for)
    held, released = (reason.code << 2 | how for how in (_IS_HELD, _IS_RELEASED))
    now = released if _is_released(course) else held
    if told == now or (told == released and course.is_over):
        return
    if told != held:
        at = None if course.now.held_for == _BRAKED else course.now.created_at
        more = Details(held_until=course.now.held_until, held_for=course.now.held_for)
        place = (course.now.created_at, 1, "")
        yield Step(place, HELD, held, "order.held", at, more)
    if now == released:
        place = (course.now.held_until or course.now.created_at, 2, "")
        yield Step(place, HELD, released, "order.released", course.now.held_until, {})


def _is_released(course: Course) -> bool:
    """Tell whether a hold is over; of an order that is over itself, if that is known.

    One may be called back while it is held, and end in the hands of the brake.
    """
    if not course.is_over:
        return course.now.status != OrderStatus.HELD.value
    if course.now.held_until is None or course.now.completed_at is None:
        return False
    return course.now.completed_at >= course.now.held_until


def _item_steps(
    course: Course, slug: str, slot: int, mark: int, told: int
) -> Iterator[Step]:
    item = course.item(slug)
    taken_at = item["acknowledged_at"]
    if mark == QUEUED:
        place = (_NO_INSTANT_YET, 4, slug)
        yield Step(place, slot, mark, "item.queued", None, {"item": item})
        return
    if mark == ACKNOWLEDGED or (told == QUEUED and taken_at is not None):
        place = (taken_at or course.now.created_at, 4, slug)
        more = Details(item=_when_taken(item))
        yield Step(place, slot, ACKNOWLEDGED, "item.acknowledged", taken_at, more)
    if mark != ACKNOWLEDGED:
        since, ended = taken_at or course.now.created_at, item["finished_at"]
        place = (max(since, ended or since), 5 if ended is None else 6, slug)
        yield Step(place, slot, mark, f"item.{item['status']}", ended, {"item": item})


def _when_taken(item: ItemView) -> ItemView:
    return ItemView(
        platform=item["platform"],
        platform_name=item["platform_name"],
        status=ItemStatus.ACKNOWLEDGED.value,
        reason=None,
        detail=None,
        attempts=item["attempts"],
        acknowledged_at=item["acknowledged_at"],
        finished_at=None,
        bindings=None,
        removed=None,
        kept=None,
        restorable_until=None,
        action_url=None,
        late=False,
        overdue=False,
    )
