# ruff: noqa: S608 - only enum codes are put into the statement
"""An administrator lets numbers be sold in spite of what platforms say, or do not."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import (
    BYTESES,
    INSTANT,
    INT,
    INTS,
    TEXT,
    Db,
    fetch_all,
    sql,
)
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.clearances.live import HELD_AGAIN
from unbind_broker.clearances.tables import clearances


@dataclass(frozen=True)
class Overridden:
    """What became of the numbers that were named; ``unknown``: not in the clearance."""

    released: int
    released_before: int
    withdrawn: int
    unknown: int


@dataclass(frozen=True)
class Decision:
    """Who decided it, and why."""

    actor: str
    why: str


async def override(
    db: Db,
    now: datetime,
    clearance_id: UUID,
    named: Collection[bytes] | Collection[int],
    decision: Decision,
    confirmed: datetime,
) -> Overridden:
    """Release numbers, named by blind index or by place; each is an event.

    Withdrawn ones stay held back, and so do those that somebody holds again: holders
    that were ``confirmed`` since then count, see ``live``.
    """
    found = await _find(db, clearance_id, named, confirmed)
    open_ = found.open
    decided = {"now": now, "actor": decision.actor, "why": decision.why}
    wanted = {"clearance": clearance_id, "places": sorted(open_), **decided}
    new = [row.place for row in await fetch_all(db, _OVERRIDE, wanted)] if open_ else []
    await record(db, now, *(_fact(clearance_id, one, open_, decision) for one in new))
    return found.outcome(len(new))


async def foresee(
    db: Db,
    clearance_id: UUID,
    named: Collection[bytes] | Collection[int],
    confirmed: datetime,
) -> tuple[Overridden, list[int]]:
    """Tell what ``override`` would do, and the places that it would release."""
    found = await _find(db, clearance_id, named, confirmed)
    values = {"clearance": clearance_id, "places": sorted(found.open)}
    done = {row.place for row in await fetch_all(db, _RELEASED, values)}
    new = sorted(found.open.keys() - done)
    return found.outcome(len(new)), new


@dataclass(frozen=True)
class _Found:
    named: int
    rows: int
    open: dict[int, bytes]

    def outcome(self, released: int) -> Overridden:
        return Overridden(
            released=released,
            released_before=len(self.open) - released,
            withdrawn=self.rows - len(self.open),
            unknown=self.named - self.rows,
        )


async def _find(
    db: Db,
    clearance_id: UUID,
    named: Collection[bytes] | Collection[int],
    confirmed: datetime,
) -> _Found:
    indexes = sorted({one for one in named if isinstance(one, bytes)})
    places = sorted({one for one in named if isinstance(one, int)})
    whose = select(clearances.c.carrier_id).where(clearances.c.id == clearance_id)
    values = {
        "clearance": clearance_id,
        "carrier": await db.scalar(whose),
        "confirmed": confirmed,
        "indexes": indexes,
        "places": places,
    }
    rows = await fetch_all(db, _FIND, values)
    open_ = {row.place: row.number_index for row in rows if not row.withdrawn}
    return _Found(len(indexes) + len(places), len(rows), open_)


def _fact(
    clearance_id: UUID, place: int, indexes: dict[int, bytes], decision: Decision
) -> Fact:
    facts = {
        "clearance": format_id(Prefix.CLEARANCE, clearance_id),
        "place": place,
        "why": decision.why,
    }
    return Fact(
        decision.actor,
        "clearance.overridden",
        number_index=indexes[place],
        facts=facts,
    )


_FIND = sql(
    f"""
    SELECT n.place, n.number_index,
        n.withdrawn_at IS NOT NULL OR held.id IS NOT NULL AS withdrawn
    FROM (
        SELECT * FROM clearance_numbers
        WHERE clearance_id = :clearance AND number_index = ANY(:indexes)
        UNION ALL
        SELECT * FROM clearance_numbers
        WHERE clearance_id = :clearance AND place = ANY(:places)
    ) n
    {HELD_AGAIN}
    """,
    clearance=UUID_TYPE,
    carrier=INT,
    confirmed=INSTANT,
    indexes=BYTESES,
    places=INTS,
)
_RELEASED = sql(
    """
    SELECT place FROM clearance_overrides
    WHERE clearance_id = :clearance AND place = ANY(:places)
    """,
    clearance=UUID_TYPE,
    places=INTS,
)
_OVERRIDE = sql(
    """
    INSERT INTO clearance_overrides (clearance_id, place, at, actor, why)
    SELECT :clearance, place, :now, :actor, :why FROM unnest(:places) AS n (place)
    ON CONFLICT (clearance_id, place) DO NOTHING
    RETURNING place
    """,
    clearance=UUID_TYPE,
    places=INTS,
    now=INSTANT,
    actor=TEXT,
    why=TEXT,
)
