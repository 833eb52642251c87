"""Find out whether the process can serve: one look at a time for all who ask."""

import asyncio
from time import monotonic

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

FRESH = 0.5
"""Seconds for which a good answer is given again, however many ask."""


class Readiness:
    """What a load balancer wants to know, over a connection of its own."""

    def __init__(self, probes: AsyncEngine) -> None:
        self._probes = probes
        self._looking = asyncio.Lock()
        self._revision: str | None = None
        self._fresh_until = 0.0

    async def revision(self) -> str | None:
        """Return the revision of the schema; None if there is none."""
        async with self._looking:
            if monotonic() >= self._fresh_until:
                self._revision = await self._look()
                good = self._revision is not None
                self._fresh_until = monotonic() + FRESH if good else 0.0
            return self._revision

    async def _look(self) -> str | None:
        async with self._probes.connect() as db:
            there = await db.scalar(text("SELECT to_regclass('alembic_version')"))
            if there is None:
                return None
            found = await db.scalar(text("SELECT version_num FROM alembic_version"))
            return None if found is None else str(found)
