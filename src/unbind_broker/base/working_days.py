"""Working days of mainland China, with its holidays and make-up days."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from chinese_calendar import is_workday
from chinese_calendar.constants import holidays

_ONE_DAY = timedelta(days=1)
_SATURDAY = 5
_LAST_SECOND = time(23, 59, 59)


@dataclass(frozen=True, slots=True)
class Deadline:
    """Name the last second in which an answer is in time.

    `provisional` says that a year without published holidays was counted: the
    day may still move later, and whoever counts again never moves it earlier.
    """

    at: datetime
    provisional: bool


def order_deadline(made_at: datetime, working_days: int, zone: ZoneInfo) -> Deadline:
    """Count working days behind the local day of `made_at`, to the end of the last.

    The day itself does not count. The end is 23:59:59 in the zone, given in
    UTC, so that it shows as the day that it is in the zone.
    """
    if made_at.tzinfo is None:
        raise ValueError("expected an aware instant, found a naive one")
    if working_days < 1:
        raise ValueError(f"expected at least one working day, found {working_days}")
    day = made_at.astimezone(zone).date()
    provisional = False
    remaining = working_days
    while remaining:
        day += _ONE_DAY
        provisional = provisional or not is_published(day.year)
        remaining -= is_working_day(day)
    end = datetime.combine(day, _LAST_SECOND, tzinfo=zone)
    return Deadline(at=end.astimezone(UTC), provisional=provisional)


@dataclass(frozen=True)
class WorkingTime:
    """How long platforms have for an order: ``days`` working days in ``zone``.

    ``fixed`` replaces them where a rehearsal needs short clocks.
    """

    days: int
    zone: ZoneInfo
    fixed: timedelta | None = None

    def deadline(self, made_at: datetime) -> Deadline:
        """Say by when an order made then must be answered."""
        if self.fixed is not None:
            return Deadline(made_at + self.fixed, provisional=False)
        return order_deadline(made_at, self.days, self.zone)


def working_days_left(now: datetime, until: datetime, zone: ZoneInfo) -> int:
    """Count the working days behind today, up to and with the day of ``until``."""
    day, last = (at.astimezone(zone).date() for at in (now, until))
    days = (last - day).days
    return sum(is_working_day(day + _ONE_DAY * (n + 1)) for n in range(days))


@lru_cache(maxsize=1000)
def is_working_day(day: date) -> bool:
    """Tell whether mainland China works; Monday to Friday in unpublished years."""
    if is_published(day.year):
        return bool(is_workday(day))
    return day.weekday() < _SATURDAY


def is_published(year: int) -> bool:
    """Tell whether the State Council's holidays of the year are known here.

    A notice for the next year can already name days around New Year; only a
    whole year has its National Day.
    """
    return date(year, 10, 1) in holidays
