"""The database as routes see it: reads and writes, neither at the other's cost."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from unbind_broker.api.admission import Admission, SharedAdmission

MOST_READS = 256
MOST_WRITES = 512
"""Calls that have a connection or wait for one; whoever comes then is refused."""
MOST_READS_OF_ONE = 64
"""Of one caller: its slow reads must not keep the others from theirs."""

reading_for: ContextVar[str | None] = ContextVar("reading_for", default=None)
"""Who calls, once that is known."""


class Connections:
    """Two pools: writers cannot take the readers' connections.

    Neither has a long queue: above ``MOST_READS`` or ``MOST_WRITES`` it raises
    ``Overloaded``, and ``RateLimited`` above ``MOST_READS_OF_ONE``.
    """

    def __init__(self, writers: AsyncEngine, readers: AsyncEngine) -> None:
        self.writers = writers
        self.readers = readers
        self._reading = SharedAdmission(MOST_READS, MOST_READS_OF_ONE)
        self._writing = Admission(MOST_WRITES)

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

    def _enter(self) -> AbstractAsyncContextManager[None]:
        caller = reading_for.get()
        if caller is None:
            return self._reading.enter()
        return self._reading.enter_as(caller)
