# ruff: noqa: S608 - only enum codes are put into statements
"""End clearances: every platform is done, or the deadline has passed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from unbind_broker.base.database import INSTANT, INT, UUIDS, Db, fetch_all, sql
from unbind_broker.base.ids import CarrierId
from unbind_broker.clearances.states import ClearanceStatus


@dataclass(frozen=True)
class Ended:
    """A clearance that has just ended; ``overdue`` names platforms that were not done.

    Sensitive ones are counted only.
    """

    id: UUID
    carrier_id: CarrierId
    reference: str | None
    completed_at: datetime
    overdue: Sequence[str]
    overdue_sensitive: int


async def find_done(db: Db, now: datetime, limit: int) -> list[UUID]:
    """Lock up to ``limit`` clearances of which nothing more is waited for."""
    rows = await fetch_all(db, _FIND, {"now": now, "limit": limit})
    return [row.id for row in rows]


async def lock_done(db: Db, now: datetime, ids: Collection[UUID]) -> list[UUID]:
    """Lock those of the clearances of which nothing more is waited for."""
    values = {"now": now, "ids": sorted(ids)}
    return [row.id for row in await fetch_all(db, _LOCK, values)] if ids else []


async def complete(db: Db, now: datetime, ids: Collection[UUID]) -> list[Ended]:
    """Complete clearances that were found done and are locked."""
    if not ids:
        return []
    await db.execute(_COMPLETE, {"ids": sorted(ids), "now": now})
    return [
        Ended(
            id=row.id,
            carrier_id=row.carrier_id,
            reference=row.reference,
            completed_at=now,
            overdue=sorted(row.overdue or ()),
            overdue_sensitive=row.overdue_sensitive,
        )
        for row in await fetch_all(db, _ENDED, {"ids": sorted(ids)})
    ]


# A sensitive platform is done for the carrier once it has read everything: reading does
# not tell whether it found anything.
_AWAITED = """
    SELECT FROM clearance_platforms p
    JOIN clearance_waves w ON w.clearance_id = p.clearance_id AND w.wave = p.wave
    JOIN platforms ON platforms.id = p.platform_id
    WHERE p.clearance_id = c.id AND p.complete_at IS NULL
        AND (NOT platforms.sensitive OR p.read_to < w.last_place)
"""
_DONE = f"""
    c.status = {ClearanceStatus.IN_PROGRESS.code}
    AND NOT EXISTS (
        SELECT FROM clearance_waves w
        WHERE w.clearance_id = c.id AND w.published_at IS NULL
    )
    AND (c.deadline <= :now OR NOT EXISTS ({_AWAITED}) AND EXISTS (
        SELECT FROM clearance_platforms p WHERE p.clearance_id = c.id
    ))
"""
_FIND = sql(
    f"""
    SELECT c.id FROM clearances c
    WHERE {_DONE}
    ORDER BY c.id
    LIMIT :limit
    FOR NO KEY UPDATE OF c SKIP LOCKED
    """,
    now=INSTANT,
    limit=INT,
)
_LOCK = sql(
    f"""
    SELECT c.id FROM clearances c
    WHERE c.id = ANY(:ids) AND {_DONE}
    ORDER BY c.id
    FOR NO KEY UPDATE OF c
    """,
    ids=UUIDS,
    now=INSTANT,
)
_COMPLETE = sql(
    f"""
    UPDATE clearances
    SET status = {ClearanceStatus.COMPLETED.code}, completed_at = :now
    WHERE id = ANY(:ids) AND status = {ClearanceStatus.IN_PROGRESS.code}
    """,
    ids=UUIDS,
    now=INSTANT,
)
_ENDED = sql(
    """
    SELECT c.id, c.carrier_id, c.reference,
        (
            SELECT array_agg(DISTINCT platforms.slug)
            FROM clearance_platforms p
            JOIN platforms ON platforms.id = p.platform_id AND NOT platforms.sensitive
            WHERE p.clearance_id = c.id AND p.complete_at IS NULL
        ) AS overdue,
        (
            SELECT count(DISTINCT p.platform_id)
            FROM clearance_platforms p
            JOIN platforms ON platforms.id = p.platform_id AND platforms.sensitive
            WHERE p.clearance_id = c.id AND p.complete_at IS NULL
        ) AS overdue_sensitive
    FROM clearances c
    WHERE c.id = ANY(:ids)
    ORDER BY c.id
    """,
    ids=UUIDS,
)
