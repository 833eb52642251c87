# ruff: noqa: S608 - only enum codes are put into statements
"""Which waves are due, and whether the first one speaks against the next."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select, update

from unbind_broker.base.database import INSTANT, INT, Db, fetch_all, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import CarrierId
from unbind_broker.clearances.held import HELD_BACK
from unbind_broker.clearances.publishing import FIRST, Wave
from unbind_broker.clearances.states import (
    ClearanceStatus,
    FindingReason,
    StopReason,
    WithdrawnFor,
)
from unbind_broker.clearances.tables import clearance_waves, clearances


@dataclass(frozen=True)
class DueWave:
    """A wave whose time has come; ``overruled`` says that it goes out in any case.

    Up to the place ``checked_to`` its numbers were looked at for new holders.
    ``rehearsed``: its carrier is a twin.
    """

    wave: Wave
    carrier_id: CarrierId
    overruled: bool
    checked_to: int
    rehearsed: bool


@dataclass(frozen=True)
class InUse:
    """How many numbers of the first wave were found in use after their holder left."""

    numbers: int
    of: int

    def exceeds(self, share: float) -> bool:
        """Tell whether that is more than the given part."""
        return self.numbers > share * self.of


class StoppedClearance(NamedTuple):
    """A clearance that goes no further for the present, and whose it is."""

    id: UUID
    carrier_id: CarrierId
    reference: str | None


async def lock_due(db: Db, now: datetime) -> DueWave | None:
    """Lock the clearance whose wave has been due for the longest, and give that wave.

    Those of braked and suspended carriers wait until they are free again.
    """
    row = (await db.execute(_DUE, {"now": now})).one_or_none()
    if row is None:
        return None
    return DueWave(
        wave=_wave(row),
        carrier_id=CarrierId(row.carrier_id),
        overruled=row.resumed_at is not None,
        checked_to=row.checked_to,
        rehearsed=row.rehearsed,
    )


async def note_checked(db: Db, wave: Wave, reached: int) -> None:
    """Note up to which place numbers were looked at; the wave is locked."""
    await db.execute(
        update(clearance_waves)
        .where(
            clearance_waves.c.clearance_id == wave.clearance_id,
            clearance_waves.c.wave == wave.wave,
        )
        .values(checked_to=reached)
    )


async def count_refused(db: Db, clearance_id: UUID) -> int:
    """Count numbers that somebody came to hold after the clearance was published."""
    found = await db.execute(_REFUSED_SINCE, {"clearance": clearance_id})
    count: int = found.scalar_one()
    return count


async def count_in_use(db: Db, clearance_id: UUID) -> InUse:
    """Count what platforms found in use of the first wave, refusals and violations.

    Sensitive ones are left out: that a clearance stops is seen by its carrier.
    """
    row = (await db.execute(_IN_USE, {"clearance": clearance_id})).one()
    return InUse(row.in_use, row.numbers)


async def stop(
    db: Db, now: datetime, clearance_id: UUID, why: StopReason
) -> StoppedClearance:
    """Let no further wave go out; the caller has locked the clearance."""
    stopped = await db.execute(
        update(clearances)
        .where(clearances.c.id == clearance_id)
        .values(status=ClearanceStatus.STOPPED, stopped_at=now, stop_reason=why)
        .returning(clearances.c.carrier_id, clearances.c.reference)
    )
    row = stopped.one()
    return StoppedClearance(clearance_id, CarrierId(row.carrier_id), row.reference)


async def resume(db: Db, now: datetime, clearance_id: UUID) -> bool:
    """Let a stopped clearance go on, for good; False if it does not stand still."""
    resumed = await db.execute(
        update(clearances)
        .where(
            clearances.c.id == clearance_id,
            clearances.c.status == ClearanceStatus.STOPPED,
            clearances.c.destroyed_at.is_(None),
        )
        .values(status=ClearanceStatus.IN_PROGRESS, resumed_at=now)
    )
    return resumed.rowcount > 0


async def give_time(db: Db, clearance_id: UUID, deadline: datetime) -> None:
    """Let platforms have until ``deadline`` at least."""
    await db.execute(_GIVE_TIME, {"clearance": clearance_id, "deadline": deadline})


@dataclass(frozen=True)
class HeldTime:
    """Until when clearances go that are held: real ones, and what is rehearsed.

    A rehearsal gets more time only where less than until ``least`` is left.
    """

    usual: datetime
    rehearsed: datetime
    least: datetime


async def give_held_time(
    db: Db, until: HeldTime, limit: int
) -> list[tuple[UUID, datetime]]:
    """Let those of braked and suspended carriers have time; give what moved, to when.

    Platforms may not read them meanwhile: they are not late.
    """
    rows = await fetch_all(db, _GIVE_HELD_TIME, {**vars(until), "limit": limit})
    return [(row.id, row.deadline) for row in rows]


async def list_waves(db: Db, clearance_id: UUID) -> list[Any]:
    """Read the waves of a clearance in their order."""
    found = await db.execute(
        select(clearance_waves)
        .where(clearance_waves.c.clearance_id == clearance_id)
        .order_by(clearance_waves.c.wave)
    )
    return list(found)


def _wave(row: Any) -> Wave:
    return Wave(
        clearance_id=row.clearance_id,
        wave=row.wave,
        notice_id=row.notice_id,
        first_place=row.first_place,
        last_place=row.last_place,
        numbers=row.numbers,
        due_at=row.due_at,
    )


ANY_IN_PROGRESS = f"""
    SELECT FROM clearances WHERE status = {ClearanceStatus.IN_PROGRESS.code}
"""
"""Asks whether there is any clearance with waves to send, or to be ended."""

_DUE = sql(
    f"""
    SELECT w.*, c.carrier_id, c.resumed_at, r.sandbox_of IS NOT NULL AS rehearsed
    FROM clearance_waves w
    JOIN clearances c ON c.id = w.clearance_id
    JOIN carriers r ON r.id = c.carrier_id
    WHERE w.published_at IS NULL AND w.due_at <= :now
        AND c.status = {ClearanceStatus.IN_PROGRESS.code} AND c.destroyed_at IS NULL
        AND NOT {HELD_BACK}
    ORDER BY w.due_at
    LIMIT 1
    FOR NO KEY UPDATE OF c, w SKIP LOCKED""",
    now=INSTANT,
)
_REFUSED_SINCE = sql(
    f"""
    SELECT count(*) FROM clearance_numbers n
    JOIN clearances c ON c.id = n.clearance_id
    WHERE n.clearance_id = :clearance AND n.withdrawn_at > c.published_at
        AND n.withdrawn_for = {WithdrawnFor.LIVE_HOLDING.code}""",
    clearance=UUID_TYPE,
)
_GIVE_TIME = sql(
    """
    UPDATE clearances SET deadline = greatest(deadline, :deadline)
    WHERE id = :clearance""",
    clearance=UUID_TYPE,
    deadline=INSTANT,
)
_GIVE_HELD_TIME = sql(
    f"""
    UPDATE clearances SET deadline = held.until
    FROM (
        SELECT c.id,
            CASE WHEN whose.sandbox_of IS NULL THEN :usual ELSE :rehearsed END AS until
        FROM clearances c
        JOIN carriers whose ON whose.id = c.carrier_id
        WHERE c.status = {ClearanceStatus.IN_PROGRESS.code}
            AND c.destroyed_at IS NULL AND {HELD_BACK} AND c.deadline
                < CASE WHEN whose.sandbox_of IS NULL THEN :usual ELSE :least END
        ORDER BY c.id
        LIMIT :limit
        FOR NO KEY UPDATE OF c SKIP LOCKED
    ) held
    WHERE clearances.id = held.id
    RETURNING clearances.id, clearances.deadline""",
    usual=INSTANT,
    rehearsed=INSTANT,
    least=INSTANT,
    limit=INT,
)
_IN_USE = sql(
    f"""
    SELECT w.numbers, (
        SELECT count(DISTINCT f.place) FROM clearance_findings f
        JOIN platforms p ON p.id = f.platform_id AND NOT p.sensitive
        WHERE f.clearance_id = w.clearance_id
            AND f.place BETWEEN w.first_place AND w.last_place
            AND f.reason = {FindingReason.ACTIVE_AFTER_CUTOFF.code}
    ) AS in_use
    FROM clearance_waves w
    WHERE w.clearance_id = :clearance AND w.wave = {FIRST}""",
    clearance=UUID_TYPE,
)
