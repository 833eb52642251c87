"""Wait for orders to be completed: one small query at a time for all who wait."""

import asyncio
import re
from collections.abc import Iterable
from contextlib import suppress
from uuid import UUID

from sqlalchemy import any_, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from unbind_broker.base.database import UUIDS
from unbind_broker.base.loop import Streak
from unbind_broker.orders.states import OPEN
from unbind_broker.orders.tables import orders

LONGEST_WAIT = 30
"""Seconds that a call may ask to wait."""

_SHORTEST_TICK = 0.02
_LONGEST_TICK = 0.2
_GROWTH = 1.3
_WAIT = re.compile(r'\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:;.*)?', re.ASCII | re.IGNORECASE)


def preferred_wait(headers: Iterable[str]) -> int | None:
    """Read ``wait=N`` from ``Prefer`` headers (RFC 7240 §4.3), at most 30 seconds.

    None if there is none; what cannot be read is ignored, as the standard wants it.
    """
    for preference in ",".join(headers).split(","):
        match = _WAIT.fullmatch(preference)
        if match is not None:
            return min(int(match[1]), LONGEST_WAIT)
    return None


class Completions:
    """Wake whoever waits for an order to be over, as far as its carrier may know."""

    def __init__(self, engine: AsyncEngine, most: int) -> None:
        """``most`` is how many may wait at a time."""
        self._engine = engine
        self._most = most
        self._inside = 0
        self._waiting: dict[UUID, set[asyncio.Event]] = {}
        self._polling: asyncio.Task[None] | None = None
        self._tick = _SHORTEST_TICK
        self._faults = Streak("waiting")
        self._letting_go = False

    @property
    def is_full(self) -> bool:
        """Tell whether nobody else should wait: an order stands without it too."""
        return self._inside >= self._most

    async def wait(self, order_id: UUID, seconds: float) -> bool:
        """Wait until the order is over; False if it is not within ``seconds``."""
        if self._letting_go:
            return False
        self._inside += 1
        over = asyncio.Event()
        self._waiting.setdefault(order_id, set()).add(over)
        self._tick = _SHORTEST_TICK
        if self._polling is None or self._polling.done():
            self._polling = asyncio.create_task(self._poll())
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), seconds)
        finally:
            self._inside -= 1
            self._forget(order_id, over)
        return over.is_set() and not self._letting_go

    def let_go(self) -> None:
        """Make everybody stop waiting, now and from now on: the process ends."""
        self._letting_go = True
        for waiting in self._waiting.values():
            for over in waiting:
                over.set()

    def _forget(self, order_id: UUID, over: asyncio.Event) -> None:
        waiting = self._waiting.get(order_id, set())
        waiting.discard(over)
        if not waiting:
            self._waiting.pop(order_id, None)

    async def _poll(self) -> None:
        while self._waiting:
            await asyncio.sleep(self._tick)
            self._tick = min(self._tick * _GROWTH, _LONGEST_TICK)
            try:
                for order_id in await self._closed(list(self._waiting)):
                    for over in self._waiting.get(order_id, ()):
                        over.set()
            except Exception as error:  # noqa: BLE001 - is told, and tried again
                # They wait on, and are answered 202 in the end.
                self._faults.add(error)
            else:
                self._faults.end()

    async def _closed(self, order_ids: list[UUID]) -> list[UUID]:
        async with self._engine.connect() as db:
            found = await db.execute(
                select(orders.c.id).where(
                    orders.c.id == any_(literal(order_ids, UUIDS)),
                    or_(orders.c.told_at.is_not(None), orders.c.status.not_in(OPEN)),
                )
            )
            return list(found.scalars())
