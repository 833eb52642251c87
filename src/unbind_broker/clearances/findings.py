"""What platforms found about a clearance's numbers, as it stands."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from unbind_broker.base.database import (
    BYTESES,
    INSTANT,
    INSTANTS,
    INT,
    INTS,
    SMALLS,
    TEXTS,
    Db,
    fetch_all,
    sql,
)
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import PlatformId
from unbind_broker.clearances.states import FindingOutcome, FindingReason


@dataclass(frozen=True)
class Finding:
    """What one platform did about one number.

    A ``reason`` says that something stands in the way of the number's next holder.
    """

    outcome: FindingOutcome
    reason: FindingReason | None = None
    last_bound_at: datetime | None = None
    detail: str | None = None


@dataclass(frozen=True)
class FoundNumber:
    """A number that was published to the platform, and what stands about it."""

    place: int
    wave: int
    disconnected_on: date
    withdrawn: bool
    standing: Finding | None


async def look_up(
    db: Db, clearance_id: UUID, platform: PlatformId, indexes: Collection[bytes]
) -> dict[bytes, FoundNumber]:
    """Find, by blind index, those of the numbers that the platform could read.

    A number that was withdrawn before its wave was published is none of them.
    """
    values = {
        "clearance": clearance_id,
        "platform": platform,
        "indexes": list(indexes),
    }
    rows = await fetch_all(db, _LOOK_UP, values) if indexes else []
    return {
        row.number_index: FoundNumber(
            row.place,
            row.wave,
            row.disconnected_on,
            row.withdrawn_at is not None,
            _standing(row),
        )
        for row in rows
    }


async def replace(
    db: Db,
    now: datetime,
    clearance_id: UUID,
    platform: PlatformId,
    findings: Mapping[int, Finding],
) -> None:
    """Let these findings stand, by place; one of ``not_bound`` lets none stand."""
    kept = {
        place: findings[place] for place in sorted(findings) if _keeps(findings, place)
    }
    gone = [place for place in sorted(findings) if place not in kept]
    whose = {"clearance": clearance_id, "platform": platform}
    if gone:
        await db.execute(_DELETE, {**whose, "places": gone})
    if kept:
        await db.execute(_WRITE, {**whose, "now": now, **_columns(kept)})


async def count_again(
    db: Db, clearance_id: UUID, platform: PlatformId, added: Mapping[int, int]
) -> None:
    """Add to the number of findings that stand in each wave."""
    changed = [(wave, more) for wave, more in sorted(added.items()) if more]
    if changed:
        values = {
            "clearance": clearance_id,
            "platform": platform,
            "waves": [wave for wave, _ in changed],
            "added": [more for _, more in changed],
        }
        await db.execute(_COUNT, values)


def _keeps(findings: Mapping[int, Finding], place: int) -> bool:
    return findings[place].outcome is not FindingOutcome.NOT_BOUND


def _columns(findings: Mapping[int, Finding]) -> dict[str, Sequence[object]]:
    values = list(findings.values())
    return {
        "places": list(findings),
        "outcomes": [one.outcome.code for one in values],
        "reasons": [one.reason and one.reason.code for one in values],
        "bound": [one.last_bound_at for one in values],
        "details": [one.detail for one in values],
    }


def _standing(row: Any) -> Finding | None:
    if row.outcome is None:
        return None
    return Finding(
        FindingOutcome.from_code(row.outcome),
        None if row.reason is None else FindingReason.from_code(row.reason),
        row.last_bound_at,
        row.detail,
    )


# Numbers are looked up one by one (LATERAL with LIMIT): Postgres must not decide to
# read the whole clearance.
_LOOK_UP = sql(
    """
    SELECT n.number_index, n.place, n.disconnected_on, n.withdrawn_at, w.wave,
        f.outcome, f.reason, f.last_bound_at, f.detail
    FROM unnest(:indexes) AS asked (number_index)
    CROSS JOIN LATERAL (
        SELECT number_index, place, disconnected_on, withdrawn_at
        FROM clearance_numbers
        WHERE clearance_id = :clearance AND number_index = asked.number_index
        LIMIT 1
    ) n
    JOIN clearance_platforms p
        ON p.clearance_id = :clearance AND p.platform_id = :platform
    JOIN clearance_waves w
        ON w.clearance_id = p.clearance_id AND w.wave = p.wave
        AND n.place BETWEEN w.first_place AND w.last_place
        AND (n.withdrawn_at IS NULL OR n.withdrawn_at > w.published_at)
    LEFT JOIN LATERAL (
        SELECT outcome, reason, last_bound_at, detail
        FROM clearance_findings
        WHERE clearance_id = :clearance AND platform_id = :platform
            AND place = n.place
        LIMIT 1
    ) f ON true
    """,
    indexes=BYTESES,
    clearance=UUID_TYPE,
    platform=INT,
)
_WRITE = sql(
    """
    INSERT INTO clearance_findings (clearance_id, platform_id, place, outcome, reason,
        last_bound_at, detail, at)
    SELECT :clearance, :platform, place, outcome, reason, bound, detail, :now
    FROM unnest(:places, :outcomes, :reasons, :bound, :details)
        AS found (place, outcome, reason, bound, detail)
    ON CONFLICT (clearance_id, platform_id, place) DO UPDATE
    SET outcome = excluded.outcome, reason = excluded.reason,
        last_bound_at = excluded.last_bound_at, detail = excluded.detail,
        at = excluded.at
    """,
    clearance=UUID_TYPE,
    platform=INT,
    now=INSTANT,
    places=INTS,
    outcomes=SMALLS,
    reasons=SMALLS,
    bound=INSTANTS,
    details=TEXTS,
)
_DELETE = sql(
    """
    DELETE FROM clearance_findings
    WHERE clearance_id = :clearance AND platform_id = :platform
        AND place = ANY(:places)
    """,
    clearance=UUID_TYPE,
    platform=INT,
    places=INTS,
)
_COUNT = sql(
    """
    UPDATE clearance_platforms p SET findings = p.findings + n.added
    FROM unnest(:waves, :added) AS n (wave, added)
    WHERE p.clearance_id = :clearance AND p.platform_id = :platform
        AND p.wave = n.wave
    """,
    clearance=UUID_TYPE,
    platform=INT,
    waves=INTS,
    added=INTS,
)
