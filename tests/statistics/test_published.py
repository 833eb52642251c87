"""What anybody may know of platforms never tells a small count."""

from collections.abc import Mapping
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from unbind_broker.statistics.figures import Period
from unbind_broker.statistics.published import (
    FEWEST,
    Day,
    Known,
    Punctuality,
    of_all,
)

FIRST = date(2026, 10, 1)
DAYS = st.lists(
    st.builds(Day, st.integers(0, 60), st.integers(0, 30)), min_size=2, max_size=12
)


def known(days: list[Day], slug: str = "weibo") -> Known:
    by_day = {FIRST + timedelta(days=place): day for place, day in enumerate(days)}
    return Known(slug, slug, slug, "social", by_day)


def over(one: Known, first: int, last: int) -> Punctuality:
    return one.over(Period(FIRST + timedelta(first), FIRST + timedelta(last)))


def test_days_with_few_items_are_left_out_and_counted() -> None:
    told = over(known([Day(FEWEST, 0), Day(FEWEST - 1, 0), Day(80, 20)]), 0, 2)
    assert told == Punctuality(FEWEST + 100, 0.8, 2, 1)


def test_nothing_but_few_is_nothing() -> None:
    assert over(known([Day(1, 2), Day(3, 0)]), 0, 1) == Punctuality(None, None, 0, 2)
    assert over(known([]), 0, 1) == Punctuality(None, None, 0, 0)


@given(DAYS)
def test_no_two_periods_tell_what_a_small_day_held(days: list[Day]) -> None:
    """Whatever is subtracted, it is a sum of days that are told anyway."""
    one, emptied = known(days), known([_without_small(day) for day in days])
    for first in range(len(days)):
        for last in range(first, len(days)):
            told, without = over(one, first, last), over(emptied, first, last)
            assert (told.items, told.share) == (without.items, without.share)


@given(st.lists(DAYS, min_size=1, max_size=4))
def test_total_is_made_of_what_is_told(of_each: list[list[Day]]) -> None:
    each = [known(days, f"p-{place}") for place, days in enumerate(of_each)]
    period = Period(FIRST, FIRST + timedelta(20))
    told = [one.over(period).items or 0 for one in each]
    assert (of_all(each, period).items or 0) == sum(told)


@given(st.integers(FEWEST, 3000), st.data())
def test_share_leaves_at_least_five_counts_of_those_late_possible(
    items: int, data: st.DataObject
) -> None:
    late = data.draw(st.integers(0, items))
    told = over(known([Day(items - late, late)]), 0, 0).share
    assert told is not None
    possible: Mapping[int, None] = {
        other: None
        for other in range(items + 1)
        if over(known([Day(items - other, other)]), 0, 0).share == told
    }
    assert len(possible) >= 5 or told == 1.0
    assert told <= (items - late) / items


@given(st.lists(DAYS, min_size=1, max_size=4), st.integers(-2, 14), st.integers(0, 9))
def test_period_is_made_of_its_own_days(
    of_each: list[list[Day]], first: int, length: int
) -> None:
    each = [known(days, f"p-{place}") for place, days in enumerate(of_each)]
    within = range(max(0, first), first + length + 1)
    told = [[(at, days[at]) for at in within if at < len(days)] for days in of_each]
    big = [[one for one in days if one[1].items >= FEWEST] for days in told]
    for one, days, counted in zip(each, told, big, strict=True):
        said = over(one, first, first + length)
        assert said.items == (sum(day.items for _, day in counted) or None)
        assert said.days == len(counted)
        small = [day for _, day in days if 0 < day.items < FEWEST]
        assert said.days_withheld == len(small)
    period = Period(FIRST + timedelta(first), FIRST + timedelta(first + length))
    together = of_all(each, period)
    assert together.days == len({at for days in big for at, _ in days})
    assert together.days_withheld == 0


def _without_small(day: Day) -> Day:
    return day if day.items >= FEWEST else Day(0, 0)
