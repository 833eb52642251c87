"""Instants and ages as a reader takes them in."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.support.clock import NOON
from unbind_broker.console.showing import Showing

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (-2 * MINUTE, "2 min ago"),
        (-SECOND, "less than 1 min ago"),
        (2 * SECOND, "less than 1 min ago"),
        (30 * SECOND, "in less than 1 min"),
        (5 * MINUTE, "in 5 min"),
    ],
)
def test_what_another_clock_told_just_now_has_happened(
    after: timedelta, told: str
) -> None:
    show = Showing("en", ZoneInfo("Asia/Shanghai"), NOON)
    assert show.ago(NOON + after) == told
