"""Quantiles out of classes of time are as near as the page says."""

from bisect import bisect_right
from collections import Counter
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.items.states import ItemStatus, Reason
from unbind_broker.statistics.measures import BOUNDS, Family, members_of, quantile

WORST = sqrt(2) * 1.01  # the bounds are written with three digits


@given(
    st.lists(st.floats(0.1, BOUNDS[-1] * 0.999), min_size=1, max_size=200),
    st.sampled_from([0.5, 0.95, 0.99, 1.0]),
)
def test_quantile_is_off_by_the_root_of_two_at_most(
    seconds: list[float], share: float
) -> None:
    classes = Counter(bisect_right(BOUNDS, one) for one in seconds)
    at_most = sorted(seconds)[max(0, -int(-share * len(seconds) // 1) - 1)]
    found = quantile(classes, share)
    assert found is not None
    assert at_most / WORST <= found <= at_most * WORST


def test_evenly_spread_times_give_quantiles_that_hardly_differ() -> None:
    seconds = [place / 1000 for place in range(100, 100_000, 7)]
    classes = Counter(bisect_right(BOUNDS, one) for one in seconds)
    for share in (0.5, 0.95, 0.99):
        true = seconds[int(share * len(seconds))]
        assert quantile(classes, share) == pytest.approx(true, rel=0.05)


def test_nothing_measured_has_no_quantile() -> None:
    assert quantile({}, 0.5) is None


def test_what_takes_longer_than_all_bounds_counts_as_the_last() -> None:
    assert quantile({len(BOUNDS): 3}, 0.5) == BOUNDS[-1]


def test_quicker_than_the_first_bound_is_a_part_of_it() -> None:
    assert quantile({0: 4}, 0.5) == 0.05


def test_families_do_not_overlap() -> None:
    ends = {
        Family.OUTCOME: max(status.code for status in ItemStatus),
        Family.REFUSAL: max(reason.code for reason in Reason),
        Family.ATTEMPT: max(outcome.code for outcome in OutcomeKind),
        Family.ACKNOWLEDGEMENT: len(BOUNDS),
        Family.RESULT: len(BOUNDS),
    }
    assert set(ends) == set(Family)
    sums = {family + end: 1 for family, end in ends.items()}
    assert all(members_of(one, sums) == {end: 1} for one, end in ends.items())
