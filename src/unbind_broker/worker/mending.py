"""Walk over all open orders, again and again, for items that nobody would send."""

import logging
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from unbind_broker.base.clock import Clock
from unbind_broker.base.database import Db
from unbind_broker.deadlines.mending import end_walk, last_walk, mend_unsendable
from unbind_broker.deadlines.sweeping import MOST_FOUND, SweepPosition, find_open
from unbind_broker.worker.turns import Turn, is_ours

log = logging.getLogger(__name__)

MOST_LOOKED_AT = 200
BETWEEN = 0.02
"""Seconds between two steps of one walk."""


class Mending:
    """The step that walks; of many workers one does it at a time."""

    def __init__(self, engine: AsyncEngine, clock: Clock, every: timedelta) -> None:
        self._engine = engine
        self._clock = clock
        self._every = every
        self._ahead: list[UUID] = []  # found, and not looked at yet
        self._position: SweepPosition | None = None
        self._looked_at = 0
        self._repaired = 0

    async def step(self) -> float:
        """Look at some orders more; return the pause in seconds before the next."""
        async with self._engine.begin() as db:
            if not await is_ours(db, Turn.MEND) or await self._is_early(db):
                return self._every.total_seconds()
            found, position = self._ahead, self._position
            if not found:
                found, position = await find_open(db, position, MOST_FOUND)
            now, some = self._clock.now(), found[:MOST_LOOKED_AT]
            repaired = await mend_unsendable(db, now, some)
            is_end = len(found) == len(some) and position is None
            looked_at = self._looked_at + len(some)
            total = self._repaired + repaired.total()
            if is_end:
                await end_walk(db, now, looked_at, total)
        self._ahead, self._position = found[MOST_LOOKED_AT:], position
        self._looked_at = 0 if is_end else looked_at
        self._repaired = 0 if is_end else total
        if repaired:
            facts = {"items": repaired.total(), "endpoints": sorted(repaired)}
            log.warning("invariant_repaired", extra=facts)
        return self._every.total_seconds() if is_end else BETWEEN

    async def _is_early(self, db: Db) -> bool:
        """Tell whether another worker has ended a walk a short while ago."""
        if self._looked_at:
            return False
        last_at = (await last_walk(db)).last_at
        return last_at is not None and self._clock.now() < last_at + self._every / 2
