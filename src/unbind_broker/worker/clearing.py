"""What time brings to clearances: their waves, and the end of what may be kept."""

import logging
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from unbind_broker.base.clock import Clock
from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.base.loop import Step
from unbind_broker.base.sealing import Sealer
from unbind_broker.clearances.destroying import Ages, destroy_numbers
from unbind_broker.clearances.later_holders import look_on
from unbind_broker.clearances.publishing import AT_ONCE
from unbind_broker.clearances.resealing import ResealPosition, reseal_numbers
from unbind_broker.deadlines.waving import WavingPolicy, publish_due
from unbind_broker.notices.clearing import end_done
from unbind_broker.worker.turns import Turn, is_ours

log = logging.getLogger(__name__)

MOST_ENDED = 20
MOST_NUMBERS = 10_000
MOST_LOOKED_UP = 10_000
MOST_RESEALED = 2000
EVERY = timedelta(hours=1)
BETWEEN = 0.05
"""Seconds between two steps of one walk."""


@dataclass
class Clearing:
    """The steps; of many workers one does each of them at a time."""

    engine: AsyncEngine
    clock: Clock
    sealer: Sealer
    interval: timedelta
    retention: timedelta
    draft_kept: timedelta
    waving: WavingPolicy
    _resealed: ResealPosition | None = field(default=None, init=False)

    def steps(self) -> dict[str, Step]:
        """Name the steps."""
        return {
            "wave": self.wave,
            "end_clearances": self.end,
            "later_holders": self.look,
            "forget_numbers": self.forget,
            "reseal_numbers": self.reseal,
        }

    async def wave(self) -> float:
        """Take the wave that has been due for the longest a step further."""
        async with self.engine.begin() as db:
            if not await is_ours(db, Turn.WAVE):
                return self.interval.total_seconds()
            waved = await publish_due(db, self.clock.now(), self.waving, AT_ONCE)
        for clearance_id in waved.stopped:
            shown = format_id(Prefix.CLEARANCE, clearance_id)
            log.warning("clearance_stopped", extra={"clearance": shown})
        return self.interval.total_seconds() if waved.is_idle else BETWEEN

    async def end(self) -> float:
        """End clearances that are overdue, or done though nobody has ended them."""
        ended = 0
        async with self.engine.begin() as db:
            if await is_ours(db, Turn.END_CLEARANCES):
                ended = await end_done(db, self.clock.now(), MOST_ENDED)
        return 0.0 if ended >= MOST_ENDED else self.interval.total_seconds()

    async def look(self) -> float:
        """Look who has come to hold numbers since they were published."""
        looked = False
        async with self.engine.begin() as db:
            if await is_ours(db, Turn.LATER_HOLDERS):
                now, freeze = self.clock.now(), self.waving.freeze
                looked = await look_on(db, now, freeze, MOST_LOOKED_UP)
        return BETWEEN if looked else self.interval.total_seconds()

    async def forget(self) -> float:
        """Destroy numbers that may be kept no longer."""
        now, destroyed = self.clock.now(), 0
        async with self.engine.begin() as db:
            if await is_ours(db, Turn.FORGET_NUMBERS):
                ages = Ages(now - self.retention, now - self.draft_kept)
                destroyed = await destroy_numbers(db, now, ages, MOST_NUMBERS)
        return BETWEEN if destroyed else EVERY.total_seconds()

    async def reseal(self) -> float:
        """Seal anew what another key than the first sealed."""
        async with self.engine.begin() as db:
            if not await is_ours(db, Turn.RESEAL_NUMBERS):
                return EVERY.total_seconds()
            step = await reseal_numbers(db, self.sealer, self._resealed, MOST_RESEALED)
        self._resealed = step.position
        if step.numbers or step.unreadable:
            facts = {"numbers": step.numbers, "unreadable": step.unreadable}
            log.info("numbers_resealed", extra=facts)
        return EVERY.total_seconds() if step.position is None else BETWEEN
