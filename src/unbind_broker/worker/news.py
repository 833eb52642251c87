"""What is told because time passes: how orders get on, and what platforms owe."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from unbind_broker.base.clock import Clock
from unbind_broker.base.loop import Step
from unbind_broker.deadlines.gathering import take_in, tell_gathered
from unbind_broker.deadlines.reminding import enrol, remind
from unbind_broker.worker.turns import Turn, is_ours

MOST_NOTES = 200
MOST_TOLD = 500
MOST_ENROLLED = 10_000
MOST_REMINDED = 100
"""Orders; each may have hundreds of items."""


@dataclass(frozen=True)
class News:
    """Carriers hear of an order at most once in ``update_interval``."""

    engine: AsyncEngine
    clock: Clock
    scan_interval: timedelta
    update_interval: timedelta

    def steps(self) -> dict[str, Step]:
        """Name the steps."""
        return {"gather": self.gather, "remind": self.remind}

    async def gather(self) -> float:
        """Take in what changed, and tell of what has waited long enough."""
        now, is_full = self.clock.now(), False
        async with self.engine.begin() as db:
            if await is_ours(db, Turn.GATHER):
                taken = await take_in(db, now, self.update_interval, MOST_NOTES)
                told = await tell_gathered(db, now, MOST_TOLD)
                is_full = taken >= MOST_NOTES or told >= MOST_TOLD
        return 0.0 if is_full else self.scan_interval.total_seconds()

    async def remind(self) -> float:
        """Remind platforms of what they have taken and not finished."""
        is_full = False
        async with self.engine.begin() as db:
            if await is_ours(db, Turn.REMIND):
                enrolled = await enrol(db, MOST_ENROLLED)
                reminded = await remind(db, self.clock.now(), MOST_REMINDED)
                is_full = enrolled >= MOST_ENROLLED or reminded >= MOST_REMINDED
        return 0.0 if is_full else self.scan_interval.total_seconds()
