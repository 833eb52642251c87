"""The database as routes see it: reads and writes, neither at the other's cost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from unbind_broker.api.admission import Admission, SharedAdmission
from unbind_broker.api.rates import RateLimited

MOST_READS = 256
MOST_WRITES = 512
"""Calls that have a connection or wait for one; whoever comes then is refused."""
MOST_READS_OF_ONE = 64
"""Of one caller: its slow reads must not keep the others from theirs."""
MOST_SECONDS = 3.0
"""Until a caller's turn has come among its own reads; as for a connection."""

reading_for: ContextVar[str | None] = ContextVar("reading_for", default=None)
"""Who calls, once that is known."""


class Connections:
    """Two pools: writers cannot take the readers' connections.

    Neither has a long queue: above ``MOST_READS`` or ``MOST_WRITES`` it raises
    ``Overloaded``, and ``RateLimited`` above ``MOST_READS_OF_ONE``.
    """

    def __init__(
        self,
        writers: AsyncEngine,
        readers: AsyncEngine,
        of_one: int = MOST_READS_OF_ONE,
        patience: float = MOST_SECONDS,
    ) -> None:
        """``of_one``: how many of the readers' connections one caller may have.

        Its further reads wait for ``patience`` seconds, then ``RateLimited``.
        """
        self.writers = writers
        self.readers = readers
        self._reading = SharedAdmission(MOST_READS, MOST_READS_OF_ONE)
        self._writing = Admission(MOST_WRITES)
        self._of_one = of_one
        self._patience = patience
        self._shares: dict[str, asyncio.Semaphore] = {}

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        """Read: every statement sees what is committed when it begins."""
        async with self._enter(), self.readers.connect() as db:
            yield db

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """Write: one transaction, committed with the block."""
        async with self._writing.enter(), self.writers.begin() as db:
            yield db

    @asynccontextmanager
    async def _enter(self) -> AsyncIterator[None]:
        caller = reading_for.get()
        if caller is None:
            async with self._reading.enter():
                yield
            return
        async with self._reading.enter_as(caller), self._share_of(caller):
            yield

    @asynccontextmanager
    async def _share_of(self, caller: str) -> AsyncIterator[None]:
        share = self._shares.setdefault(caller, asyncio.Semaphore(self._of_one))
        try:
            async with asyncio.timeout(self._patience):
                await share.acquire()
        except TimeoutError:
            raise RateLimited(
                "your other reads have all the connections that yours may have; try "
                "again when they have ended",
                1.0,
            ) from None
        try:
            yield
        finally:
            share.release()
