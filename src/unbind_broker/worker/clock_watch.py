"""Trust this machine's clock only as long as the database's agrees with it."""

import logging
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from unbind_broker.base.clock import Clock
from unbind_broker.base.database import sql
from unbind_broker.base.loop import Step

log = logging.getLogger(__name__)

MOST_OFF = timedelta(minutes=1)
"""Receivers refuse what was signed five minutes off (Standard Webhooks); deadlines that
are a minute off cut nobody short who is not late anyway."""

LOOK_SECONDS = 5.0
HELD_SECONDS = 0.2
_NOW = sql("SELECT clock_timestamp()")


class ClockWatch:
    """Compare the clocks now and then; a fault of the database changes nothing."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._told = False
        self.is_off = True  # until they were compared

    async def step(self) -> float:
        """Compare once and return the pause in seconds."""
        async with self._engine.connect() as db:
            before = self._clock.now()
            there = (await db.execute(_NOW)).scalar_one()
            after = self._clock.now()
        # Wherever in between the database looked: a slow answer is not a wrong clock.
        off = max(before - there, there - after)
        self.is_off = off > MOST_OFF
        if self.is_off is not self._told:
            self._told = self.is_off
            log.error("clock_off" if self.is_off else "clock_agrees_again")
        return LOOK_SECONDS

    def guard(self, step: Step) -> Step:
        """Leave a step out while the clock is off: what is due is not known."""

        async def guarded() -> float:
            return HELD_SECONDS if self.is_off else await step()

        return guarded
