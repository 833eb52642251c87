"""How many results came for a carrier lately, and how many of them were bad.

One row stands for one report, so that counting costs a report one statement, and nobody
waits for a counter.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select

from unbind_broker.base.database import BIG, INSTANT, INT, Db, sql
from unbind_broker.base.ids import CarrierId
from unbind_broker.carriers.tables import result_marks

RESULTS_LOOKED_AT = 1000


@dataclass(frozen=True)
class Tally:
    """Final results of unbind items; ``bad`` ones speak against the carrier's dates."""

    results: int = 0
    bad: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.results + other.results, self.bad + other.bad)


async def mark(db: Db, now: datetime, tallies: Mapping[CarrierId, Tally]) -> None:
    """Write down what a report holds for each carrier."""
    rows = [
        {
            "carrier_id": carrier_id,
            "at": now,
            "results": tally.results,
            "bad": tally.bad,
        }
        for carrier_id, tally in sorted(tallies.items())
        if tally.results
    ]
    if rows:
        await db.execute(insert(result_marks).values(rows))


async def newest(db: Db, carrier_id: CarrierId, since: datetime | None) -> Tally:
    """Add up a carrier's newest results, at least 1,000 if there are so many.

    Reports are taken whole. Only those that came after ``since`` count.
    """
    values = {"carrier": carrier_id, "since": since, "most": RESULTS_LOOKED_AT}
    row = (await db.execute(_NEWEST, values)).one()
    return Tally(row.results, row.bad)


async def alarming_since(db: Db, since: datetime) -> set[CarrierId]:
    """Find the carriers for which a bad result came after ``since``."""
    rows = await db.execute(
        select(result_marks.c.carrier_id)
        .distinct()
        .where(result_marks.c.at > since, result_marks.c.bad > 0)
    )
    return set(rows.scalars())


async def prune_marks(db: Db, limit: int) -> int:
    """Delete up to ``limit`` rows that no sum reaches back to; count them.

    Each row holds a result at least, so the newest 1,000 of a carrier suffice.
    """
    values = {"kept": RESULTS_LOOKED_AT, "limit": limit}
    return (await db.execute(_PRUNE, values)).rowcount


_NEWEST = sql(
    """
    SELECT coalesce(sum(results), 0) AS results, coalesce(sum(bad), 0) AS bad
    FROM (
        SELECT results, bad, sum(results) OVER (ORDER BY id DESC) - results AS newer
        FROM (
            SELECT id, results, bad FROM result_marks
            WHERE carrier_id = :carrier AND (:since IS NULL OR at > :since)
            ORDER BY id DESC
            LIMIT :most
        ) m
    ) n
    WHERE newer < :most""",
    carrier=INT,
    since=INSTANT,
    most=BIG,
)
_PRUNE = sql(
    """
    DELETE FROM result_marks WHERE id IN (
        SELECT old.id FROM carriers c
        CROSS JOIN LATERAL (
            SELECT id FROM result_marks WHERE carrier_id = c.id
            ORDER BY id DESC OFFSET :kept LIMIT 1
        ) first_old
        JOIN result_marks old ON old.carrier_id = c.id AND old.id <= first_old.id
        LIMIT :limit
    )""",
    kept=BIG,
    limit=INT,
)
