"""Clearances as administrators list them, and as platforms find theirs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from unbind_broker.base.database import INT, TEXT, Coded, Db, fetch_all, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import PlatformId
from unbind_broker.carriers.tables import REAL_SLUG
from unbind_broker.clearances.states import ClearanceStatus, StopReason


@dataclass(frozen=True)
class ListedClearance:
    """A clearance of some carrier, and how many platforms are done with it."""

    id: UUID
    carrier: str
    status: ClearanceStatus
    reference: str | None
    numbers: int
    created_at: datetime
    published_at: datetime | None
    deadline: datetime | None
    completed_at: datetime | None
    stopped_at: datetime | None
    stop_reason: StopReason | None
    destroyed_at: datetime | None
    platforms: int
    complete: int
    overridden: int


@dataclass(frozen=True)
class OpenClearance:
    """A clearance that a platform is not done with."""

    id: UUID
    carrier: str
    status: ClearanceStatus
    deadline: datetime
    numbers: int
    waves: Sequence[int]


class Wanted(NamedTuple):
    """Which clearances an administrator looks for; None: any."""

    carrier: str | None
    status: ClearanceStatus | None


async def list_all(
    db: Db, wanted: Wanted, behind: UUID | None, limit: int
) -> list[ListedClearance]:
    """List clearances of all carriers, newest first."""
    values = {
        "carrier": wanted.carrier,
        "status": wanted.status,
        "behind": behind,
        "limit": limit,
    }
    return [_listed(row) for row in await fetch_all(db, _ALL, values)]


async def find_listed(db: Db, clearance_id: UUID) -> ListedClearance | None:
    """Read one clearance of any carrier as an administrator lists it."""
    rows = await fetch_all(db, _ONE, {"clearance": clearance_id})
    return _listed(rows[0]) if rows else None


async def list_open(
    db: Db,
    platform: PlatformId,
    status: ClearanceStatus | None,
    behind: UUID | None,
    limit: int,
) -> list[OpenClearance]:
    """List what was published to a platform and is not complete there, newest first."""
    values = {
        "platform": platform,
        "status": status,
        "behind": behind,
        "limit": limit,
    }
    return [
        OpenClearance(
            id=row.id,
            carrier=row.slug,
            status=ClearanceStatus.from_code(row.status),
            deadline=row.deadline,
            numbers=row.numbers,
            waves=tuple(row.waves),
        )
        for row in await fetch_all(db, _OPEN, values)
    ]


def _listed(row: Any) -> ListedClearance:
    reason = row.stop_reason
    return ListedClearance(
        id=row.id,
        carrier=row.slug,
        status=ClearanceStatus.from_code(row.status),
        reference=row.reference,
        numbers=row.numbers,
        created_at=row.created_at,
        published_at=row.published_at,
        deadline=row.deadline,
        completed_at=row.completed_at,
        stopped_at=row.stopped_at,
        stop_reason=None if reason is None else StopReason.from_code(reason),
        destroyed_at=row.destroyed_at,
        platforms=row.platforms,
        complete=row.complete,
        overridden=row.overridden,
    )


_LISTED = """
    SELECT c.*, carriers.slug, p.platforms, p.complete, (
            SELECT count(*) FROM clearance_overrides o WHERE o.clearance_id = c.id
        ) AS overridden
    FROM clearances c
    JOIN carriers ON carriers.id = c.carrier_id
    CROSS JOIN LATERAL (
        SELECT count(*) AS platforms, count(*) FILTER (WHERE done) AS complete
        FROM (
            SELECT bool_and(complete_at IS NOT NULL) AS done
            FROM clearance_platforms
            WHERE clearance_id = c.id
            GROUP BY platform_id
        ) each
    ) p"""
_ONE = sql(f"{_LISTED} WHERE c.id = :clearance", clearance=UUID_TYPE)
_ALL = sql(
    f"""{_LISTED}
    WHERE (CAST(:carrier AS text) IS NULL OR carriers.slug = :carrier)
        AND (CAST(:status AS smallint) IS NULL OR c.status = :status)
        AND (CAST(:behind AS uuid) IS NULL OR c.id < :behind)
    ORDER BY c.id DESC
    LIMIT :limit
    """,
    carrier=TEXT,
    status=Coded(ClearanceStatus),
    behind=UUID_TYPE,
    limit=INT,
)
_OPEN = sql(
    f"""
    SELECT c.id, c.status, c.deadline, {REAL_SLUG} AS slug, p.numbers, p.waves
    FROM (
        SELECT t.clearance_id, sum(w.numbers)::integer AS numbers,
            array_agg(t.wave ORDER BY t.wave) AS waves
        FROM clearance_platforms t
        JOIN clearance_waves w ON w.clearance_id = t.clearance_id AND w.wave = t.wave
        JOIN clearances ON clearances.id = t.clearance_id
        WHERE t.platform_id = :platform AND t.complete_at IS NULL
            AND clearances.destroyed_at IS NULL
            AND (CAST(:status AS smallint) IS NULL OR clearances.status = :status)
            AND (CAST(:behind AS uuid) IS NULL OR t.clearance_id < :behind)
        GROUP BY t.clearance_id
        ORDER BY t.clearance_id DESC
        LIMIT :limit
    ) p
    JOIN clearances c ON c.id = p.clearance_id
    JOIN carriers ON carriers.id = c.carrier_id
    ORDER BY c.id DESC
    """,  # noqa: S608 - an expression of ours
    platform=INT,
    status=Coded(ClearanceStatus),
    behind=UUID_TYPE,
    limit=INT,
)
