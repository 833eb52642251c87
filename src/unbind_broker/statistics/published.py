# ruff: noqa: S608 - only codes are put into the statement
"""How punctual platforms are, as anybody may know it: counts, and no small ones.

A day on which a platform was asked little is left out of whatever it would be part of.
So nobody finds out what it held by subtracting one period from another, or platforms
from their total, which is made of nothing but what is shown. Sensitive platforms are in
none of it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from sqlalchemy import Date

from unbind_broker.base.database import Db, fetch_all, sql
from unbind_broker.platforms.tables import PlatformStatus, World
from unbind_broker.statistics.figures import Period
from unbind_broker.statistics.measures import Measure

FEWEST = 20
"""Items that a platform was asked on a day that counts."""
_STEPS = (0.01, 0.05, 0.25)
_HIDDEN = 5
"""A step of a share is never fewer items than these."""


@dataclass(frozen=True)
class Day:
    """What ended on a day: answered in time, or not."""

    in_time: int
    missed: int

    @property
    def items(self) -> int:
        """Count both."""
        return self.in_time + self.missed


@dataclass(frozen=True)
class Punctuality:
    """What is told; ``items`` and ``share`` are None where that would be too little.

    The share is rounded down so far that nobody can tell from it how few were late.
    ``days`` of the period counted, ``days_withheld`` held too little (of one platform:
    of all together nothing is said of them).
    """

    items: int | None
    share: float | None
    days: int
    days_withheld: int


class _Sum(NamedTuple):
    """Of days up to one of them."""

    days: int = 0
    withheld: int = 0
    items: int = 0
    in_time: int = 0

    def with_day(self, day: Day) -> "_Sum":
        items = day.items
        if items < FEWEST:
            return self._replace(withheld=self.withheld + (items > 0))
        return _Sum(
            self.days + 1,
            self.withheld,
            self.items + items,
            self.in_time + day.in_time,
        )


@dataclass(frozen=True)
class Known:
    """A platform that is named, and what came of it day by day."""

    slug: str
    name_zh: str
    name_en: str
    category: str
    days: Mapping[date, Day]

    def over(self, period: Period) -> Punctuality:
        """Say how punctual it was."""
        return _told(self.sum(period))

    def sum(self, period: Period) -> _Sum:
        """Add up the days of a period that are told of, however many there are."""
        days, sums = self._running
        before = sums[bisect_left(days, period.since)]
        behind = sums[bisect_right(days, period.until)]
        return _Sum(*(high - low for high, low in zip(behind, before, strict=True)))

    @cached_property
    def counted(self) -> frozenset[date]:
        """Give the days that are told of."""
        return frozenset(at for at, day in self.days.items() if day.items >= FEWEST)

    @cached_property
    def _running(self) -> tuple[list[date], list[_Sum]]:
        days = sorted(self.days)
        each = (self.days[at] for at in days)
        return days, [*accumulate(each, _Sum.with_day, initial=_Sum())]


def of_all(known: Sequence[Known], period: Period) -> Punctuality:
    """Say how punctual all were together, by what is told of each alone."""
    each = [one.sum(period) for one in known]
    counted = frozenset[date]().union(*(one.counted for one in known))
    return _told(
        _Sum(
            days=sum(period.since <= at <= period.until for at in counted),
            items=sum(one.items for one in each),
            in_time=sum(one.in_time for one in each),
        )
    )


def _told(counted: _Sum) -> Punctuality:
    items, share = counted.items, _coarse(counted.in_time, counted.items)
    return Punctuality(items or None, share, counted.days, counted.withheld)


def _coarse(in_time: int, items: int) -> float | None:
    if not items:
        return None
    step = next(one for one in _STEPS if one * items >= _HIDDEN)
    steps = round(1 / step)
    return in_time * steps // items / steps


async def read_known(db: Db, period: Period) -> tuple[Known, ...]:
    """Read what came of all real platforms that may be named; a row for each day."""
    values = {"since": period.since, "until": period.until}
    days: dict[str, dict[date, Day]] = {}
    names = {}
    for row in await fetch_all(db, _KNOWN, values):
        names[row.slug] = row
        of_one = days.setdefault(row.slug, {})
        if row.day is not None:
            of_one[row.day] = Day(row.in_time, row.missed)
    return tuple(
        Known(slug, row.name_zh, row.name_en, row.category, days[slug])
        for slug, row in names.items()
    )


_KNOWN = sql(
    f"""
    SELECT p.slug, p.name_zh, p.name_en, p.category, d.day, d.in_time, d.missed
    FROM platforms p
    LEFT JOIN LATERAL (
        SELECT day,
            coalesce(sum(n) FILTER (WHERE measure = {Measure.IN_TIME}), 0)::bigint
                AS in_time,
            coalesce(sum(n) FILTER (WHERE measure = {Measure.NOT_IN_TIME}), 0)::bigint
                AS missed
        FROM platform_days
        WHERE platform_id = p.id AND day BETWEEN :since AND :until
            AND measure IN ({Measure.IN_TIME}, {Measure.NOT_IN_TIME})
        GROUP BY day
    ) d ON true
    WHERE p.world = {World.REAL.code} AND NOT p.sensitive
        AND p.status = {PlatformStatus.ACTIVE.code}
    ORDER BY p.slug, d.day""",
    since=Date(),
    until=Date(),
)
