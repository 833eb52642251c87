from hypothesis import given
from hypothesis import strategies as st

from unbind_broker.sending.pace import Pace


def test_without_a_rate_nothing_waits() -> None:
    pace = Pace(0.0)
    pace.change(None, 0.0)
    pace.spend(0.0)
    assert pace.wait(0.0) == 0.0


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


@given(st.floats(0.5, 200), st.lists(st.floats(0, 0.5), min_size=2, max_size=60))
def test_no_window_holds_more_than_the_rate_allows(
    rate: float, lateness: list[float]
) -> None:
    """Whatever timers do: whoever waits as told never exceeds the rate."""
    pace = Pace(0.0)
    pace.change(rate, 0.0)
    now, starts = 0.0, []
    for late in lateness:
        now += pace.wait(now) + late
        pace.spend(now)
        starts.append(now)
    for first, start in enumerate(starts):
        within = [other for other in starts[first:] if other <= start + 1.0]
        # One more at the window's edge, and 10 ms of catching up.
        assert len(within) <= (1.0 + 0.01) * rate + 2
