"""A machine whose clock is wrong neither signs nor ends anything."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.waiting import eventually
from tests.worker.stage import CLOCK, Stage, short
from unbind_broker.items.states import ItemStatus
from unbind_broker.worker.clock_watch import ClockWatch


@dataclass
class SetClock:
    """The real time, and how far it was set off."""

    off: timedelta = timedelta(0)

    def now(self) -> datetime:
        return CLOCK.now() + self.off


@pytest.mark.parametrize(
    ("minutes", "is_off"),
    [(0, False), (0.8, False), (-0.8, False), (2, True), (-2, True)],
)
async def test_clock_may_be_a_minute_off(
    engine: AsyncEngine, minutes: float, *, is_off: bool
) -> None:
    watch = ClockWatch(engine, SetClock(timedelta(minutes=minutes)))
    await watch.step()
    assert watch.is_off is is_off


async def test_it_is_told_when_it_goes_wrong_and_when_it_is_mended(
    engine: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    clock = SetClock(timedelta(minutes=10))
    watch = ClockWatch(engine, clock)
    with caplog.at_level(logging.WARNING):
        await watch.step()
        await watch.step()
        clock.off = timedelta(0)
        await watch.step()
    words = [one.message for one in caplog.records if one.name.endswith("clock_watch")]
    assert words == ["clock_off", "clock_agrees_again"]


async def test_worker_whose_clock_is_off_leaves_the_work_to_others(
    stage: Stage,
) -> None:
    await stage.add_platforms(1)
    wrong = SetClock(timedelta(minutes=10))
    settings = short(order_deadline=timedelta(minutes=5))
    async with stage.working(settings, clock=wrong):
        await stage.order(5)
        await asyncio.sleep(1.5)
        # Neither signed with a time that is refused, nor ended five minutes too early.
        assert (await stage.counts()).keys() == {ItemStatus.QUEUED}
        assert stage.doors[0].rejected == 0
        async with stage.working(settings):
            await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED))
    await eventually(lambda: len(stage.doors[0].item_ids) == 5)
