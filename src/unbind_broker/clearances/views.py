# ruff: noqa: S608 - only enum codes are put into statements
"""Clearances as their carriers read them."""

from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from unbind_broker.base.database import INT, Coded, Db, fetch_all, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import CarrierId, Prefix, format_id
from unbind_broker.base.instants import show_instant, show_instant_or_null
from unbind_broker.clearances.parts import list_parts
from unbind_broker.clearances.progress import (
    COUNTED_BY_REASON,
    ProgressView,
    read_progress,
)
from unbind_broker.clearances.states import ClearanceStatus, StopReason
from unbind_broker.clearances.waves import list_waves


class ListedView(TypedDict):
    """A clearance as it stands, without its numbers' progress."""

    id: str
    status: str
    reference: str | None
    numbers: int
    withdrawn: int
    refused: int
    created_at: str
    published_at: str | None
    deadline: str | None
    completed_at: str | None
    stopped_at: str | None
    stop_reason: str | None
    destroyed_at: str | None


class ClearanceView(ListedView, ProgressView):
    """A clearance with its parts, its waves, and how far platforms have come."""

    parts: list[dict[str, Any]]
    waves: list[dict[str, Any]]


async def read_view(
    db: Db, carrier: CarrierId, clearance_id: UUID
) -> ClearanceView | None:
    """Read a carrier's own clearance; None: it has none of this id."""
    values = {"carrier": carrier, "clearance": clearance_id}
    rows = await fetch_all(db, _READ, values)
    if not rows:
        return None
    parts = [_part(row) for row in await list_parts(db, clearance_id)]
    waves = [_wave(row) for row in await list_waves(db, clearance_id)]
    status = ClearanceStatus.from_code(rows[0].status)
    progress = await read_progress(db, clearance_id, status)
    return {**_listed(rows[0]), **progress, "parts": parts, "waves": waves}


async def list_views(
    db: Db,
    carrier: CarrierId,
    status: ClearanceStatus | None,
    behind: UUID | None,
    limit: int,
) -> list[tuple[UUID, ListedView]]:
    """List a carrier's clearances with their ids, newest first."""
    values = {"carrier": carrier, "status": status, "behind": behind, "limit": limit}
    return [(row.id, _listed(row)) for row in await fetch_all(db, _LIST, values)]


def _listed(row: Any) -> ListedView:
    return {
        "id": format_id(Prefix.CLEARANCE, row.id),
        "status": ClearanceStatus.from_code(row.status),
        "reference": row.reference,
        "numbers": row.numbers,
        "withdrawn": row.withdrawn,
        "refused": row.refused,
        "created_at": show_instant(row.created_at),
        "published_at": show_instant_or_null(row.published_at),
        "deadline": show_instant_or_null(row.deadline),
        "completed_at": show_instant_or_null(row.completed_at),
        "stopped_at": show_instant_or_null(row.stopped_at),
        "stop_reason": row.stop_reason and StopReason.from_code(row.stop_reason).value,
        "destroyed_at": show_instant_or_null(row.destroyed_at),
    }


def _part(row: Any) -> dict[str, Any]:
    at: datetime = row.at
    return {
        "part": row.n,
        "accepted": row.accepted,
        "refused": row.refused,
        "at": show_instant(at),
    }


def _wave(row: Any) -> dict[str, Any]:
    return {
        "wave": row.wave,
        "numbers": row.numbers,
        "due_at": show_instant(row.due_at),
        "published_at": show_instant_or_null(row.published_at),
    }


_SHOWN = f"""
    SELECT c.*, coalesce(f.called_back, w.called_back) AS withdrawn,
        coalesce(f.refused, w.refused) AS refused
    FROM clearances c
    CROSS JOIN jsonb_to_record(coalesce(c.final_counts, '{{}}'))
        AS f (called_back integer, refused integer)
    CROSS JOIN LATERAL (
        SELECT {COUNTED_BY_REASON}
        FROM clearance_numbers n
        WHERE n.clearance_id = c.id AND n.withdrawn_at IS NOT NULL
    ) w
    WHERE c.carrier_id = :carrier"""
_READ = sql(f"{_SHOWN} AND c.id = :clearance", carrier=INT, clearance=UUID_TYPE)
_LIST = sql(
    f"""{_SHOWN}
        AND (CAST(:status AS smallint) IS NULL OR c.status = :status)
        AND (CAST(:behind AS uuid) IS NULL OR c.id < :behind)
    ORDER BY c.id DESC
    LIMIT :limit""",
    carrier=INT,
    status=Coded(ClearanceStatus),
    behind=UUID_TYPE,
    limit=INT,
)
