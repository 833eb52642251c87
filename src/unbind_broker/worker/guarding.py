"""What keeps the brake true: orders held and let go, results looked at."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from unbind_broker.base.clock import Clock
from unbind_broker.base.loop import Step
from unbind_broker.callbacks.braking import BrakePolicy
from unbind_broker.deadlines.braking import Moved, consider_recent, keep_brake
from unbind_broker.worker.turns import Turn, is_ours

ALARM_EVERY = timedelta(seconds=5)
MOST_ORDERS = 500


@dataclass(frozen=True)
class Guarding:
    """What is looked after once more, should the one who began it not end it."""

    engine: AsyncEngine
    clock: Clock
    scan_interval: timedelta
    policy: BrakePolicy

    def steps(self, released: Callable[[], None]) -> dict[str, Step]:
        """Name the steps; ``released`` is called when held orders were let go."""
        return {"brake": lambda: self.brake(released), "alarm": self.alarm}

    async def brake(self, released: Callable[[], None]) -> float:
        """Hold the orders of braked carriers, and let those of others go."""
        moved = Moved([], [])
        async with self.engine.begin() as db:
            if await is_ours(db, Turn.BRAKE):
                moved = await keep_brake(db, self.clock.now(), MOST_ORDERS)
        if moved.released:
            released()
        is_full = MOST_ORDERS in {len(moved.held), len(moved.released)}
        return 0.0 if is_full else self.scan_interval.total_seconds()

    async def alarm(self) -> float:
        """Look at what came in lately, in case nobody else did."""
        async with self.engine.begin() as db:
            if await is_ours(db, Turn.ALARM):
                await consider_recent(db, self.clock.now(), self.policy)
        return ALARM_EVERY.total_seconds()
