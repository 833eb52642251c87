"""The database as routes see it: reads and writes, neither at the other's cost."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from unbind_broker.api.admission import Admission

MOST_READS = 256
MOST_WRITES = 512
"""Calls that have a connection or wait for one; whoever comes then is refused."""


class Connections:
    """Two pools: writers cannot take the readers' connections.

    Neither has a long queue: above ``MOST_READS`` or ``MOST_WRITES`` it raises
    ``Overloaded``.
    """

    def __init__(self, writers: AsyncEngine, readers: AsyncEngine) -> None:
        self.writers = writers
        self.readers = readers
        self._reading = Admission(MOST_READS)
        self._writing = Admission(MOST_WRITES)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        """Read: every statement sees what is committed when it begins."""
        async with self._reading.enter(), self.readers.connect() as db:
            yield db

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """Write: one transaction, committed with the block."""
        async with self._writing.enter(), self.writers.begin() as db:
            yield db
