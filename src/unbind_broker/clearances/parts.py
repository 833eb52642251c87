# ruff: noqa: S608 - no input is put into statements
"""Parts of a draft: each is there as a whole, replaced as a whole, or not there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update

from unbind_broker.base.database import (
    BYTESES,
    INSTANT,
    INT,
    INTS,
    Db,
    fetch_all,
    sql,
)
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.errors import BrokerError
from unbind_broker.clearances.live import HELD
from unbind_broker.clearances.service import Clearance
from unbind_broker.clearances.tables import (
    clearance_numbers,
    clearance_parts,
    clearances,
)

MOST_BAD = 1000
"""Bad lines of a part that are kept and shown."""
MOST_PARTS = 1000
LIVE_HOLDING = "live-holding"


class ClearanceTooLarge(BrokerError):
    """A clearance would hold more numbers than one may."""

    code: ClassVar[str] = "clearance-too-large"
    title: ClassVar[str] = "Too many numbers for one clearance"
    headers: ClassVar[dict[str, str]] = {"Connection": "close"}


@dataclass(frozen=True)
class BadLine:
    """A line that was left out, and why; never repeats the number."""

    line: int
    code: str
    detail: str


@dataclass(frozen=True)
class SealedLines:
    """Some lines by their numbers in the part, with days counted from 1970."""

    lines: Sequence[int]
    indexes: Sequence[bytes]
    sealed: Sequence[bytes]
    days: Sequence[int]


class LeftOut(NamedTuple):
    """Lines without a place; ``telling`` of them tell what others hold.

    The rest are held against what the carrier itself had told of its own before: it
    learns of a claim to its number, and did not go looking for anybody's.
    """

    bad: list[BadLine]
    telling: int


@dataclass(frozen=True)
class Part:
    """What became of a part; ``bad`` holds the first of its ``refused`` lines."""

    n: int
    digest: bytes
    accepted: int
    refused: int
    bad: Sequence[BadLine]
    first_place: int
    last_place: int
    at: datetime


async def find_part(db: Db, clearance_id: UUID, n: int) -> Part | None:
    """Read a part as it stands."""
    found = await db.execute(
        select(clearance_parts).where(
            clearance_parts.c.clearance_id == clearance_id, clearance_parts.c.n == n
        )
    )
    row = found.one_or_none()
    return None if row is None else _part(row)


async def make_room(
    db: Db, clearance: Clearance, n: int, wanted: int, most: int
) -> int:
    """Remove a part that is replaced, and return the place behind which there is room.

    Raises ``ClearanceTooLarge`` where the clearance would hold more than ``most``.
    """
    others = await db.execute(
        select(
            func.coalesce(func.sum(clearance_parts.c.accepted), 0),
            func.coalesce(func.max(clearance_parts.c.last_place), 0),
        ).where(
            clearance_parts.c.clearance_id == clearance.id, clearance_parts.c.n != n
        )
    )
    numbers, behind = others.one()
    if numbers + wanted > most:
        raise ClearanceTooLarge(
            f"expected at most {most} numbers in one clearance; its other parts hold "
            f"{numbers}, this one brings {wanted}"
        )
    await _remove(db, clearance.id, n)
    return int(behind)


async def take(
    db: Db,
    clearance: Clearance,
    behind: int,
    lines: SealedLines,
    confirmed: datetime,
) -> LeftOut:
    """Give numbers places behind ``behind``, and return those that may have none.

    Holders that were ``confirmed`` since then count, see ``live``.
    """
    rows = await fetch_all(
        db,
        _TAKE,
        {
            "clearance": clearance.id,
            "carrier": clearance.carrier_id,
            "confirmed": confirmed,
            "behind": behind,
            "lines": lines.lines,
            "indexes": lines.indexes,
            "sealed": lines.sealed,
            "days": lines.days,
        },
    )
    bad = [_twice(row.line) if row.twice else _live(row.line) for row in rows]
    return LeftOut(bad, sum(row.telling for row in rows if not row.twice))


async def add(db: Db, clearance_id: UUID, key_id: bytes, part: Part) -> None:
    """Write down what became of a part, and count the clearance's numbers."""
    values = {
        "clearance_id": clearance_id,
        "n": part.n,
        "sha256": part.digest,
        "key_id": key_id,
        "accepted": part.accepted,
        "refused": part.refused,
        "bad": [[one.line, one.code, one.detail] for one in part.bad],
        "first_place": part.first_place,
        "last_place": part.last_place,
        "at": part.at,
    }
    await db.execute(insert(clearance_parts), [values])
    counted = (
        select(func.sum(clearance_parts.c.accepted))
        .where(clearance_parts.c.clearance_id == clearance_id)
        .scalar_subquery()
    )
    await db.execute(
        update(clearances)
        .where(clearances.c.id == clearance_id)
        .values(numbers=counted)
    )


async def list_parts(db: Db, clearance_id: UUID) -> list[Any]:
    """Read how many numbers each part brought, in the order of their numbers."""
    columns = (
        clearance_parts.c.n,
        clearance_parts.c.accepted,
        clearance_parts.c.refused,
        clearance_parts.c.at,
    )
    found = await db.execute(
        select(*columns)
        .where(clearance_parts.c.clearance_id == clearance_id)
        .order_by(clearance_parts.c.n)
    )
    return list(found)


async def _remove(db: Db, clearance_id: UUID, n: int) -> None:
    removed = await db.execute(
        delete(clearance_parts)
        .where(clearance_parts.c.clearance_id == clearance_id, clearance_parts.c.n == n)
        .returning(clearance_parts.c.first_place, clearance_parts.c.last_place)
    )
    places = removed.one_or_none()
    if places is not None:
        await db.execute(
            delete(clearance_numbers).where(
                clearance_numbers.c.clearance_id == clearance_id,
                clearance_numbers.c.place.between(*places),
            )
        )


def _part(row: Any) -> Part:
    return Part(
        n=row.n,
        digest=row.sha256,
        accepted=row.accepted,
        refused=row.refused,
        bad=[BadLine(*one) for one in row.bad],
        first_place=row.first_place,
        last_place=row.last_place,
        at=row.at,
    )


def _twice(line: int) -> BadLine:
    detail = "this number stands in this clearance already"
    return BadLine(line, "duplicate-number", detail)


def _live(line: int) -> BadLine:
    detail = "somebody holds this number at another carrier, or has since that day"
    return BadLine(line, LIVE_HOLDING, detail)


# Each number is looked up by itself: a join might read all that is kept instead.
_TAKE = sql(
    f"""
    WITH told AS (
        SELECT t.line, t.number_index, t.number_sealed,
            date '1970-01-01' + t.day AS disconnected_on,
            row_number() OVER (PARTITION BY t.number_index ORDER BY t.line) > 1
                AS repeated
        FROM unnest(:lines, :indexes, :sealed, :days)
            AS t (line, number_index, number_sealed, day)
    ), judged AS (
        SELECT n.*, n.repeated OR known.place IS NOT NULL AS twice,
            live.id IS NOT NULL AS live
        FROM told n
        LEFT JOIN LATERAL (
            SELECT k.place FROM clearance_numbers k
            WHERE k.clearance_id = :clearance AND k.number_index = n.number_index
            LIMIT 1
        ) known ON true
        LEFT JOIN LATERAL (
            SELECT h.id FROM holdings h
            WHERE h.number_index = n.number_index AND {HELD}
            LIMIT 1
        ) live ON true
    ), kept AS (
        INSERT INTO clearance_numbers
            (clearance_id, place, number_index, number_sealed, disconnected_on)
        SELECT :clearance, :behind + row_number() OVER (ORDER BY line), number_index,
            number_sealed, disconnected_on
        FROM judged
        WHERE NOT twice AND NOT live
    )
    SELECT n.line, n.twice, EXISTS (
        SELECT FROM holdings h
        WHERE h.number_index = n.number_index AND {HELD}
            AND h.carrier_id <> :carrier AND NOT EXISTS (
                SELECT FROM holdings own
                WHERE own.number_index = n.number_index AND own.id < h.id
                    AND own.carrier_id = :carrier AND own.ended IS NOT NULL
                    AND own.retracted_at IS NULL
            )
    ) AS telling
    FROM judged n
    WHERE n.twice OR n.live
    ORDER BY n.line""",
    clearance=UUID_TYPE,
    carrier=INT,
    confirmed=INSTANT,
    behind=INT,
    lines=INTS,
    indexes=BYTESES,
    sealed=BYTESES,
    days=INTS,
)
