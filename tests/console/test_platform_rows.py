"""What the list of platforms makes of what is known."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.support.clock import NOON
from unbind_broker.base.ids import PlatformId
from unbind_broker.console.platform_rows import (
    SLOW_AFTER,
    SORTS,
    Row,
    Search,
    State,
    count_states,
    state_of,
)
from unbind_broker.statistics.figures import Open
from unbind_broker.statistics.roll import Enrolled, Pace
from unbind_broker.statistics.standing import Standing

SECOND = timedelta(seconds=1)
NOTHING = Open(0, 0, None)
UNKNOWN = Pace(None, None)
WELL = Enrolled(
    id=PlatformId(1),
    slug="weibo",
    name_zh="微博",
    name_en="Weibo",
    sensitive=False,
    standing=Standing.HEALTHY,
    since=None,
    failing_since=None,
    failures=0,
    error=None,
    last_success_at=NOON,
    open_until=None,
)


@pytest.mark.parametrize(
    ("standing", "failing", "waits", "state"),
    [
        (Standing.HEALTHY, None, None, State.HEALTHY),
        (Standing.HEALTHY, None, NOON - SLOW_AFTER, State.HEALTHY),
        (Standing.HEALTHY, None, NOON - SLOW_AFTER - SECOND, State.SLOW),
        (Standing.HEALTHY, NOON, NOON - SLOW_AFTER - SECOND, State.FAILING),
        (Standing.DEGRADED, NOON, None, State.FAILING),
        (Standing.DEGRADED, None, None, State.UNSTEADY),
        (Standing.DEGRADED, None, NOON - SLOW_AFTER - SECOND, State.SLOW),
        (Standing.BREAKER_OPEN, NOON, None, State.BREAKER_OPEN),
        (Standing.PAUSED, NOON, None, State.PAUSED),
        (Standing.DISABLED, NOON, None, State.DISABLED),
        (Standing.SUSPENDED, None, None, State.SUSPENDED),
        (Standing.NOT_READY, None, None, State.NOT_READY),
    ],
)
def test_state_follows_from_answers_and_from_what_waits(
    standing: Standing, failing: datetime | None, waits: datetime | None, state: State
) -> None:
    one = replace(WELL, standing=standing, failing_since=failing)
    assert state_of(one, waits, NOON) is state


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("state", "a d c b"),
        ("name", "a b c d"),
        ("waits", "c a b d"),
        ("open", "b c a d"),
        ("overdue", "c a b d"),
        ("p95", "d a b c"),
        ("punctuality", "d a b c"),
    ],
)
def test_each_order_puts_first_what_is_looked_for(sort: str, order: str) -> None:
    rows = [
        a_row("a", State.DISABLED, Open(1, 0, None), Pace(2.0, 0.9)),
        a_row("b", State.HEALTHY, Open(9, 0, None), Pace(1.0, 1.0)),
        a_row("c", State.SLOW, Open(5, 2, None), Pace(None, None), waits=NOON),
        a_row("d", State.FAILING, Open(0, 0, None), Pace(8.0, 0.1)),
    ]
    chosen = Search(sort=sort).choose(rows)
    assert " ".join(row.platform.slug for row in chosen) == order
    assert sort in SORTS


def test_states_are_counted_the_worst_first() -> None:
    states = [State.HEALTHY, State.SLOW, State.HEALTHY, State.BREAKER_OPEN]
    rows = [a_row(str(place), state) for place, state in enumerate(states)]
    assert list(count_states(rows).items()) == [
        (State.BREAKER_OPEN, 1),
        (State.SLOW, 1),
        (State.HEALTHY, 2),
    ]


def a_row(
    slug: str,
    state: State,
    found: Open = NOTHING,
    pace: Pace = UNKNOWN,
    waits: datetime | None = None,
) -> Row:
    one = replace(WELL, slug=slug, name_zh=slug, name_en=slug)
    return Row(one, state, None, waits, found, pace)
