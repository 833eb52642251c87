# ruff: noqa: S608 - only enum codes are put into statements
"""What came of each number, read on and on by place, in constant memory.

A number that somebody has come to hold elsewhere reads like a withdrawn one.
Only findings that stand in a number's way are read: they have an index of their own.
Sensitive platforms do not take part. The former holder's dealings with them must show
in nothing that the carrier reads, neither by name nor by a number held back.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from unbind_broker.base.database import INSTANT, INT, Db, fetch_all, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.clearances.live import HELD_AGAIN
from unbind_broker.clearances.release import (
    WITHDRAWN,
    Gate,
    Obstacles,
    Progress,
    Released,
    judge,
)
from unbind_broker.clearances.states import (
    ClearanceStatus,
    FindingOutcome,
    FindingReason,
)


@dataclass(frozen=True)
class Blocker:
    """A platform that kept a binding, or found the number in use, and why.

    Whoever found it in use is ``critical`` in any category: somebody may hold it.
    """

    platform: str
    category: str
    outcome: FindingOutcome
    reason: FindingReason
    detail: str | None
    critical: bool


@dataclass(frozen=True)
class Missing:
    """The platforms that are not done with a wave yet, by slug."""

    platforms: tuple[str, ...]
    critical: bool


@dataclass(frozen=True)
class NumberResult:
    """What came of one number; ``sealed`` is the number as it is kept.

    ``missing`` is None where it was published to nobody, or is not cleared any more.
    """

    place: int
    sealed: bytes
    disconnected_on: date
    released: Released
    blocked_by: Sequence[Blocker]
    missing: Missing | None
    overridden: bool


async def read_on(
    db: Db, now: datetime, clearance_id: UUID, gate: Gate, after: int, limit: int
) -> list[NumberResult]:
    """Read the results of up to ``limit`` numbers behind a place.

    Who is missing is read before what was found: whoever reports in between counts as
    missing, and never as one that found nothing.
    """
    whose = {"clearance": clearance_id}
    (standing,) = await fetch_all(db, _STANDING, whose)
    progress = Progress(
        ClearanceStatus.from_code(standing.status), standing.deadline, now
    )
    waves = _Waves(await fetch_all(db, _MISSING, whose), gate)
    holders = {"carrier": standing.carrier_id, "confirmed": now - gate.freeze}
    page = {**whose, **holders, "after": after, "limit": limit}
    rows = await fetch_all(db, _NUMBERS, page)
    if not rows:
        return []
    borders = {**whose, "after": after, "last": rows[-1].place}
    blockers = _by_place(await fetch_all(db, _BLOCKERS, borders), gate)
    freezes = {day: gate.frozen_until(day) for day in {r.disconnected_on for r in rows}}
    return [
        _result(row, progress, freezes[row.disconnected_on], blockers, waves)
        for row in rows
    ]


def _result(
    row: Any,
    progress: Progress,
    frozen_until: datetime,
    blockers: Mapping[int, Sequence[Blocker]],
    waves: "_Waves",
) -> NumberResult:
    blocked_by = blockers.get(row.place, ())
    missing = waves.missing(row.place)
    if row.withdrawn:
        released, blocked_by, missing = WITHDRAWN, (), None
    else:
        released = judge(
            progress,
            _obstacles(blocked_by, missing),
            frozen_until,
            overridden=row.overridden,
        )
    return NumberResult(
        place=row.place,
        sealed=row.number_sealed,
        disconnected_on=row.disconnected_on,
        released=released,
        blocked_by=blocked_by,
        missing=missing,
        overridden=row.overridden,
    )


def _obstacles(blocked_by: Sequence[Blocker], missing: Missing | None) -> Obstacles:
    if missing is None:  # nobody was asked yet
        return Obstacles(bool(blocked_by), missing=True, critical=True)
    critical = missing.critical or any(one.critical for one in blocked_by)
    return Obstacles(bool(blocked_by), bool(missing.platforms), critical)


def _by_place(rows: Collection[Any], gate: Gate) -> dict[int, list[Blocker]]:
    found: defaultdict[int, list[Blocker]] = defaultdict(list)
    for row in rows:
        reason = FindingReason.from_code(row.reason)
        in_use = reason is FindingReason.ACTIVE_AFTER_CUTOFF
        found[row.place].append(
            Blocker(
                platform=row.slug,
                category=row.category,
                outcome=FindingOutcome.from_code(row.outcome),
                reason=reason,
                detail=row.detail,
                critical=in_use or row.category in gate.critical,
            )
        )
    return found


class _Waves:
    """Who is missing on each place: all places of a wave share their answer."""

    def __init__(self, rows: Collection[Any], gate: Gate) -> None:
        """Take a row for each published wave and platform that is not done with it."""
        late: defaultdict[tuple[int, int], list[Any]] = defaultdict(list)
        for row in rows:
            late[row.first_place, row.last_place].append(row)
        self._ranges = [
            (first, last, _missing(its, gate)) for (first, last), its in late.items()
        ]

    def missing(self, place: int) -> Missing | None:
        for first, last, missing in self._ranges:
            if first <= place <= last:
                return missing
        return None


def _missing(rows: Collection[Any], gate: Gate) -> Missing:
    late = [row for row in rows if row.slug is not None]
    critical = any(row.category in gate.critical for row in late)
    return Missing(tuple(sorted(row.slug for row in late)), critical)


_STANDING = sql(
    "SELECT carrier_id, status, deadline FROM clearances WHERE id = :clearance",
    clearance=UUID_TYPE,
)
_NUMBERS = sql(
    f"""
    SELECT n.place, n.number_sealed, n.disconnected_on,
        n.withdrawn_at IS NOT NULL OR held.id IS NOT NULL AS withdrawn,
        EXISTS (
            SELECT FROM clearance_overrides o
            WHERE o.clearance_id = n.clearance_id AND o.place = n.place
        ) AS overridden
    FROM clearance_numbers n
    {HELD_AGAIN}
    WHERE n.clearance_id = :clearance AND n.place > :after
    ORDER BY n.place
    LIMIT :limit
    """,
    clearance=UUID_TYPE,
    carrier=INT,
    confirmed=INSTANT,
    after=INT,
    limit=INT,
)
_BLOCKERS = sql(
    """
    SELECT f.place, f.outcome, f.reason, f.detail, p.slug, p.category
    FROM clearance_findings f
    JOIN platforms p ON p.id = f.platform_id AND NOT p.sensitive
    WHERE f.clearance_id = :clearance AND f.reason IS NOT NULL
        AND f.place > :after AND f.place <= :last
    ORDER BY f.place, p.slug
    """,
    clearance=UUID_TYPE,
    after=INT,
    last=INT,
)
_MISSING = sql(
    """
    SELECT w.first_place, w.last_place, late.slug, late.category
    FROM clearance_waves w
    LEFT JOIN LATERAL (
        SELECT p.slug, p.category
        FROM clearance_platforms c
        JOIN platforms p ON p.id = c.platform_id AND NOT p.sensitive
        WHERE c.clearance_id = w.clearance_id AND c.wave = w.wave
            AND c.complete_at IS NULL
    ) late ON true
    WHERE w.clearance_id = :clearance AND w.published_at IS NOT NULL
        AND EXISTS (
            SELECT FROM clearance_platforms t
            WHERE t.clearance_id = w.clearance_id AND t.wave = w.wave
        )
    """,
    clearance=UUID_TYPE,
)
