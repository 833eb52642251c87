# ruff: noqa: S608 - only the names of the two tables are put into statements
"""How many results came for a carrier lately, and how many of them were bad.

Those of orders and those of clearances are counted apart: a clearance brings so many
that one would hide the other. One row stands for one report, so that counting costs a
report one statement, and nobody waits for a counter.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Table, TextClause, insert, select, union

from unbind_broker.base.database import BIG, INSTANT, INT, Db, sql
from unbind_broker.base.ids import CarrierId
from unbind_broker.carriers.tables import finding_marks, result_marks

RESULTS_LOOKED_AT = 1000
OF_ORDERS, OF_CLEARANCES = result_marks, finding_marks


@dataclass(frozen=True)
class Tally:
    """Final results; ``bad`` ones speak against the carrier's dates."""

    results: int = 0
    bad: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.results + other.results, self.bad + other.bad)


async def mark(
    db: Db, now: datetime, tallies: Mapping[CarrierId, Tally], of: Table = OF_ORDERS
) -> None:
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
        await db.execute(insert(of).values(rows))


async def newest(
    db: Db, carrier_id: CarrierId, since: datetime | None, of: Table = OF_ORDERS
) -> Tally:
    """Add up a carrier's newest results, at least 1,000 if there are so many.

    Reports are taken whole. Only those that came after ``since`` count.
    """
    values = {"carrier": carrier_id, "since": since, "most": RESULTS_LOOKED_AT}
    row = (await db.execute(_NEWEST[of.name], values)).one()
    return Tally(row.results, row.bad)


async def alarming_since(db: Db, since: datetime) -> set[CarrierId]:
    """Find the carriers for which a bad result came after ``since``."""
    alarming = union(
        *(
            select(of.c.carrier_id).where(of.c.at > since, of.c.bad > 0)
            for of in (OF_ORDERS, OF_CLEARANCES)
        )
    )
    return set((await db.execute(alarming)).scalars())


async def prune_marks(db: Db, limit: int) -> int:
    """Delete up to ``limit`` rows of each that no sum reaches back to; count them.

    Each row holds a result at least, so the newest 1,000 of a carrier suffice.
    """
    values = {"kept": RESULTS_LOOKED_AT, "limit": limit}
    return sum([(await db.execute(one, values)).rowcount for one in _PRUNE])


def _newest(of: Table) -> TextClause:
    return sql(
        f"""
        SELECT coalesce(sum(results), 0) AS results, coalesce(sum(bad), 0) AS bad
        FROM (
            SELECT results, bad, sum(results) OVER (ORDER BY id DESC) - results AS newer
            FROM (
                SELECT id, results, bad FROM {of.name}
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


def _prune(of: Table) -> TextClause:
    return sql(
        f"""
        DELETE FROM {of.name} WHERE id IN (
            SELECT old.id FROM carriers c
            CROSS JOIN LATERAL (
                SELECT id FROM {of.name} WHERE carrier_id = c.id
                ORDER BY id DESC OFFSET :kept LIMIT 1
            ) first_old
            JOIN {of.name} old ON old.carrier_id = c.id AND old.id <= first_old.id
            LIMIT :limit
        )""",
        kept=BIG,
        limit=INT,
    )


_NEWEST = {of.name: _newest(of) for of in (OF_ORDERS, OF_CLEARANCES)}
_PRUNE = [_prune(of) for of in (OF_ORDERS, OF_CLEARANCES)]
