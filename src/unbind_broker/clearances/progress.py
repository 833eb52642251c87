# ruff: noqa: S608 - only enum codes are put into statements
"""How far a clearance has come: by platform, and how many numbers stand how."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.database import Db, fetch_all, sql
from unbind_broker.base.instants import show_instant_or_null
from unbind_broker.clearances.states import ClearanceStatus, WithdrawnFor


@dataclass(frozen=True)
class PlatformProgress:
    """What one platform has done with everything that was published to it."""

    platform: str
    name_zh: str
    name_en: str
    category: str
    sensitive: bool
    numbers: int
    read_to: int
    is_read: bool
    findings: int
    complete_at: datetime | None


@dataclass(frozen=True)
class Tally:
    """How many numbers stand how."""

    total: int
    clean: int
    blocked: int
    partial: int
    withdrawn: int


@dataclass(frozen=True)
class WaveTally:
    """How many numbers of one published wave stand how, as in ``Tally``."""

    wave: int
    clean: int
    blocked: int
    partial: int
    withdrawn: int


@dataclass(frozen=True)
class FinalCounts:
    """How many numbers stood how when they were destroyed, as in ``Tally``.

    Among the ``withdrawn`` are those that were ``called_back``, those that somebody
    held when their wave went out (``refused``), and those that somebody held later.
    """

    clean: int
    blocked: int
    partial: int
    withdrawn: int
    called_back: int
    refused: int


class ProgressView(TypedDict):
    """What a clearance's carrier reads of its progress."""

    summary: dict[str, int]
    platforms: list[dict[str, Any]]
    sensitive: dict[str, int]


async def by_platform(db: Db, clearance_id: UUID) -> list[PlatformProgress]:
    """Read the progress of every platform, sensitive ones too, by slug."""
    rows = await fetch_all(db, _PLATFORMS, {"clearance": clearance_id})
    return [PlatformProgress(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name for it


async def tally(db: Db, clearance_id: UUID) -> Tally:
    """Count numbers by what the carrier may know of them, without reading them all.

    One that was held again when it was looked at last counts as withdrawn.
    """
    (whole,) = await fetch_all(db, _WHOLE, {"clearance": clearance_id})
    if whole.is_destroyed:
        return Tally(
            whole.numbers, whole.clean, whole.blocked, whole.partial, whole.gone
        )
    waves = await tally_waves(db, clearance_id)
    blocked = sum(wave.blocked for wave in waves)
    clean = sum(wave.clean for wave in waves)
    partial = whole.numbers - whole.withdrawn - blocked - clean
    return Tally(whole.numbers, clean, blocked, partial, whole.withdrawn)


async def tally_waves(db: Db, clearance_id: UUID) -> list[WaveTally]:
    """Count the same wave by wave, as long as there are numbers to count."""
    rows: Sequence[Any] = await fetch_all(db, _WAVES, {"clearance": clearance_id})
    return [_tallied(row) for row in rows]


async def count_finally(db: Db, clearance_id: UUID) -> FinalCounts:
    """Count how its numbers stand for as long as they can be counted."""
    counted = await tally(db, clearance_id)
    why = (await db.execute(_BY_REASON, {"clearance": clearance_id})).one()
    return FinalCounts(
        clean=counted.clean,
        blocked=counted.blocked,
        partial=counted.partial,
        withdrawn=counted.withdrawn,
        called_back=why.called_back,
        refused=why.refused,
    )


async def read_progress(
    db: Db, clearance_id: UUID, status: ClearanceStatus
) -> ProgressView:
    """Show a carrier how far its clearance is; sensitive platforms are counted only.

    Such a one counts as finished once it has read everything: when it is done might
    tell whether it found anything.
    """
    over = status is ClearanceStatus.COMPLETED
    platforms = await by_platform(db, clearance_id)
    sensitive = [one for one in platforms if one.sensitive]
    counted = await tally(db, clearance_id)
    return {
        "summary": vars(counted),
        "platforms": [_shown(one, over) for one in platforms if not one.sensitive],
        "sensitive": {
            "total": len(sensitive),
            "finished": sum(one.is_read or over for one in sensitive),
        },
    }


def _shown(one: PlatformProgress, over: bool) -> dict[str, Any]:  # noqa: FBT001 - one fact about all of them
    complete = one.complete_at is not None
    return {
        "platform": one.platform,
        "platform_name": one.name_zh,
        "category": one.category,
        "numbers": one.numbers,
        "read_to": one.read_to,
        "findings": one.findings,
        "complete": complete,
        "completed_at": show_instant_or_null(one.complete_at),
        "overdue": over and not complete,
    }


def _tallied(row: Any) -> WaveTally:
    left = row.numbers - row.withdrawn - row.blocked
    clean = left if row.done else 0
    return WaveTally(row.wave, clean, row.blocked, left - clean, row.withdrawn)


COUNTED_BY_REASON = f"""
            count(*) FILTER (WHERE withdrawn_for <> {WithdrawnFor.LIVE_HOLDING.code})
                AS called_back,
            count(*) FILTER (WHERE withdrawn_for = {WithdrawnFor.LIVE_HOLDING.code})
                AS refused"""
"""Columns: withdrawn by their carrier's word, or because somebody held them."""

_PLATFORMS = sql(
    """
    SELECT p.slug AS platform, p.name_zh, p.name_en, p.category, p.sensitive,
        sum(w.numbers)::integer AS numbers, max(c.read_to) AS read_to,
        bool_and(c.read_to >= w.last_place) AS is_read,
        sum(c.findings)::integer AS findings,
        CASE WHEN bool_and(c.complete_at IS NOT NULL) THEN max(c.complete_at) END
            AS complete_at
    FROM clearance_platforms c
    JOIN clearance_waves w ON w.clearance_id = c.clearance_id AND w.wave = c.wave
    JOIN platforms p ON p.id = c.platform_id
    WHERE c.clearance_id = :clearance
    GROUP BY p.id
    ORDER BY p.slug
    """,
    clearance=UUID_TYPE,
)
# OFFSET keeps Postgres at looking up the number of each, instead of reading them all.
_HELD = """
        SELECT count(*) FROM clearance_held h
        WHERE EXISTS (
            SELECT FROM clearance_numbers n
            WHERE n.clearance_id = h.clearance_id AND n.place = h.place
                AND n.withdrawn_at IS NULL OFFSET 0
        )"""
_WHOLE = sql(
    f"""
    SELECT c.numbers, (
        SELECT count(*) FROM clearance_numbers n
        WHERE n.clearance_id = c.id AND n.withdrawn_at IS NOT NULL
    ) + ({_HELD} AND h.clearance_id = c.id
    ) AS withdrawn, c.final_counts IS NOT NULL AS is_destroyed, f.clean, f.blocked,
        f.partial, f.withdrawn AS gone
    FROM clearances c
    CROSS JOIN jsonb_to_record(coalesce(c.final_counts, '{{}}'))
        AS f (clean integer, blocked integer, partial integer, withdrawn integer)
    WHERE c.id = :clearance
    """,
    clearance=UUID_TYPE,
)
_BY_REASON = sql(
    f"""
    SELECT {COUNTED_BY_REASON} FROM clearance_numbers
    WHERE clearance_id = :clearance AND withdrawn_at IS NOT NULL
    """,
    clearance=UUID_TYPE,
)
# Withdrawn numbers and findings with a reason are few, and have indexes of their own.
# A wave counts the numbers that were there when the clearance was published. One that
# was published to nobody is never done.
_WAVES = sql(
    f"""
    SELECT w.wave, w.numbers, (
        SELECT count(*) FROM clearance_numbers n
        WHERE n.clearance_id = w.clearance_id AND n.withdrawn_at IS NOT NULL
            AND n.place BETWEEN w.first_place AND w.last_place
            AND n.withdrawn_at > c.published_at
    ) + ({_HELD} AND h.clearance_id = w.clearance_id
            AND h.place BETWEEN w.first_place AND w.last_place
    ) AS withdrawn, (
        SELECT count(DISTINCT f.place)
        FROM clearance_findings f
        JOIN platforms p ON p.id = f.platform_id AND NOT p.sensitive
        WHERE f.clearance_id = w.clearance_id AND f.reason IS NOT NULL
            AND f.place BETWEEN w.first_place AND w.last_place
            AND EXISTS (
                SELECT FROM clearance_numbers n
                WHERE n.clearance_id = f.clearance_id AND n.place = f.place
                    AND n.withdrawn_at IS NULL OFFSET 0
            )
            AND NOT EXISTS (
                SELECT FROM clearance_held h
                WHERE h.clearance_id = f.clearance_id AND h.place = f.place OFFSET 0
            )
    ) AS blocked, EXISTS (
        SELECT FROM clearance_platforms t
        WHERE t.clearance_id = w.clearance_id AND t.wave = w.wave
    ) AND NOT EXISTS (
        SELECT FROM clearance_platforms t
        JOIN platforms p ON p.id = t.platform_id AND NOT p.sensitive
        WHERE t.clearance_id = w.clearance_id AND t.wave = w.wave
            AND t.complete_at IS NULL
    ) AS done
    FROM clearance_waves w
    JOIN clearances c ON c.id = w.clearance_id
    WHERE w.clearance_id = :clearance AND w.published_at IS NOT NULL
    """,
    clearance=UUID_TYPE,
)
