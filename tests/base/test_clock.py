from datetime import UTC, datetime, timedelta, timezone

import pytest

from tests.support.clock import NOON, FixedClock
from unbind_broker.base.clock import Clock, SystemClock


def test_system_clock_tells_utc() -> None:
    clock: Clock = SystemClock()
    before = datetime.now(UTC)
    told = clock.now()
    assert told.tzinfo is UTC
    assert before <= told <= datetime.now(UTC)


def test_fixed_clock_stands_until_it_is_moved() -> None:
    fixed = FixedClock()
    clock: Clock = fixed
    assert clock.now() == clock.now() == NOON
    assert fixed.advance(timedelta(minutes=5)) == NOON + timedelta(minutes=5)
    assert clock.now() == NOON + timedelta(minutes=5)


def test_fixed_clock_tells_utc_whatever_zone_it_was_set_in() -> None:
    clock = FixedClock()
    clock.set(datetime(2025, 9, 30, 8, 0, tzinfo=timezone(timedelta(hours=8))))
    assert clock.now() == datetime(2025, 9, 30, 0, 0, tzinfo=UTC)
    assert clock.now().tzinfo is UTC


def test_fixed_clock_does_not_advance_backwards() -> None:
    with pytest.raises(ValueError, match="only advances"):
        FixedClock().advance(timedelta(seconds=-1))
