"""The release gate: may a number be sold again, and from when on. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from unbind_broker.clearances.states import ClearanceStatus


class NumberState(StrEnum):
    """What platforms make of a number."""

    CLEAN = "clean"  # every platform is done, and none kept a binding
    BLOCKED = "blocked"  # a platform kept a binding, or found the number in use
    PARTIAL = "partial"  # a platform is not done yet
    WITHDRAWN = "withdrawn"  # not to be cleared any more


class Obstacles(NamedTuple):
    """What stands in a number's way; ``critical``: at a platform that may hold it."""

    blocked: bool
    missing: bool
    critical: bool


class Released(NamedTuple):
    """Whether a number may be sold, and not before when; None: nobody can say."""

    state: NumberState
    release: bool
    hold_until: datetime | None


@dataclass(frozen=True)
class Gate:
    """The rule of this installation.

    ``critical`` are the categories of platforms that hold a number back until they are
    done with it; others do so only while the clearance is under way. Nothing is sold
    before the freeze ends: so long after the day on which it was given up began.
    """

    critical: Collection[str]
    freeze: timedelta
    zone: ZoneInfo

    def frozen_until(self, disconnected_on: date) -> datetime:
        """Say when the freeze of a number ends that was given up on that day."""
        given_up = datetime.combine(disconnected_on, time.min, self.zone)
        return (given_up + self.freeze).astimezone(UTC)


@dataclass(frozen=True)
class Progress:
    """Where a clearance stands as a whole."""

    status: ClearanceStatus
    deadline: datetime
    now: datetime

    @property
    def is_over(self) -> bool:
        """Tell whether nobody is waited for any more who need not be."""
        done = self.status is ClearanceStatus.COMPLETED
        stopped = self.status is ClearanceStatus.STOPPED
        return done or (self.now >= self.deadline and not stopped)


def judge(
    progress: Progress,
    obstacles: Obstacles,
    frozen_until: datetime,
    *,
    overridden: bool,
) -> Released:
    """Decide about a number that was not withdrawn.

    What an administrator decided outweighs platforms, but not the freeze.
    """
    state = _state(obstacles)
    if overridden:
        return Released(state, release=True, hold_until=frozen_until)
    if obstacles.critical or progress.status is ClearanceStatus.STOPPED:
        return Released(state, release=False, hold_until=None)
    if state is NumberState.CLEAN or progress.is_over:
        return Released(state, release=True, hold_until=frozen_until)
    until = max(frozen_until, progress.deadline)
    return Released(state, release=False, hold_until=until)


WITHDRAWN = Released(NumberState.WITHDRAWN, release=False, hold_until=None)
"""Somebody holds it, or will."""


def _state(obstacles: Obstacles) -> NumberState:
    if obstacles.blocked:
        return NumberState.BLOCKED
    return NumberState.PARTIAL if obstacles.missing else NumberState.CLEAN
