"""The feed of everything that webhooks tell, for carriers without an inbound door."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from pydantic import AwareDatetime, Field

from unbind_broker.client.calls import Call, Calls
from unbind_broker.client.lists import LARGEST_PAGE, chosen
from unbind_broker.client.shapes import Page, Shape, read

PATH = "/v1/events"


class ToldEvent(Shape):
    """One thing that happened, as its webhook says it."""

    id: str
    """Its webhook has it as ``webhook-id``; keep it to read on behind it."""
    type: str
    timestamp: AwareDatetime
    order_id: str | None = None
    data: dict[str, Any] = Field(repr=False)


class ToldEvents(Page[ToldEvent]):
    """Events, oldest first."""


class Feed:
    """Read on from the last event that was handled; none is ever skipped."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def read(self, after: str | None = None) -> AsyncGenerator[ToldEvent, None]:
        """Give every event behind ``after``, up to now; without it, all that is kept.

        Raises ``NotFound`` where ``after`` is not kept any more.
        """
        while True:
            params = chosen(after=after, limit=LARGEST_PAGE)
            answer = await self._calls.make(Call("GET", PATH, params))
            page = read(ToldEvents, answer.content)
            for event in page.data:
                yield event
                after = event.id
            if page.next_cursor is None:
                return

    async def follow(
        self, after: str | None = None, every: float = 5.0
    ) -> AsyncGenerator[ToldEvent, None]:
        """Give every event behind ``after``, then look every few seconds, for ever."""
        while True:
            async with aclosing(self.read(after)) as events:
                async for event in events:
                    after = event.id
                    yield event
            await asyncio.sleep(every)
