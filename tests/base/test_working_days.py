from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from chinese_calendar.constants import holidays
from hypothesis import given
from hypothesis import strategies as st

from unbind_broker.base.working_days import (
    Deadline,
    WorkingTime,
    is_published,
    is_working_day,
    order_deadline,
    working_days_left,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
LAST_PUBLISHED = max(day.year for day in holidays)

published_days = st.dates(date(2005, 1, 1), date(LAST_PUBLISHED, 11, 30))
counts = st.integers(1, 30)
times = st.times()


def at_noon(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(12), tzinfo=SHANGHAI)


def local_day(made_at: datetime, working_days: int = 5) -> str:
    deadline = order_deadline(made_at, working_days, SHANGHAI)
    return deadline.at.astimezone(SHANGHAI).date().isoformat()


def test_working_time_is_working_days_unless_it_is_fixed() -> None:
    made_at = at_noon("2026-02-13")
    days = WorkingTime(days=5, zone=SHANGHAI)
    fixed = WorkingTime(days=5, zone=SHANGHAI, fixed=timedelta(minutes=2))
    assert days.deadline(made_at) == order_deadline(made_at, 5, SHANGHAI)
    assert fixed.deadline(made_at) == Deadline(made_at + timedelta(minutes=2), False)  # noqa: FBT003 - a row


@pytest.mark.parametrize(
    ("made_on", "due_on"),
    [
        ("2025-09-30", "2025-10-14"),  # National Day, make-up Saturday 10-11
        ("2026-02-13", "2026-02-27"),  # Spring Festival, make-up Saturday 02-14
        ("2025-06-03", "2025-06-10"),
        ("2026-09-24", "2026-10-09"),  # make-up Sunday 09-20 lies before
        ("2025-09-26", "2025-10-10"),  # make-up Sunday 09-28 counts
        ("2025-09-28", "2025-10-11"),  # made on a make-up Sunday
        ("2025-10-09", "2025-10-15"),  # make-up Saturday 10-11 counts
        ("2026-02-22", "2026-02-28"),  # ends on a make-up Saturday
        ("2026-02-14", "2026-02-28"),
        ("2025-12-26", "2026-01-05"),  # New Year, make-up Sunday 01-04
        ("2025-04-03", "2025-04-11"),  # Qingming
        ("2025-04-24", "2025-04-30"),  # make-up Sunday 04-27 counts
        ("2025-07-12", "2025-07-18"),  # made on an ordinary Saturday
        ("2025-07-13", "2025-07-18"),  # made on an ordinary Sunday
        ("2025-07-14", "2025-07-21"),
        ("2020-01-23", "2020-02-07"),  # holiday lengthened at short notice
    ],
)
def test_five_working_days_end_on_the_day_of_the_calendar(
    made_on: str, due_on: str
) -> None:
    deadline = order_deadline(at_noon(made_on), 5, SHANGHAI)
    assert local_day(at_noon(made_on)) == due_on
    assert not deadline.provisional


def test_deadline_is_the_last_second_of_the_local_day_in_utc() -> None:
    deadline = order_deadline(at_noon("2025-09-30"), 5, SHANGHAI)
    assert deadline.at == datetime(2025, 10, 14, 15, 59, 59, tzinfo=UTC)
    assert deadline.at.tzinfo is UTC


def test_day_of_the_order_is_the_local_one() -> None:
    before_midnight = datetime(2025, 6, 3, 15, 59, 59, 999_999, tzinfo=UTC)
    midnight = datetime(2025, 6, 3, 16, 0, tzinfo=UTC)
    assert local_day(before_midnight) == "2025-06-10"
    assert local_day(midnight) == "2025-06-11"


def test_zone_of_the_given_instant_does_not_matter() -> None:
    made_at = at_noon("2025-09-30")
    elsewhere = made_at.astimezone(ZoneInfo("America/New_York"))
    assert order_deadline(elsewhere, 5, SHANGHAI) == order_deadline(
        made_at, 5, SHANGHAI
    )


def test_other_zone_has_its_own_end_of_day() -> None:
    urumqi = order_deadline(at_noon("2025-06-03"), 5, ZoneInfo("Asia/Urumqi"))
    assert urumqi.at == datetime(2025, 6, 10, 17, 59, 59, tzinfo=UTC)


def test_unpublished_year_counts_monday_to_friday_provisionally() -> None:
    year = LAST_PUBLISHED + 1
    monday = next(
        day
        for day in (date(year, 9, 27) + timedelta(days=n) for n in range(7))
        if day.weekday() == 0
    )
    made_at = datetime.combine(monday, time(9), tzinfo=SHANGHAI)
    deadline = order_deadline(made_at, 5, SHANGHAI)
    assert deadline.provisional
    assert local_day(made_at) == (monday + timedelta(days=7)).isoformat()


def test_year_end_runs_into_the_unpublished_year() -> None:
    made_at = datetime(LAST_PUBLISHED, 12, 30, 9, tzinfo=SHANGHAI)
    deadline = order_deadline(made_at, 5, SHANGHAI)
    assert deadline.provisional
    assert deadline.at.astimezone(SHANGHAI).year == LAST_PUBLISHED + 1


def test_deadline_inside_the_last_published_year_is_firm() -> None:
    made_at = datetime(LAST_PUBLISHED, 12, 15, 9, tzinfo=SHANGHAI)
    assert not order_deadline(made_at, 5, SHANGHAI).provisional


def test_years_before_the_calendar_begins_are_unpublished() -> None:
    assert not is_published(2003)
    assert is_published(2025)
    assert not is_published(LAST_PUBLISHED + 1)
    assert not is_working_day(date(2003, 10, 4))  # a Saturday
    assert is_working_day(date(2003, 10, 1))  # a holiday nobody told us of


def test_naive_instants_and_empty_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        order_deadline(datetime(2025, 6, 3), 5, SHANGHAI)  # noqa: DTZ001 - a naive time is the case
    with pytest.raises(ValueError, match="at least one"):
        order_deadline(at_noon("2025-06-03"), 0, SHANGHAI)


@given(published_days, times, counts)
def test_exactly_so_many_working_days_lie_behind_the_order(
    day: date, clock: time, count: int
) -> None:
    made_at = datetime.combine(day, clock, tzinfo=SHANGHAI)
    due = order_deadline(made_at, count, SHANGHAI).at.astimezone(SHANGHAI).date()
    between = [day + timedelta(days=n) for n in range(1, (due - day).days + 1)]
    assert sum(map(is_working_day, between)) == count
    assert is_working_day(due)


@given(published_days, times, times, counts)
def test_hour_of_the_day_does_not_matter(
    day: date, one: time, other: time, count: int
) -> None:
    deadlines = {
        order_deadline(datetime.combine(day, clock, tzinfo=SHANGHAI), count, SHANGHAI)
        for clock in (one, other)
    }
    assert len(deadlines) == 1


@given(published_days, published_days, counts)
def test_later_orders_never_end_earlier(one: date, other: date, count: int) -> None:
    early, late = (
        order_deadline(datetime.combine(day, time(9), tzinfo=SHANGHAI), count, SHANGHAI)
        for day in sorted((one, other))
    )
    assert early.at <= late.at


@given(published_days, counts)
def test_one_more_working_day_ends_later(day: date, count: int) -> None:
    made_at = datetime.combine(day, time(9), tzinfo=SHANGHAI)
    shorter = order_deadline(made_at, count, SHANGHAI)
    longer = order_deadline(made_at, count + 1, SHANGHAI)
    assert shorter.at < longer.at


@given(published_days)
def test_five_working_days_are_five_to_fifteen_calendar_days(day: date) -> None:
    made_at = datetime.combine(day, time(9), tzinfo=SHANGHAI)
    due = order_deadline(made_at, 5, SHANGHAI).at.astimezone(SHANGHAI).date()
    assert 5 <= (due - day).days <= 15


@given(published_days, counts, times)
def test_all_working_days_are_left_when_an_order_is_made(
    day: date, working_days: int, at: time
) -> None:
    made_at = datetime.combine(day, at, tzinfo=SHANGHAI)
    deadline = order_deadline(made_at, working_days, SHANGHAI)
    assert working_days_left(made_at, deadline.at, SHANGHAI) == working_days


def test_no_working_day_is_left_on_the_last_one_and_behind_it() -> None:
    until = at_noon("2026-11-20") + timedelta(hours=3)
    assert working_days_left(at_noon("2026-11-20"), until, SHANGHAI) == 0
    assert working_days_left(at_noon("2026-11-23"), until, SHANGHAI) == 0
