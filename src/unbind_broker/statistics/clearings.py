# ruff: noqa: S608 - only enum codes and conditions are put into the statement
"""Which clearances are under way, and which of their waves are out."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from unbind_broker.base.database import INT, UUIDS, Db, fetch_all, sql
from unbind_broker.clearances.states import ClearanceStatus, StopReason
from unbind_broker.statistics.flow import REAL

MOST_CLEARANCES = 50


@dataclass(frozen=True)
class Wave:
    """Some numbers of a clearance that go out together, and whether they have."""

    wave: int
    numbers: int
    due_at: datetime
    published_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class ClearanceUnderWay:
    """A clearance that platforms work on, or that was stopped."""

    id: UUID
    carrier: str
    status: ClearanceStatus
    numbers: int
    published_at: datetime | None
    deadline: datetime | None
    stopped_at: datetime | None
    stop_reason: StopReason | None
    waves: tuple[Wave, ...]


async def read_clearances(db: Db) -> tuple[ClearanceUnderWay, ...]:
    """Read the newest ``MOST_CLEARANCES`` that are under way, with their waves."""
    found = await fetch_all(db, _UNDER_WAY, {"most": MOST_CLEARANCES})
    waves: dict[UUID, list[Wave]] = {one.id: [] for one in found}
    for row in await fetch_all(db, _WAVES, {"clearances": [*waves]}):
        wave = Wave(row.wave, row.numbers, row.due_at, row.published_at)
        waves[row.clearance_id].append(wave)
    return tuple(
        ClearanceUnderWay(
            id=one.id,
            carrier=one.carrier,
            status=ClearanceStatus.from_code(one.status),
            numbers=one.numbers,
            published_at=one.published_at,
            deadline=one.deadline,
            stopped_at=one.stopped_at,
            stop_reason=one.stop_reason and StopReason.from_code(one.stop_reason),
            waves=tuple(waves[one.id]),
        )
        for one in found
    )


_UNDER_WAY = sql(
    f"""
    SELECT c.id, r.slug AS carrier, c.status, c.numbers, c.published_at, c.deadline,
        c.stopped_at, c.stop_reason
    FROM (
        SELECT * FROM clearances
        WHERE status <> {ClearanceStatus.COMPLETED.code}
            AND status <> {ClearanceStatus.DRAFT.code} AND {REAL}
        ORDER BY id DESC
        LIMIT :most
    ) c
    JOIN carriers r ON r.id = c.carrier_id
    ORDER BY c.id DESC""",
    most=INT,
)
_WAVES = sql(
    """
    SELECT w.clearance_id, w.wave, w.numbers, w.due_at, w.published_at
    FROM unnest(:clearances) AS c (id)
    JOIN clearance_waves w ON w.clearance_id = c.id
    ORDER BY w.clearance_id, w.wave""",
    clearances=UUIDS,
)
