"""Seal reports that name numbers anew with the first key, so that old keys can go."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from unbind_broker.base.database import BYTES, BYTESES, INT, UUIDS, Db, fetch_all, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.sealing import SealBroken, Sealer
from unbind_broker.callbacks.evidence import SEALED, SEALED_CONTEXT

BEGINNING = UUID(int=0)


@dataclass(frozen=True)
class Resealed:
    """One step of a walk over all reports; ``position`` None: it is over."""

    reports: int
    unreadable: int
    position: UUID | None


async def reseal_reports(
    db: Db, sealer: Sealer, position: UUID | None, limit: int
) -> Resealed:
    """Look at the next ``limit`` reports; position None: the walk begins."""
    values = {
        "behind": position or BEGINNING,
        "sealed": SEALED,
        "header": sealer.header,
        "limit": limit,
    }
    rows = await fetch_all(db, _LOOK, values)
    old = [row for row in rows if row.body is not None]
    anew = {row.id: new for row in old if (new := _sealed_anew(row, sealer))}
    if anew:
        before = {row.id: row.body for row in old}
        written = {
            "ids": list(anew),
            "old": [before[one] for one in anew],
            "new": list(anew.values()),
        }
        await db.execute(_WRITE, written)
    following = rows[-1].id if len(rows) >= limit else None
    return Resealed(len(anew), len(old) - len(anew), following)


async def count_by_key(db: Db) -> dict[str, int]:
    """Count the reports that each key has sealed, by the key's id in hex."""
    rows = await fetch_all(db, _COUNT, {"sealed": SEALED})
    return {row.key: row.reports for row in rows}


def _sealed_anew(row: Any, sealer: Sealer) -> bytes | None:
    try:
        body = sealer.open(row.body, context=SEALED_CONTEXT)
    except SealBroken:
        return None
    return sealer.seal(body, context=SEALED_CONTEXT)


# Only the first bytes of a body are read, unless it is to be sealed anew.
_LOOK = sql(
    """
    SELECT e.id, CASE WHEN substring(e.body FROM 1 FOR 1) = :sealed
        AND substring(e.body FROM 1 FOR length(:header)) <> :header
        THEN e.body END AS body
    FROM evidence e
    WHERE e.id > :behind
    ORDER BY e.id
    LIMIT :limit
    """,
    behind=UUID_TYPE,
    sealed=BYTES,
    header=BYTES,
    limit=INT,
)
# A report that was destroyed or resealed meanwhile is left as it is.
_WRITE = sql(
    """
    UPDATE evidence e SET body = n.new
    FROM unnest(:ids, :old, :new) AS n (id, old, new)
    WHERE e.id = n.id AND e.body = n.old
    """,
    ids=UUIDS,
    old=BYTESES,
    new=BYTESES,
)
_COUNT = sql(
    """
    SELECT encode(substring(body FROM 2 FOR 4), 'hex') AS key, count(*) AS reports
    FROM evidence
    WHERE substring(body FROM 1 FOR 1) = :sealed
    GROUP BY 1
    """,
    sealed=BYTES,
)
