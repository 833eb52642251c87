"""Made-up platforms answer: one worker at a time speaks for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from unbind_broker.base.clock import Clock
from unbind_broker.base.loop import Step
from unbind_broker.callbacks.braking import BrakePolicy, consider
from unbind_broker.callbacks.findings import FindingTools
from unbind_broker.callbacks.results import Applied, Applying
from unbind_broker.notices.clearing import end_if_done
from unbind_broker.notices.ending import settle
from unbind_broker.rehearsals.answering import (
    AnsweringTools,
    answer,
    hear_called_back,
    tell_due,
)
from unbind_broker.rehearsals.clearing import ClearingTools, clear_one
from unbind_broker.rehearsals.made_up import MadeUp, load_made_up
from unbind_broker.rehearsals.unbraking import let_twins_go
from unbind_broker.runtime.opening import Runtime
from unbind_broker.worker.turns import Turn, is_ours

MOST_ITEMS = 500
UNOPENED_EVERY = timedelta(seconds=2)
"""How often it is looked whether there are such platforms by now."""

BETWEEN = 0.02
"""Seconds between two waves."""

SLACK = timedelta(hours=1)
"""How much older than its time allows an order may be; settings may have changed."""


@dataclass(frozen=True)
class Rehearsing:
    """The steps."""

    engine: AsyncEngine
    clock: Clock
    scan_interval: timedelta
    tools: AnsweringTools
    clearing: ClearingTools
    braked_for: timedelta

    def steps(self) -> dict[str, Step]:
        """Name the steps."""
        return {
            "rehearse": self.answer,
            "rehearse_waves": self.clear,
            "rehearse_brake": self.let_go,
        }

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

    async def clear(self) -> float:
        """Do what is to be done about one wave, then what follows from any report."""
        async with self.engine.begin() as db:
            made_up = await load_made_up(db)
            if not made_up or not await is_ours(db, Turn.REHEARSE_WAVES):
                return UNOPENED_EVERY.total_seconds()
            cleared = await clear_one(db, self.clock.now(), made_up, self.clearing)
        if cleared is None:
            return self.scan_interval.total_seconds()
        for clearance_id in cleared.completed:
            async with self.engine.begin() as db:
                await end_if_done(db, self.clock.now(), clearance_id)
        await self._follow(Applied([], set(), cleared.alarming))
        return BETWEEN

    async def let_go(self) -> float:
        """Release brakes of rehearsals that have been on for a while."""
        async with self.engine.begin() as db:
            await let_twins_go(db, self.clock.now(), self.braked_for)
        return UNOPENED_EVERY.total_seconds()

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
    answering = AnsweringTools(
        runtime.sealer, Applying(settings.working_time, brake), longest
    )
    finding = FindingTools(
        runtime.blind_index, runtime.sealer, settings.region, settings.working_time
    )
    return Rehearsing(
        runtime.engine,
        runtime.clock,
        settings.scan_interval,
        answering,
        ClearingTools(finding, settings.freeze),
        settings.sandbox_pause,
    )
