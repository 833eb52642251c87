"""What happened to a query or an order: as a list, or live over any break."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

import httpx
from pydantic import AwareDatetime, Field

from unbind_broker.client.calls import Call, Calls
from unbind_broker.client.errors import AnswerUnreadable, Unreachable
from unbind_broker.client.order_shapes import Item
from unbind_broker.client.shapes import Page, Shape, read
from unbind_broker.client.sse import EventReader, SentEvent, lines_of

LAST = frozenset(
    {"order.completed", "order.cancelled", "query.completed", "query.cancelled"}
)
"""Types after which a stream has nothing more to tell."""
SILENCE = 30.0
"""Seconds beyond the usual timeout; the broker gives a sign of life every 15."""


class TimelineEvent(Shape):
    """One thing that happened. ``cursor`` resumes a stream behind it."""

    id: str = ""
    type: str
    at: AwareDatetime | None = None
    item: Item | None = None
    cursor: str | None = Field(default=None, repr=False)


class TimelineEvents(Page[TimelineEvent]):
    """What happened, oldest first."""


class Timeline:
    """Read and follow one query or order."""

    def __init__(
        self, calls: Calls, path: str, is_over: Callable[[], Awaitable[bool]]
    ) -> None:
        self._calls = calls
        self._path = path
        self._is_over = is_over

    async def read(self) -> list[TimelineEvent]:
        """Give what happened so far; states that were passed quickly may be missing."""
        answer = await self._calls.make(Call("GET", self._path))
        return read(TimelineEvents, answer.content).data

    async def follow(
        self, last_event_id: str | None = None
    ) -> AsyncGenerator[TimelineEvent, None]:
        """Give what happened so far, then what happens, until it is over.

        A stream that breaks off is resumed where it was, on whichever process answers.
        ``last_event_id`` is the ``cursor`` of an event seen earlier. Raises
        ``Unreachable`` when no try gets any further.
        """
        cursor, fruitless, ended = last_event_id, 0, False
        while True:
            # Asked before: what happens in between is in the stream.
            over = ended and await self._is_over()
            reader = EventReader()
            try:
                async with aclosing(self._stream(cursor, reader)) as sent:
                    async for event in sent:
                        cursor, fruitless = event.cursor or cursor, 0
                        yield event
                        if event.type in LAST:
                            return
                ended = True
            except (httpx.RequestError, ValueError):
                ended = False
            if over and ended:
                return
            fruitless += 1
            await self._pause(fruitless, reader.retry)

    async def _pause(self, fruitless: int, asked: float | None) -> None:
        wait = self._calls.retrying.pause(fruitless, self._calls.roll(), asked)
        if wait is None:
            raise Unreachable(
                f"GET {self._path} broke off again and again", unsent=False
            )
        await self._calls.sleep(wait)

    async def _stream(
        self, cursor: str | None, reader: EventReader
    ) -> AsyncGenerator[TimelineEvent, None]:
        call = Call("GET", self._path).patient(SILENCE)
        call = call.with_header("Accept", "text/event-stream")
        if cursor is not None:
            call = call.with_header("Last-Event-ID", cursor)
        async with (
            self._calls.opened(call) as answer,
            aclosing(lines_of(answer.aiter_bytes())) as lines,
        ):
            if not answer.headers.get("content-type", "").startswith("text/event-"):
                raise AnswerUnreadable("the answer is no stream of events")
            async for line in lines:
                sent = reader.take(line)
                if sent is not None:
                    yield _event(sent)


def _event(sent: SentEvent) -> TimelineEvent:
    event = read(TimelineEvent, sent.data)
    return event.model_copy(update={"cursor": sent.id})
