"""Ask once, for many clocks together, whether anything is due for them.

A worker that has nothing to do would spend most of its time on beginning, taking the
turn, asking and committing once a second for each of them.
"""

from collections.abc import Iterable
from datetime import timedelta
from time import monotonic

from sqlalchemy.ext.asyncio import AsyncEngine

from unbind_broker.audit.sealing import ANY_UNSEALED
from unbind_broker.base.clock import Clock
from unbind_broker.base.database import INSTANT, sql
from unbind_broker.base.loop import Loop, Step
from unbind_broker.carriers.brakes import ANY_ENGAGED
from unbind_broker.clearances.later_holders import ANY_TO_LOOK_THROUGH
from unbind_broker.clearances.waves import ANY_IN_PROGRESS
from unbind_broker.deadlines.braking import ANY_TO_BRAKE
from unbind_broker.deadlines.expiring import ANY_OVERDUE
from unbind_broker.deadlines.gathering import ANY_NEWS
from unbind_broker.deadlines.releasing import ANY_HOLD_OVER
from unbind_broker.deadlines.reminding import ANY_REMINDERS
from unbind_broker.rehearsals.made_up import ANY_MADE_UP

UNASKED = timedelta(seconds=30)
"""So often a clock does its step though nothing was seen to be due."""

QUESTIONS = {
    "expire": ANY_OVERDUE,
    "release": ANY_HOLD_OVER,
    "brake": ANY_TO_BRAKE,
    "gather": ANY_NEWS,
    "remind": ANY_REMINDERS,
    "wave": ANY_IN_PROGRESS,
    "end_clearances": ANY_IN_PROGRESS,
    "later_holders": ANY_TO_LOOK_THROUGH,
    "seal": ANY_UNSEALED,
    "rehearse": ANY_MADE_UP,
    "rehearse_waves": ANY_MADE_UP,
    "rehearse_brake": ANY_ENGAGED,
}
"""What is asked for each clock, by its name. A question may find what its step then
leaves alone, but must never miss what its step would do."""

_LOOK = sql(
    "SELECT " + ", ".join(f"EXISTS ({asks}) AS {of}" for of, asks in QUESTIONS.items()),
    now=INSTANT,
)


class DueWatch:
    """Wake the clocks for which something is due, looking every so often.

    None is woken from the pause that its step asked for. ``engine`` commits each
    statement by itself.
    """

    def __init__(self, engine: AsyncEngine, clock: Clock, every: timedelta) -> None:
        self._engine = engine
        self._clock = clock
        self._every = every
        self._loops: list[Loop] = []
        self._rests: dict[str, float] = {}  # until when, by the monotonic clock

    def watch(self, loops: Iterable[Loop]) -> None:
        """Wake these from now on, as far as there is a question for them."""
        self._loops = [loop for loop in loops if loop.name in QUESTIONS]

    def patient(self, name: str, step: Step) -> Step:
        """Let a step with nothing left to do rest until something is due."""
        if name not in QUESTIONS:
            return step

        async def patient() -> float:
            pause = await step()
            self._rests[name] = monotonic() + pause
            is_done = pause >= self._every.total_seconds()
            return max(pause, UNASKED.total_seconds()) if is_done else pause

        return patient

    async def look(self) -> set[str]:
        """Name the clocks for which something is due."""
        async with self._engine.connect() as db:
            found = await db.execute(_LOOK, {"now": self._clock.now()})
            row = found.mappings().one()
        return {name for name, is_due in row.items() if is_due}

    async def step(self) -> float:
        """Look once; return the pause in seconds before the next look."""
        every = self._every.total_seconds()
        due, soon = await self.look(), monotonic() + every / 2
        for loop in self._loops:
            if loop.name in due and self._rests.get(loop.name, 0.0) < soon:
                loop.wake()
        return every
