"""Seal clearances' numbers anew with the first key, so that old keys can go."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from unbind_broker.base.database import (
    BYTES,
    BYTESES,
    INT,
    INTS,
    Db,
    fetch_all,
    sql,
)
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.sealing import SealBroken, Sealer
from unbind_broker.clearances.sealed_numbers import open_number, seal_number


@dataclass(frozen=True)
class ResealPosition:
    """How far a walk over the parts that other keys have sealed has come."""

    clearance_id: UUID = field(default=UUID(int=0))
    n: int = 0
    place: int = 0


@dataclass(frozen=True)
class Resealed:
    """One step: how many were sealed anew, how many cannot be opened by any key."""

    numbers: int
    unreadable: int
    position: ResealPosition | None


async def reseal_numbers(
    db: Db, sealer: Sealer, position: ResealPosition | None, limit: int
) -> Resealed:
    """Look at up to ``limit`` numbers of a part; position None: the walk is over.

    A part that holds a number which no key opens is left to its old key.
    """
    at = position or ResealPosition()
    header = sealer.header
    sought = {"clearance": at.clearance_id, "n": at.n, "header": header}
    part = (await db.execute(_PART, sought)).one_or_none()
    if part is None:
        return Resealed(0, 0, None)
    is_begun = (part.clearance_id, part.n) == (at.clearance_id, at.n)
    values = {
        "clearance": part.clearance_id,
        "behind": max(part.first_place - 1, at.place if is_begun else 0),
        "last": part.last_place,
        "header": header,
        "limit": limit,
    }
    rows = await fetch_all(db, _LOOK, values)
    numbers = await _reseal(db, sealer, part.clearance_id, rows)
    following = ResealPosition(part.clearance_id, part.n + 1)
    if len(rows) >= limit:
        following = ResealPosition(part.clearance_id, part.n, rows[-1].place)
    else:
        done = {"clearance": part.clearance_id, "n": part.n, "header": header}
        await db.execute(_DONE, done)
    return Resealed(numbers, len(rows) - numbers, following)


async def _reseal(db: Db, sealer: Sealer, clearance_id: UUID, rows: list[Any]) -> int:
    sealed = {row.place: new for row in rows if (new := _sealed_anew(row, sealer))}
    old = {row.place: row.number_sealed for row in rows}
    if sealed:
        await db.execute(
            _WRITE,
            {
                "clearance": clearance_id,
                "places": list(sealed),
                "old": [old[place] for place in sealed],
                "new": list(sealed.values()),
            },
        )
    return len(sealed)


async def count_by_key(db: Db) -> dict[str, int]:
    """Count the numbers that each key has sealed, by the key's id in hex.

    Those of a part count by its old key until the last of them is sealed anew.
    """
    return {row.key: row.numbers for row in await fetch_all(db, _COUNT, {})}


def _sealed_anew(row: Any, sealer: Sealer) -> bytes | None:
    try:
        return seal_number(sealer, open_number(sealer, row.number_sealed))
    except SealBroken:
        return None


_PART = sql(
    """
    SELECT clearance_id, n, first_place, last_place FROM clearance_parts
    WHERE key_id <> :header AND (clearance_id, n) >= (:clearance, :n)
    ORDER BY clearance_id, n
    LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED""",
    clearance=UUID_TYPE,
    n=INT,
    header=BYTES,
)
_LOOK = sql(
    """
    SELECT place, number_sealed FROM clearance_numbers
    WHERE clearance_id = :clearance AND place > :behind AND place <= :last
        AND substring(number_sealed FROM 1 FOR length(:header)) <> :header
    ORDER BY place
    LIMIT :limit""",
    clearance=UUID_TYPE,
    behind=INT,
    last=INT,
    header=BYTES,
    limit=INT,
)
# A number that was destroyed meanwhile stays so. OFFSET keeps Postgres at one number
# after the other, see ``publishing``.
_WRITE = sql(
    """
    UPDATE clearance_numbers n SET number_sealed = t.new
    FROM (
        SELECT CAST(:clearance AS uuid) AS clearance_id, place, old, new
        FROM unnest(:places, :old, :new) AS t (place, old, new)
        OFFSET 0
    ) t
    WHERE n.clearance_id = t.clearance_id AND n.place = t.place
        AND n.number_sealed = t.old""",
    clearance=UUID_TYPE,
    places=INTS,
    old=BYTESES,
    new=BYTESES,
)
_DONE = sql(
    """
    UPDATE clearance_parts p SET key_id = :header
    WHERE clearance_id = :clearance AND n = :n AND NOT EXISTS (
        SELECT FROM clearance_numbers n
        WHERE n.clearance_id = p.clearance_id
            AND n.place BETWEEN p.first_place AND p.last_place
            AND substring(n.number_sealed FROM 1 FOR length(:header)) <> :header
    )""",
    clearance=UUID_TYPE,
    n=INT,
    header=BYTES,
)
_COUNT = sql(
    """
    SELECT encode(substring(key_id FROM 2 FOR 4), 'hex') AS key,
        sum(accepted)::integer AS numbers
    FROM clearance_parts
    WHERE accepted > 0
    GROUP BY 1"""
)
