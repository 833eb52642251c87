# ruff: noqa: S608 - only enum codes are put into statements
"""What was published to one platform of a clearance, and how far it has come."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import TextClause

from unbind_broker.base.database import INSTANT, INT, INTS, Db, fetch_all, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import CarrierId, PlatformId
from unbind_broker.clearances.held import HELD_BACK
from unbind_broker.clearances.states import ClearanceStatus


@dataclass(frozen=True)
class Portion:
    """A wave that was published to a platform, and what the platform did with it.

    ``read_to`` is the last place of those that it read without leaving one out.
    """

    wave: int
    first_place: int
    last_place: int
    numbers: int
    published_at: datetime
    read_to: int
    complete_at: datetime | None

    @property
    def is_read(self) -> bool:
        """Tell whether the platform has read it to its end."""
        return self.read_to >= self.last_place

    @property
    def is_complete(self) -> bool:
        """Tell whether every number without a finding is clean by the platform."""
        return self.complete_at is not None


@dataclass(frozen=True)
class Published:
    """A clearance as one platform knows it.

    ``held``: its carrier is suspended, or its unbinding is stopped.
    """

    id: UUID
    carrier_id: CarrierId
    reference: str | None
    status: ClearanceStatus
    deadline: datetime
    held: bool
    portions: Sequence[Portion]


async def find_published(
    db: Db, clearance_id: UUID, platform: PlatformId
) -> Published | None:
    """Find a clearance that was published to this platform; None: not to it."""
    return await _published(db, _FIND, clearance_id, platform)


async def lock_published(
    db: Db, clearance_id: UUID, platform: PlatformId
) -> Published | None:
    """Find it, and let no other report of this platform on it in until the end."""
    return await _published(db, _LOCK, clearance_id, platform)


async def complete(
    db: Db,
    now: datetime,
    clearance_id: UUID,
    platform: PlatformId,
    waves: Collection[int],
) -> None:
    """Note that whatever else these waves hold is clean by this platform."""
    if waves:
        whose = {"clearance": clearance_id, "platform": platform}
        await db.execute(_COMPLETE, {**whose, "waves": sorted(waves), "now": now})


async def _published(
    db: Db, statement: TextClause, clearance_id: UUID, platform: PlatformId
) -> Published | None:
    values = {"clearance": clearance_id, "platform": platform}
    rows = await fetch_all(db, statement, values)
    if not rows:
        return None
    portions = [
        Portion(
            wave=row.wave,
            first_place=row.first_place,
            last_place=row.last_place,
            numbers=row.numbers,
            published_at=row.published_at,
            read_to=row.read_to,
            complete_at=row.complete_at,
        )
        for row in rows
    ]
    status = ClearanceStatus.from_code(rows[0].status)
    return Published(
        id=clearance_id,
        carrier_id=CarrierId(rows[0].carrier_id),
        reference=rows[0].reference,
        status=status,
        deadline=rows[0].deadline,
        held=rows[0].held,
        portions=portions,
    )


_PUBLISHED = f"""
    SELECT p.wave, p.read_to, p.complete_at, w.first_place, w.last_place, w.numbers,
        w.published_at, c.status, c.carrier_id, c.reference, c.deadline,
        {HELD_BACK} AS held
    FROM clearance_platforms p
    JOIN clearance_waves w ON w.clearance_id = p.clearance_id AND w.wave = p.wave
    JOIN clearances c ON c.id = p.clearance_id
    WHERE p.clearance_id = :clearance AND p.platform_id = :platform
        AND c.destroyed_at IS NULL
    ORDER BY p.wave
"""
_FIND = sql(_PUBLISHED, clearance=UUID_TYPE, platform=INT)
_LOCK = sql(f"{_PUBLISHED} FOR NO KEY UPDATE OF p", clearance=UUID_TYPE, platform=INT)
_COMPLETE = sql(
    """
    UPDATE clearance_platforms SET complete_at = :now
    WHERE clearance_id = :clearance AND platform_id = :platform
        AND wave = ANY(:waves) AND complete_at IS NULL
    """,
    clearance=UUID_TYPE,
    platform=INT,
    waves=INTS,
    now=INSTANT,
)
