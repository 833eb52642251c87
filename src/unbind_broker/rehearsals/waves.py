# ruff: noqa: S608 - only enum codes and a piece of a statement are put into them
"""Waves of clearances that made-up platforms have still to do with."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from unbind_broker.base.coded_enum import codes_of
from unbind_broker.base.database import INSTANT, INTS, Db, fetch_all, sql
from unbind_broker.base.ids import PlatformId
from unbind_broker.clearances.held import HELD_BACK
from unbind_broker.clearances.states import ClearanceStatus


class OpenWave(NamedTuple):
    """A wave as one platform has it; ``notice_id`` is the wave's own."""

    clearance_id: UUID
    wave: int
    notice_id: UUID
    platform: PlatformId


async def find_unread(db: Db, platforms: Collection[PlatformId]) -> OpenWave | None:
    """Find a wave that one of these platforms may read and has not read to its end."""
    rows = await fetch_all(db, _UNREAD, {"platforms": list(platforms)})
    return OpenWave(*rows[0]) if rows else None


async def take_due(db: Db, now: datetime) -> OpenWave | None:
    """Take a wave off the list about which there is something to tell by now."""
    rows = await fetch_all(db, _TAKE_DUE, {"now": now})
    return OpenWave(*rows[0]) if rows else None


_READABLE = codes_of({ClearanceStatus.IN_PROGRESS, ClearanceStatus.COMPLETED})
_UNREAD = sql(
    f"""
    SELECT t.clearance_id, t.wave, w.notice_id, t.platform_id
    FROM clearance_platforms t
    JOIN clearance_waves w ON w.clearance_id = t.clearance_id AND w.wave = t.wave
    JOIN clearances c ON c.id = t.clearance_id
    WHERE t.platform_id = ANY(:platforms) AND t.complete_at IS NULL
        AND t.read_to < w.last_place
        AND c.status IN ({_READABLE}) AND c.destroyed_at IS NULL AND NOT {HELD_BACK}
    ORDER BY t.clearance_id, t.wave, t.platform_id
    LIMIT 1""",
    platforms=INTS,
)
_TAKE_DUE = sql(
    """
    WITH due AS (
        DELETE FROM rehearsed_reports r
        WHERE (r.subject_id, r.platform_id) = (
            SELECT d.subject_id, d.platform_id
            FROM rehearsed_reports d
            JOIN clearance_waves w ON w.notice_id = d.subject_id
            WHERE d.due_at <= :now
            ORDER BY d.due_at
            LIMIT 1
        )
        RETURNING r.subject_id, r.platform_id
    )
    SELECT w.clearance_id, w.wave, w.notice_id, due.platform_id
    FROM due
    JOIN clearance_waves w ON w.notice_id = due.subject_id""",
    now=INSTANT,
)
