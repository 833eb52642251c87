"""What happened to a query or an order: as a list, or live over any break."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

import httpx
from pydantic import AwareDatetime, Field

from unbind_broker.client.calls import Call, Calls
from unbind_broker.client.errors import AnswerUnreadable, Unreachable
from unbind_broker.client.order_shapes import Item, Sensitive
from unbind_broker.client.shapes import Shape, read
from unbind_broker.client.sse import EventReader, lines_of

SILENCE = 30.0
"""Seconds beyond the usual timeout; the broker gives a sign of life every 15."""
_NO_CONTENT = 204


class TimelineEvent(Shape):
    """One thing that happened. ``cursor`` resumes a stream behind it."""

    id: str
    type: str
    at: AwareDatetime | None = None
    item: Item | None = None
    held_until: datetime | None = None
    held_for: str | None = None
    sensitive: Sensitive | None = None
    cursor: str | None = Field(default=None, repr=False)


class Course(Shape):
    """What happened so far, oldest first; ``last_event_id`` follows on from there."""

    data: list[TimelineEvent]
    last_event_id: str | None = None


@dataclass
class _Place:
    """How far a stream was told."""

    cursor: str | None
    fruitless: int = 0
    over: bool = False
    asked: float | None = None


class Timeline:
    """Read and follow one query or order."""

    def __init__(self, calls: Calls, path: str) -> None:
        self._calls = calls
        self._path = path

    async def read(self) -> Course:
        """Give what happened so far; states that were overwritten are not in it."""
        answer = await self._calls.make(Call("GET", self._path))
        return read(Course, answer.content)

    async def follow(
        self, last_event_id: str | None = None
    ) -> AsyncGenerator[TimelineEvent, None]:
        """Give what happened so far, then what happens, until it is over.

        A stream that breaks off is resumed where it was, at whichever server answers.
        Raises ``Unreachable`` when no try gets any further.
        """
        place = _Place(last_event_id)
        while True:
            try:
                async with aclosing(self._stream(place)) as events:
                    async for event in events:
                        yield event
            except httpx.RequestError:
                place.fruitless += 1
            else:
                if place.over:
                    return
                # It ended in good order: there is no need to spare the broker.
                place.fruitless, place.asked = place.fruitless + 1, None
            await self._pause(place)

    async def _pause(self, place: _Place) -> None:
        roll = self._calls.roll()
        wait = self._calls.retrying.pause(place.fruitless, roll, place.asked)
        if wait is None:
            detail = f"GET {self._path} broke off again and again"
            raise Unreachable(detail, unsent=False)
        await self._calls.sleep(wait)

    async def _stream(self, place: _Place) -> AsyncGenerator[TimelineEvent, None]:
        """Give the events of one connection; it is over at 204 (WHATWG HTML §9.2.3)."""
        reader = EventReader()
        async with self._calls.opened(self._call(place)) as answer:
            place.over = answer.status_code == _NO_CONTENT
            if place.over:
                return
            if not answer.headers.get("content-type", "").startswith("text/event-"):
                raise AnswerUnreadable("the answer is no stream of events")
            async with aclosing(lines_of(answer.aiter_bytes())) as lines:
                async for line in lines:
                    sent = reader.take(line)
                    place.asked = reader.retry
                    if sent is None:
                        continue
                    place.cursor, place.fruitless = sent.id or place.cursor, 0
                    event = read(TimelineEvent, sent.data)
                    yield event.model_copy(update={"cursor": place.cursor})

    def _call(self, place: _Place) -> Call:
        call = Call("GET", self._path).patient(SILENCE)
        call = call.with_header("Accept", "text/event-stream")
        if place.cursor is None:
            return call
        return call.with_header("Last-Event-ID", place.cursor)
