"""Know which keys live without a look-up for each that is tried."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from time import monotonic

from unbind_broker.keys.service import digest_of

FRESH = 5.0
"""Seconds for which the digests are used; a new key waits no longer."""

ReadDigests = Callable[[], Awaitable[frozenset[bytes]]]


class KnownLiving:
    """The digests of all keys that live, read once for all who ask meanwhile."""

    def __init__(
        self, read: ReadDigests, clock: Callable[[], float] = monotonic
    ) -> None:
        """``clock`` has seconds."""
        self._read = read
        self._clock = clock
        self._living: frozenset[bytes] = frozenset()
        self._read_at = -math.inf
        self._reading: asyncio.Task[None] | None = None

    async def holds(self, key_text: str) -> bool:
        """Tell whether a key lives; a fault of the database is raised for all."""
        if self._clock() - self._read_at > FRESH:
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._read_anew())
            await asyncio.shield(self._reading)
        return digest_of(key_text) in self._living

    async def _read_anew(self) -> None:
        began = self._clock()
        self._living = await self._read()
        self._read_at = began
