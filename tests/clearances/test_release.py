"""The release gate decides what may be sold, and from when on."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from unbind_broker.clearances.release import (
    Gate,
    NumberState,
    Obstacles,
    Progress,
    Released,
    judge,
)
from unbind_broker.clearances.states import ClearanceStatus

FROZEN = datetime(2026, 11, 18, 16, tzinfo=UTC)
DEADLINE = datetime(2026, 11, 27, 15, 59, 59, tzinfo=UTC)
FREE = Obstacles(blocked=False, missing=False, critical=False)
BLOCKED = Obstacles(blocked=True, missing=False, critical=False)
MISSING = Obstacles(blocked=False, missing=True, critical=False)
BY_BANK = Obstacles(blocked=True, missing=True, critical=True)
BANK_MISSING = Obstacles(blocked=False, missing=True, critical=True)
RUNNING, OVER, STOPPED = (
    ClearanceStatus.IN_PROGRESS,
    ClearanceStatus.COMPLETED,
    ClearanceStatus.STOPPED,
)


def decide(
    status: ClearanceStatus, obstacles: Obstacles, *, overridden: bool = False
) -> Released:
    before = DEADLINE - timedelta(days=1)
    progress = Progress(status, DEADLINE, before)
    return judge(progress, obstacles, FROZEN, overridden=overridden)


def test_the_freeze_runs_from_the_day_on_which_the_number_was_given_up() -> None:
    gate = Gate({"bank"}, timedelta(days=90), ZoneInfo("Asia/Shanghai"))
    assert gate.frozen_until(date(2026, 8, 21)) == FROZEN


@pytest.mark.parametrize(
    ("status", "obstacles", "state", "release", "until"),
    [
        (RUNNING, FREE, NumberState.CLEAN, True, FROZEN),
        (OVER, FREE, NumberState.CLEAN, True, FROZEN),
        (STOPPED, FREE, NumberState.CLEAN, False, None),
        (RUNNING, BLOCKED, NumberState.BLOCKED, False, DEADLINE),
        (OVER, BLOCKED, NumberState.BLOCKED, True, FROZEN),
        (STOPPED, BLOCKED, NumberState.BLOCKED, False, None),
        (RUNNING, MISSING, NumberState.PARTIAL, False, DEADLINE),
        (OVER, MISSING, NumberState.PARTIAL, True, FROZEN),
        (STOPPED, MISSING, NumberState.PARTIAL, False, None),
        (RUNNING, BY_BANK, NumberState.BLOCKED, False, None),
        (OVER, BY_BANK, NumberState.BLOCKED, False, None),
        (RUNNING, BANK_MISSING, NumberState.PARTIAL, False, None),
        (OVER, BANK_MISSING, NumberState.PARTIAL, False, None),
    ],
)
def test_what_stands_in_the_way_decides(
    status: ClearanceStatus,
    obstacles: Obstacles,
    state: NumberState,
    release: bool,  # noqa: FBT001 - a column of the table
    until: datetime | None,
) -> None:
    assert decide(status, obstacles) == Released(state, release, until)


@pytest.mark.parametrize("status", [RUNNING, OVER, STOPPED])
def test_an_override_outweighs_platforms_but_not_the_freeze(
    status: ClearanceStatus,
) -> None:
    decided = decide(status, BY_BANK, overridden=True)
    assert decided == Released(NumberState.BLOCKED, release=True, hold_until=FROZEN)


def test_a_deadline_that_has_passed_counts_before_anybody_ends_the_clearance() -> None:
    late = Progress(RUNNING, DEADLINE, DEADLINE)
    assert judge(late, MISSING, FROZEN, overridden=False).release
    assert not judge(late, BANK_MISSING, FROZEN, overridden=False).release


def test_a_freeze_that_ends_after_the_deadline_is_waited_for() -> None:
    later = DEADLINE + timedelta(days=30)
    progress = Progress(RUNNING, DEADLINE, DEADLINE - timedelta(days=1))
    assert judge(progress, BLOCKED, later, overridden=False).hold_until == later
