"""Made-up platforms answer: one worker at a time speaks for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from unbind_broker.base.clock import Clock
from unbind_broker.base.loop import Step
from unbind_broker.callbacks.braking import BrakePolicy, consider
from unbind_broker.callbacks.results import Applied, Applying
from unbind_broker.notices.ending import settle
from unbind_broker.rehearsals.answering import (
    AnsweringTools,
    answer,
    hear_called_back,
    tell_due,
)
from unbind_broker.rehearsals.store import MadeUp, load_made_up
from unbind_broker.runtime.opening import Runtime
from unbind_broker.worker.turns import Turn, is_ours

MOST_ITEMS = 500
UNOPENED_EVERY = timedelta(seconds=2)
"""How often it is looked whether there are such platforms by now."""

SLACK = timedelta(hours=1)
"""How much older than its time allows an order may be; settings may have changed."""


@dataclass(frozen=True)
class Rehearsing:
    """The steps."""

    engine: AsyncEngine
    clock: Clock
    scan_interval: timedelta
    tools: AnsweringTools

    def steps(self) -> dict[str, Step]:
        """Name the steps."""
        return {"rehearse": self.answer}

    async def answer(self) -> float:
        """Answer items, then let follow what follows from any report."""
        async with self.engine.begin() as db:
            made_up = await load_made_up(db)
            if not made_up or not await is_ours(db, Turn.REHEARSE):
                return UNOPENED_EVERY.total_seconds()
            now = self.clock.now()
            answered = await answer(db, now, made_up, self.tools, MOST_ITEMS)
        await self._follow(answered.applied)
        done = [answered.items, await self._tell_due(), await self._hear(made_up)]
        return 0.0 if max(done) >= MOST_ITEMS else self.scan_interval.total_seconds()

    async def _tell_due(self) -> int:
        async with self.engine.begin() as db:
            if not await is_ours(db, Turn.REHEARSE):
                return 0
            told = await tell_due(db, self.clock.now(), self.tools, MOST_ITEMS)
        await self._follow(told.applied)
        return told.items

    async def _hear(self, made_up: Sequence[MadeUp]) -> int:
        async with self.engine.begin() as db:
            return await hear_called_back(db, made_up, MOST_ITEMS)

    async def _follow(self, applied: Applied) -> None:
        now = self.clock.now()
        if applied.touched:
            async with self.engine.begin() as db:
                await settle(db, now, applied.touched)
        if applied.alarming:
            async with self.engine.begin() as db:
                await consider(db, now, applied.alarming, self.tools.applying.brake)


def rehearsing_of(runtime: Runtime, brake: BrakePolicy) -> Rehearsing:
    """Let a worker of this runtime rehearse."""
    settings = runtime.settings
    longest = max(settings.sandbox_deadline, settings.query_deadline) + SLACK
    tools = AnsweringTools(
        runtime.sealer, Applying(settings.working_time, brake), longest
    )
    return Rehearsing(runtime.engine, runtime.clock, settings.scan_interval, tools)
