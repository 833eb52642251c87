"""How many come in: fewer while they are slow, never none; turns for the others."""

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbind_broker.api.admission import (
    FEWEST,
    AdaptiveAdmission,
    Overloaded,
    Place,
    SharedAdmission,
)
from unbind_broker.api.rates import RateLimited
from unbind_broker.api.turns import LONGEST, Turns


class Watch:
    """Monotonic seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def constantly(number: float) -> Callable[[], float]:
    return lambda: number


def an_admission(watch: Watch, limit: int = 64) -> AdaptiveAdmission:
    return AdaptiveAdmission(limit, 0.5, constantly(0), watch)


def a_round(admission: AdaptiveAdmission, watch: Watch, seconds: float) -> int:
    """Fill every place, hold them for so long; return how many there were."""
    places: list[Place] = []
    while not admission.is_full:
        places.append(admission.take())
    watch.now += seconds
    for place in places:
        place.release()
    return len(places)


def test_full_house_refuses_the_next_one_and_says_when_to_come() -> None:
    admission = an_admission(Watch(), limit=2)
    first, _ = admission.take(), admission.take()
    with pytest.raises(Overloaded) as refused:
        admission.take()
    assert int(refused.value.headers["Retry-After"]) >= 1
    first.release()
    admission.take()
    assert admission.is_full


def test_place_is_given_back_once() -> None:
    admission = an_admission(Watch(), limit=2)
    place, _ = admission.take(), admission.take()
    place.release()
    place.release()
    assert admission.inside == 1


async def test_who_has_all_its_places_learns_how_many_those_are() -> None:
    shared = SharedAdmission(5, 2)
    async with shared.enter_as("a"), shared.enter_as("a"), shared.enter_as("b"):
        with pytest.raises(RateLimited, match="you have 2 of these calls open"):
            async with shared.enter_as("a"):
                raise AssertionError("three places for one who may have two")
    async with shared.enter_as("a"):
        assert shared.inside == 1


async def test_all_rehearsals_together_get_half_of_what_one_caller_may() -> None:
    shared = SharedAdmission(4, 2)
    async with shared.enter_as("a.sandbox", rehearses=True):
        with pytest.raises(RateLimited, match="rehearsals have 1 of these calls open"):
            async with shared.enter_as("b.sandbox", rehearses=True):
                raise AssertionError("two places for those who may have one")
        async with shared.enter_as("a"), shared.enter_as("a"), shared.enter_as("b"):
            assert shared.inside == 4
    async with SharedAdmission(4, 1).enter_as("a.sandbox", rehearses=True):
        pass


def test_slow_rounds_let_fewer_in_and_quick_ones_more_again() -> None:
    watch = Watch()
    admission = an_admission(watch)
    sizes = [a_round(admission, watch, 2.0) for _ in range(3)]
    assert sizes == [64, 44, 31]
    slow = a_round(admission, watch, 2.0)
    for _ in range(60):
        a_round(admission, watch, 0.1)
    assert slow == 21
    assert a_round(admission, watch, 0.1) == 64


def test_one_slow_round_counts_once() -> None:
    watch = Watch()
    admission = an_admission(watch)
    a_round(admission, watch, 2.0)
    assert math.isclose(admission.room, 64 * 0.7)


def test_somebody_is_always_let_in() -> None:
    watch = Watch()
    admission = an_admission(watch)
    for _ in range(50):
        a_round(admission, watch, 60.0)
    assert a_round(admission, watch, 60.0) == FEWEST


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.floats(0, 3, allow_nan=False)), max_size=80
    ),
    st.integers(1, 12),
)
def test_never_more_inside_than_the_limit(
    steps: list[tuple[int, float]], limit: int
) -> None:
    watch = Watch()
    admission = an_admission(watch, limit)
    places: list[Place] = []
    for which, seconds in steps:
        watch.now += seconds
        if which < 5 and not admission.is_full:
            places.append(admission.take())
        elif places:
            places.pop(which % len(places)).release()
        assert admission.inside == len(places) <= limit
        assert min(FEWEST, limit) <= admission.room <= limit


def test_refused_callers_come_back_one_after_the_other() -> None:
    turns = Turns(constantly(0))
    told = [turns.next(1000.0, 10) for _ in range(100)]
    assert told == [math.ceil(turn / 10) for turn in range(1, 101)]


def test_turns_of_those_who_came_long_ago_are_over() -> None:
    turns = Turns(constantly(0))
    for _ in range(100):
        turns.next(1000.0, 10)
    assert turns.next(1020.0, 10) == 1


def test_nobody_waits_longer_than_half_a_minute_nor_in_step() -> None:
    drawn = iter([0.0, 0.25, 0.5, 0.999] * 500)
    turns = Turns(lambda: next(drawn))
    told = [turns.next(1000.0, 10) for _ in range(1000)]
    assert max(told) <= LONGEST
    assert set(told[-4:]) == {15, 19, 23, 30}
