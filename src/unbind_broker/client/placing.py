"""What queries and orders have in common: placed, read, waited for."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import ClassVar

from unbind_broker.client.calls import Call, Calls
from unbind_broker.client.lists import chosen, read_all
from unbind_broker.client.order_shapes import (
    ListedOrder,
    Order,
    OrderPage,
    Question,
    Unbinding,
    body_of,
)
from unbind_broker.client.shapes import instant, read
from unbind_broker.client.timeline import Course, Timeline, TimelineEvent

LONGEST_WAIT = 30
"""Seconds that the broker keeps a call waiting."""
FIRST_LOOK = 0.2
LONGEST_LOOK = 5.0
_GROWTH = 1.5


class Placing:
    """Place, read and wait."""

    path: ClassVar[str]

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def get(self, order_id: str) -> Order:
        """Read where it stands, platform by platform."""
        answer = await self._calls.make(Call("GET", self._at(order_id)))
        return read(Order, answer.content)

    def list(
        self,
        *,
        status: str | None = None,
        reference: str | None = None,
        created_after: datetime | None = None,
    ) -> AsyncIterator[ListedOrder]:
        """Give yours, newest first, without their items. Restores are orders too."""
        after = None if created_after is None else instant(created_after)
        params = chosen(status=status, reference=reference, created_after=after)
        return read_all(self._calls, Call("GET", self.path, params), OrderPage)

    async def until_over(self, order_id: str, within: float) -> Order:
        """Look again and again until it is over, for at most ``within`` seconds.

        Gives it as it stands then; ``is_over`` tells which it was.
        """
        clock = asyncio.get_running_loop().time
        end, pause = clock() + within, FIRST_LOOK
        while True:
            seen = await self.get(order_id)
            left = end - clock()
            if seen.is_over or left <= 0:
                return seen
            await asyncio.sleep(min(pause, left))
            pause = min(pause * _GROWTH, LONGEST_LOOK)

    async def receipt(self, order_id: str, version: int | None = None) -> str:
        """Get the broker's signed statement, a compact JWS, once it is over."""
        params = {} if version is None else {"version": str(version)}
        call = Call("GET", f"{self._at(order_id)}/receipt", params)
        answer = await self._calls.make(call.with_header("Accept", "application/jose"))
        return answer.text.strip()

    async def events(self, order_id: str) -> Course:
        """Give what happened so far, oldest first."""
        return await self._timeline(order_id).read()

    def follow(
        self, order_id: str, last_event_id: str | None = None
    ) -> AsyncIterator[TimelineEvent]:
        """Give what happened so far, then what happens, until it is over.

        A stream that breaks off is resumed where it was. ``last_event_id`` is the
        ``cursor`` of an event that you have: it goes on behind that one.
        """
        return self._timeline(order_id).follow(last_event_id)

    def _timeline(self, order_id: str) -> Timeline:
        return Timeline(self._calls, f"{self._at(order_id)}/events")

    async def _place(
        self,
        asked: Question | Unbinding,
        wait: int | None,
        idempotency_key: str | None,
    ) -> Order:
        call = Call("POST", self.path).with_json(body_of(asked))
        answer = await self._calls.make(waiting(call.once(idempotency_key), wait))
        return read(Order, answer.content)

    def _at(self, order_id: str) -> str:
        return f"{self.path}/{plain(order_id)}"


def waiting(call: Call, wait: int | None) -> Call:
    """Prefer an answer when every item is final, or after ``wait`` seconds."""
    if wait is None:
        return call
    seconds = max(0, min(wait, LONGEST_WAIT))
    preferring = call.with_header("Prefer", f"wait={seconds}")
    return preferring.patient(seconds)


def plain(name: str) -> str:
    """Refuse what cannot be an id: it would lead to another place."""
    if not name.isascii() or not name.replace("_", "").replace("-", "").isalnum():
        raise ValueError("expected an id such as ord_01kb2x5c7zf3v8h1m4n6p9q2rs")
    return name
