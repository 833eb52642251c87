"""What was asked and what came of it, day by day, of all real platforms together."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Date

from unbind_broker.base.database import SMALLS, Db, fetch_all, sql
from unbind_broker.items.states import ItemStatus
from unbind_broker.platforms.tables import World
from unbind_broker.statistics.figures import Period
from unbind_broker.statistics.measures import ALL_TOGETHER, Family, Measure


@dataclass(frozen=True, kw_only=True)
class DayFigures:
    """One day of the broker's zone; days on which nothing happened are there too.

    ``orders`` and ``items`` were accepted on it, ``braked`` orders held by a brake. The
    others count on the day on which their order ended, or the thing itself happened.
    """

    day: date
    orders: int
    items: int
    braked: int
    ended: int
    in_time: int
    not_in_time: int
    late: int
    refused: int
    undeliverable: int
    conflicts: int
    disputes: int
    violations: int


async def read_days(db: Db, period: Period) -> tuple[DayFigures, ...]:
    """Read the days of a period, the first one first.

    Costs a few rows for each platform and day.
    """
    values = {
        "since": period.since,
        "until": period.until,
        "measures": sorted(_NAMES),
    }
    counted: defaultdict[date, Counter[str]] = defaultdict(Counter)
    for row in await fetch_all(db, _DAYS, values):
        counted[row.day][_NAMES[row.measure]] += row.n
    first, last = period.since.toordinal(), period.until.toordinal()
    days = map(date.fromordinal, range(first, last + 1))
    names = _NAMES.values()
    return tuple(
        DayFigures(day=day, **{name: counted[day][name] for name in names})
        for day in days
    )


_NAMES = {
    Measure.ORDERS.value: "orders",
    Measure.ITEMS.value: "items",
    Measure.BRAKED.value: "braked",
    Measure.ASKED.value: "ended",
    Measure.IN_TIME.value: "in_time",
    Measure.NOT_IN_TIME.value: "not_in_time",
    Measure.LATE.value: "late",
    Family.OUTCOME + ItemStatus.REFUSED.code: "refused",
    Family.OUTCOME + ItemStatus.UNDELIVERABLE.code: "undeliverable",
    Measure.CONFLICT.value: "conflicts",
    Measure.DISPUTE.value: "disputes",
    Measure.VIOLATION.value: "violations",
}
_DAYS = sql(
    f"""
    SELECT d.day, d.measure, sum(d.n)::bigint AS n
    FROM (
        SELECT id FROM platforms WHERE world = {World.REAL.code}
        UNION ALL
        SELECT {ALL_TOGETHER}
    ) p
    CROSS JOIN LATERAL (
        SELECT day, measure, n FROM platform_days
        WHERE platform_id = p.id AND day BETWEEN :since AND :until
            AND measure = ANY(:measures)
        OFFSET 0
    ) d
    GROUP BY d.day, d.measure""",  # noqa: S608 - only codes are put in
    since=Date(),
    until=Date(),
    measures=SMALLS,
)
