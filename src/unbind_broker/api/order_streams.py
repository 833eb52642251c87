"""Tell what happens to an order while it happens."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from itertools import chain

from unbind_broker.api.admission import Overloaded
from unbind_broker.api.json_answers import encode
from unbind_broker.api.sse import COMMENT, HEARTBEAT, event, pieces, retry
from unbind_broker.api.watching import Watch
from unbind_broker.items.course import Course
from unbind_broker.items.timeline import nothing_told, show_step, steps_since
from unbind_broker.items.timeline_place import read_place, write_place

FIRST_LOOK = 5.0
"""Seconds until an order must have been read once."""
_SOONEST_BACK = 1000
_LATEST_BACK = 3000


@dataclass(frozen=True)
class OrderStream:
    """The stream of one order, from behind ``last_event_id`` if that is a place in it.

    ``heartbeat`` is in seconds.
    """

    last_event_id: str | None
    heartbeat: float = HEARTBEAT

    async def tell(self, watch: Watch) -> AsyncGenerator[bytes]:
        """Give pieces of the stream, until the order is over or nobody may watch."""
        course = await _first_look(watch)
        told = self._told_before(course)
        if _is_all(course, told):
            return
        for piece in pieces(chain([retry(_back_after(course))], _news(course, told))):
            yield piece
        while not watch.ended and not _is_all(course, told):
            if not await watch.stirred(self.heartbeat):
                yield COMMENT
                continue
            course, told = _follow(watch, course, told)
            for piece in pieces(_news(course, told)):
                yield piece

    def _told_before(self, course: Course) -> list[int]:
        if self.last_event_id is not None:
            told = read_place(course, self.last_event_id)
            if told is not None:
                return told
        return nothing_told(course)


async def _first_look(watch: Watch) -> Course:
    async with asyncio.timeout(FIRST_LOOK):
        while watch.course is None and not watch.ended:
            await watch.stirred(FIRST_LOOK)
    if watch.course is None:
        raise Overloaded("this process is about to end; try again")
    return watch.course


def _is_all(course: Course, told: list[int]) -> bool:
    return course.is_over and not steps_since(course, told)


def _follow(watch: Watch, course: Course, told: list[int]) -> tuple[Course, list[int]]:
    """Go over to the course that is shown now; begin anew if it has other items."""
    now = watch.course or course
    if len(told) != len(nothing_told(now)):
        told = nothing_told(now)
    return now, told


def _news(course: Course, told: list[int]) -> Iterator[bytes]:
    """Write what is new, and note in ``told`` that it is told."""
    for step in steps_since(course, told):
        told[step.slot] = step.mark
        data = encode(show_step(course, step))
        yield event(step.type, write_place(course, told), data)


def _back_after(course: Course) -> int:
    """Give the milliseconds to wait, spread so that not all come back at once."""
    return _SOONEST_BACK + course.order_id.int % (_LATEST_BACK - _SOONEST_BACK)
