"""Count what came of platforms every so often, and go on at once behind a backlog."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.ext.asyncio import AsyncEngine

from unbind_broker.base.clock import Clock
from unbind_broker.base.database import Db
from unbind_broker.base.loop import Step
from unbind_broker.statistics.counting import Counted, count_trail
from unbind_broker.statistics.counting_attempts import count_attempts
from unbind_broker.worker.turns import Turn, is_ours

EVERY = timedelta(minutes=1)
BETWEEN = 0.05
"""Seconds between two steps behind a backlog."""
MOST_EVENTS = 2_000
MOST_ATTEMPTS = 10_000

Count = Callable[[Db, datetime, str, int], Awaitable[Counted]]


@dataclass(frozen=True)
class Counting:
    """The steps that count, by the days of ``zone``; of many workers one does each."""

    engine: AsyncEngine
    clock: Clock
    zone: str
    most_events: int = MOST_EVENTS
    most_attempts: int = MOST_ATTEMPTS

    def steps(self) -> dict[str, Step]:
        """Name the steps."""
        return {
            "count": partial(self._step, Turn.COUNT, count_trail, self.most_events),
            "count_attempts": partial(
                self._step, Turn.COUNT_ATTEMPTS, count_attempts, self.most_attempts
            ),
        }

    async def _step(self, turn: Turn, count: Count, most: int) -> float:
        one_picture = self.engine.execution_options(isolation_level="REPEATABLE READ")
        async with one_picture.begin() as db:
            if not await is_ours(db, turn):
                return EVERY.total_seconds()
            counted = await count(db, self.clock.now(), self.zone, most)
        return BETWEEN if counted.more else EVERY.total_seconds()
