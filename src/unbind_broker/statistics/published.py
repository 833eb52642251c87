# ruff: noqa: S608 - only codes are put into the statement
"""How punctual platforms are, as anybody may know it: counts, and no small ones.

A day on which a platform was asked little is left out of whatever it would be part of.
So nobody finds out what it held by subtracting one period from another, or platforms
from their total, which is made of nothing but what is shown. Sensitive platforms are in
none of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

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
        counted, withheld = self.counted(period), 0
        for at, day in self.days.items():
            withheld += period.since <= at <= period.until and 0 < day.items < FEWEST
        return _told([*counted.values()], len(counted), withheld)

    def counted(self, period: Period) -> dict[date, Day]:
        """Give the days of a period that are told of."""
        return {
            at: day
            for at, day in self.days.items()
            if period.since <= at <= period.until and day.items >= FEWEST
        }


def of_all(known: Sequence[Known], period: Period) -> Punctuality:
    """Say how punctual all were together, by what is told of each alone."""
    counted = [one.counted(period) for one in known]
    together = [day for days in counted for day in days.values()]
    return _told(together, len({at for days in counted for at in days}), 0)


def _told(counted: Sequence[Day], days: int, withheld: int) -> Punctuality:
    items = sum(day.items for day in counted)
    share = _coarse(sum(day.in_time for day in counted), items)
    return Punctuality(items or None, share, days, withheld)


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
