# ruff: noqa: S608 - only enum codes are put into statements
"""Every platform with how it stands and how quickly it answers (a read model)."""

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date

from unbind_broker.base.database import INT, INTS, TEXT, Db, fetch_all, sql
from unbind_broker.base.ids import PlatformId
from unbind_broker.platforms.tables import World
from unbind_broker.statistics.figures import Period
from unbind_broker.statistics.measures import Family, Measure, members_of, quantile
from unbind_broker.statistics.standing import (
    Standing,
    error_of,
    since_of,
    standing_of,
)

MOST_PLATFORMS = 1000


@dataclass(frozen=True, kw_only=True)
class Enrolled:
    """A platform and how it stands.

    ``since`` is when that began; None: nothing was ever sent there.
    ``failing_since`` is the first failure after the last success, ``open_until`` when
    the next request tries while nothing else is sent.
    """

    id: PlatformId
    slug: str
    name_zh: str
    name_en: str
    sensitive: bool
    standing: Standing
    since: datetime | None
    failing_since: datetime | None
    failures: int
    error: str | None
    last_success_at: datetime | None
    open_until: datetime | None


@dataclass(frozen=True)
class Pace:
    """How a platform answered over a period; None where nothing was counted.

    ``acknowledged_within`` is the time in seconds that 95 % did not exceed.
    """

    acknowledged_within: float | None
    punctuality: float | None


@dataclass(frozen=True)
class Answered:
    """What ended on a day: answered in time, or not."""

    day: date
    in_time: int
    missed: int


async def call_roll(db: Db, most: int = MOST_PLATFORMS) -> list[Enrolled]:
    """Read up to ``most`` real platforms in the order of their slugs."""
    rows = await fetch_all(db, _ROLL, {"slug": None, "most": most})
    return [_enrolled(row) for row in rows]


async def find_enrolled(db: Db, slug: str) -> Enrolled | None:
    """Read one platform, be it real or one for rehearsals."""
    rows = await fetch_all(db, _ROLL, {"slug": slug, "most": 1})
    return _enrolled(rows[0]) if rows else None


async def read_paces(
    db: Db, period: Period, platforms: Collection[PlatformId]
) -> dict[PlatformId, Pace]:
    """Read how each platform answered; those of which nothing was counted are missing.

    Costs a row for each platform, day and class of time.
    """
    values = {
        "platforms": sorted(platforms),
        "since": period.since,
        "until": period.until,
    }
    sums: defaultdict[PlatformId, Counter[int]] = defaultdict(Counter)
    for row in await fetch_all(db, _PACES, values):
        sums[PlatformId(row.platform_id)][row.measure] += row.n
    return {platform: _pace(counted) for platform, counted in sums.items()}


async def read_answered(
    db: Db, period: Period, platform: PlatformId
) -> tuple[Answered, ...]:
    """Read what ended on each day of a period, the first one first."""
    values = {"platform": platform, "since": period.since, "until": period.until}
    rows = {row.day: row for row in await fetch_all(db, _ANSWERED, values)}
    first, last = period.since.toordinal(), period.until.toordinal()
    days = map(date.fromordinal, range(first, last + 1))
    return tuple(_answered(day, rows.get(day)) for day in days)


def _enrolled(row: Any) -> Enrolled:
    standing = standing_of(row)
    return Enrolled(
        id=PlatformId(row.id),
        slug=row.slug,
        name_zh=row.name_zh,
        name_en=row.name_en,
        sensitive=row.sensitive,
        standing=standing,
        since=since_of(standing, row),
        failing_since=row.failing_since,
        failures=row.failures or 0,
        error=error_of(standing, row),
        last_success_at=row.last_success_at,
        open_until=row.open_until,
    )


def _pace(counted: Counter[int]) -> Pace:
    in_time, missed = counted[Measure.IN_TIME], counted[Measure.NOT_IN_TIME]
    return Pace(
        quantile(members_of(Family.ACKNOWLEDGEMENT, counted), 0.95),
        in_time / (in_time + missed) if in_time + missed else None,
    )


def _answered(day: date, row: Any) -> Answered:
    return Answered(day, row.in_time, row.missed) if row else Answered(day, 0, 0)


_ROLL = sql(
    f"""
    SELECT p.id, p.slug, p.name_zh, p.name_en, p.sensitive,
        p.status AS platform_status, p.changed_at AS suspended_at,
        e.status AS endpoint_status, e.changed_at, e.disabled_reason,
        h.condition, h.since, h.failing_since, h.failures, h.last_error,
        h.last_success_at, h.open_until
    FROM platforms p
    LEFT JOIN endpoints e ON e.platform_id = p.id
    LEFT JOIN endpoint_health h ON h.endpoint_id = e.id
    WHERE CASE WHEN :slug IS NULL THEN p.world = {World.REAL.code}
        ELSE p.slug = :slug END
    ORDER BY p.slug
    LIMIT :most""",
    slug=TEXT,
    most=INT,
)
_TIMELY = f"{Measure.IN_TIME}, {Measure.NOT_IN_TIME}"
_PACES = sql(
    f"""
    SELECT d.platform_id, d.measure, sum(d.n)::bigint AS n
    FROM unnest(:platforms) AS p (id)
    CROSS JOIN LATERAL (
        SELECT platform_id, measure, n FROM platform_days
        WHERE platform_id = p.id AND day BETWEEN :since AND :until
            AND (measure IN ({_TIMELY})
                OR measure >= {Family.ACKNOWLEDGEMENT} AND measure < {Family.RESULT})
        OFFSET 0
    ) d
    GROUP BY d.platform_id, d.measure""",
    platforms=INTS,
    since=Date(),
    until=Date(),
)
_ANSWERED = sql(
    f"""
    SELECT day,
        coalesce(sum(n) FILTER (WHERE measure = {Measure.IN_TIME}), 0)::bigint
            AS in_time,
        coalesce(sum(n) FILTER (WHERE measure = {Measure.NOT_IN_TIME}), 0)::bigint
            AS missed
    FROM platform_days
    WHERE platform_id = :platform AND day BETWEEN :since AND :until
        AND measure IN ({_TIMELY})
    GROUP BY day""",
    platform=INT,
    since=Date(),
    until=Date(),
)
