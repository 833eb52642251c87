# ruff: noqa: S608 - only codes and conditions are put into statements
"""What was counted of platforms over a period, and what is open now (a read model)."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import ClassVar

from sqlalchemy import Date

from unbind_broker.base.database import INSTANT, INT, INTS, TEXT, Db, fetch_all, sql
from unbind_broker.base.errors import BrokerError
from unbind_broker.base.ids import PlatformId
from unbind_broker.items.states import FIRST_FINAL_CODE
from unbind_broker.orders.states import OrderStatus
from unbind_broker.platforms.tables import World
from unbind_broker.statistics.counting import TRAIL
from unbind_broker.statistics.measures import Measure

MOST_DAYS = 366
MOST_ORDERS = 10_000
_MOST_LOOKED_UP = 200_000
"""So many items are looked at to say what is open, of all platforms together."""


class WrongPeriod(BrokerError):
    """Nothing can be counted between these days."""

    code: ClassVar[str] = "wrong-period"
    title: ClassVar[str] = "No such period"


@dataclass(frozen=True)
class Period:
    """Days, the last one included. Raises ``WrongPeriod``."""

    since: date
    until: date

    def __post_init__(self) -> None:
        if self.until < self.since:
            raise WrongPeriod(
                f"the period ends on {self.until}, before it begins on {self.since}"
            )
        if (self.until - self.since).days >= MOST_DAYS:
            raise WrongPeriod(
                f"from {self.since} to {self.until} there are more than {MOST_DAYS} "
                "days; ask in parts"
            )


@dataclass(frozen=True)
class Sums:
    """What was counted: by kind of order (0: of none), then by code of a measure."""

    by_kind: Mapping[int, Counter[int]] = field(default_factory=dict)

    def of_kind(self, kind: int) -> Counter[int]:
        """Give the sums of one kind."""
        return self.by_kind.get(kind, Counter())

    @property
    def of_all(self) -> Counter[int]:
        """Give the sums of all kinds together."""
        return sum(self.by_kind.values(), Counter())


@dataclass(frozen=True)
class Open:
    """Items that are open now, those of them whose deadline has passed.

    They were looked for in the ``among`` orders that are due first; None: in all.
    """

    items: int
    overdue: int
    among: int | None


async def read_sums(
    db: Db, period: Period, platforms: Collection[PlatformId]
) -> dict[PlatformId, Sums]:
    """Read what was counted of each platform; those of which nothing was are missing.

    Costs a row for each platform, day and measure.
    """
    rows = await fetch_all(db, _SUMS, _values(period, platforms))
    found: defaultdict[PlatformId, dict[int, Counter[int]]] = defaultdict(dict)
    for row in rows:
        kinds = found[PlatformId(row.platform_id)]
        kinds.setdefault(row.kind, Counter())[row.measure] = row.n
    return {platform: Sums(kinds) for platform, kinds in found.items()}


async def read_total(
    db: Db, period: Period, platforms: Collection[PlatformId] | None
) -> Sums:
    """Read what was counted of these platforms together; None: of all real ones."""
    kinds: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for row in await fetch_all(db, _TOTAL, _values(period, platforms)):
        kinds[row.kind][row.measure] = row.n
    return Sums(kinds)


async def read_punctuality(
    db: Db, period: Period, platforms: Collection[PlatformId]
) -> dict[PlatformId, float]:
    """Read which share of its items each platform answered in time.

    Those of which nothing was counted are missing.
    """
    rows = await fetch_all(db, _PUNCTUALITY, _values(period, platforms))
    return {PlatformId(row.platform_id): round(row.share, 4) for row in rows}


async def counted_until(db: Db) -> datetime | None:
    """Say up to when everything is counted; None: nothing was counted yet."""
    rows = await fetch_all(db, _COUNTED_UNTIL, {"name": TRAIL})
    at: datetime | None = rows[0].at if rows else None
    return at


async def read_open(
    db: Db, now: datetime, platforms: Collection[PlatformId]
) -> dict[PlatformId, Open]:
    """Count what each of the platforms was asked and has not answered.

    Orders that are held are left out, and items that follow others. The platforms are
    all real, or none is.
    """
    share = _MOST_LOOKED_UP // max(1, len(platforms))
    values = {
        "platforms": sorted(platforms),
        "now": now,
        "most": min(MOST_ORDERS, share),
    }
    rows = await fetch_all(db, _OPEN, values)
    return {
        PlatformId(row.id): Open(
            row.items, row.overdue, None if row.is_all else row.looked_at
        )
        for row in rows
    }


def _values(
    period: Period, platforms: Collection[PlatformId] | None
) -> dict[str, object]:
    return {
        "platforms": None if platforms is None else sorted(platforms),
        "since": period.since,
        "until": period.until,
    }


_DAYS = """
    CROSS JOIN LATERAL (
        SELECT platform_id, kind, measure, n FROM platform_days
        WHERE platform_id = p.id AND day BETWEEN :since AND :until
        OFFSET 0
    ) d"""
_SUMS = sql(
    f"""
    SELECT d.platform_id, d.kind, d.measure, sum(d.n)::bigint AS n
    FROM unnest(:platforms) AS p (id)
    {_DAYS}
    GROUP BY d.platform_id, d.kind, d.measure""",
    platforms=INTS,
    since=Date(),
    until=Date(),
)
_PUNCTUALITY = sql(
    f"""
    SELECT d.platform_id,
        coalesce(sum(d.n) FILTER (WHERE d.measure = {Measure.IN_TIME}), 0)::float8
            / sum(d.n)::float8 AS share
    FROM unnest(:platforms) AS p (id)
    {_DAYS}
    WHERE d.measure IN ({Measure.IN_TIME}, {Measure.NOT_IN_TIME})
    GROUP BY d.platform_id""",
    platforms=INTS,
    since=Date(),
    until=Date(),
)
_TOTAL = sql(
    f"""
    SELECT d.kind, d.measure, sum(d.n)::bigint AS n
    FROM (
        SELECT id FROM platforms
        WHERE CASE WHEN :platforms IS NULL THEN world = {World.REAL.code}
            ELSE id = ANY(:platforms) END
    ) p
    {_DAYS}
    GROUP BY d.kind, d.measure""",
    platforms=INTS,
    since=Date(),
    until=Date(),
)
_COUNTED_UNTIL = sql("SELECT at FROM counting_marks WHERE name = :name", name=TEXT)
_TWINS = "ARRAY(SELECT id FROM carriers WHERE sandbox_of IS NOT NULL)"
_REHEARSE = f"""EXISTS (
    SELECT FROM platforms
    WHERE id = ANY(:platforms) AND world <> {World.REAL.code})"""
# Rehearsals are due first, and many: what is real must not stand behind them. They are
# looked for among all, or every real order might be read for the sake of a few.
_OPEN = sql(
    f"""
    WITH urgent AS MATERIALIZED (
        SELECT id, deadline FROM orders
        WHERE status = {OrderStatus.IN_PROGRESS.code}
            AND ({_REHEARSE} OR carrier_id <> ALL({_TWINS}))
        ORDER BY deadline
        LIMIT :most
    ), looked AS (
        SELECT count(*) AS at FROM urgent
    ), found AS (
        SELECT i.platform_id, count(*) AS items,
            count(*) FILTER (WHERE u.deadline < :now) AS overdue
        FROM urgent u
        CROSS JOIN LATERAL (
            SELECT platform_id FROM items
            WHERE order_id = u.id AND platform_id = ANY(:platforms)
                AND status < {FIRST_FINAL_CODE} AND follows IS NULL
            OFFSET 0
        ) i
        GROUP BY i.platform_id
    )
    SELECT p.id, coalesce(f.items, 0) AS items, coalesce(f.overdue, 0) AS overdue,
        l.at AS looked_at, l.at < :most AS is_all
    FROM looked l
    CROSS JOIN unnest(:platforms) AS p (id)
    LEFT JOIN found f ON f.platform_id = p.id""",
    platforms=INTS,
    now=INSTANT,
    most=INT,
)
