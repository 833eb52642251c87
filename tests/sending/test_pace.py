from bisect import bisect_left

from hypothesis import given
from hypothesis import strategies as st

from unbind_broker.sending.pace import Pace

EDGE = 1e-6
"""Seconds. Sums of floats are that exact."""
EVER = float("inf")


def test_without_a_rate_nothing_waits() -> None:
    pace = Pace(0.0)
    pace.change(None, 0.0)
    pace.spend(0.0)
    assert pace.wait(0.0) == 0.0
    assert pace.begin(0.0, EVER) == pace.begin(0.0, EVER) == 0.0


def test_first_request_waits_its_turn() -> None:
    pace = Pace(0.0)
    pace.change(4.0, 10.0)
    assert pace.wait(10.0) == 0.25
    assert pace.wait(10.25) == 0.0


def test_same_rate_again_changes_nothing() -> None:
    pace = Pace(0.0)
    pace.change(4.0, 10.0)
    pace.change(4.0, 10.2)
    assert pace.wait(10.25) == 0.0


def test_idle_time_is_not_saved_up() -> None:
    pace = Pace(0.0)
    pace.change(10.0, 0.0)
    pace.spend(100.0)
    pace.spend(100.09)
    assert pace.wait(100.09) > 0.05


def test_one_request_in_a_hundred_seconds_is_never_early() -> None:
    pace = Pace(0.0)
    pace.change(0.01, 0.0)
    pace.spend(100.005)
    assert pace.begin(100.005, EVER) == 0.0
    assert pace.wait(100.005) == 100.0


def test_lower_rate_holds_for_what_was_taken_up_before() -> None:
    pace = Pace(0.0)
    pace.change(100.0, 0.0)
    pace.spend(1.0)
    pace.change(0.5, 1.0)
    assert pace.begin(1.0, EVER) == 2.0


def test_what_was_delayed_together_does_not_begin_together() -> None:
    pace = Pace(0.0)
    pace.change(1.0, 0.0)
    for second in range(1, 5):
        pace.spend(second)
    assert [pace.begin(9.0, EVER) for _ in range(4)] == [0.0, 1.0, 2.0, 3.0]


def test_what_would_have_to_wait_too_long_is_not_counted() -> None:
    pace = Pace(0.0)
    pace.change(0.5, 0.0)
    for at in (2.0, 4.0):
        pace.spend(at)
    assert pace.begin(5.0, 1.0) == 0.0
    assert pace.begin(5.0, 1.0) is None
    assert pace.wait(5.0) == 2.0
    pace.spend(7.0)
    assert pace.begin(7.0, 1.0) == 0.0


@given(
    st.floats(0.01, 500) | st.integers(1, 500).map(float),
    st.lists(
        st.tuples(st.floats(0, 0.02) | st.floats(0, 2), st.floats(0, 0.2)),
        min_size=2,
        max_size=80,
    ),
    st.sampled_from([0.0, 0.05, 1.0, EVER]),
)
def test_no_second_holds_more_than_the_rate_allows(
    rate: float, delays: list[tuple[float, float]], patience: float
) -> None:
    """However late timers are, and however long it takes until a request begins."""
    pace = Pace(0.0)
    pace.change(rate, 0.0)
    now, taken_up = 0.0, []
    for late, delay in delays:
        now += pace.wait(now) + late
        pace.spend(now)
        taken_up.append(now + delay)
    waits = [(at, pace.begin(at, patience)) for at in sorted(taken_up)]
    begun = [at + wait for at, wait in waits if wait is not None]
    whole = max(1, int(rate))
    for place, first in enumerate(begun):
        end = bisect_left(begun, first + whole / rate - EDGE)
        assert end - place <= whole
