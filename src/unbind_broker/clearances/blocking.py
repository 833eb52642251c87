"""What stands in the way of a clearance's numbers, for administrators to decide about.

Sensitive platforms hold no number back, see ``results``; so they are not told here.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from unbind_broker.base.database import INT, Db, fetch_all, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.sealing import SealBroken, Sealer
from unbind_broker.clearances.sealed_numbers import open_number
from unbind_broker.clearances.states import FindingOutcome, FindingReason


@dataclass(frozen=True)
class Keeper:
    """A platform that keeps bindings for one reason, and of how many numbers."""

    reason: FindingReason
    platform: str
    name_zh: str
    name_en: str
    numbers: int


@dataclass(frozen=True)
class Obstacle:
    """What one platform found about one number."""

    platform: str
    name_zh: str
    name_en: str
    outcome: FindingOutcome
    reason: FindingReason
    detail: str | None
    last_bound_at: datetime | None


@dataclass(frozen=True)
class BlockedNumber:
    """A number that some platform keeps back; ``number`` is masked."""

    place: int
    number: str
    disconnected_on: date
    withdrawn: bool
    overridden: bool
    obstacles: Sequence[Obstacle]


async def count_keepers(db: Db, clearance_id: UUID) -> list[Keeper]:
    """Count the numbers that are kept back by reason and platform, most first."""
    rows = await fetch_all(db, _KEEPERS, {"clearance": clearance_id})
    return [
        Keeper(
            FindingReason.from_code(row.reason),
            row.slug,
            row.name_zh,
            row.name_en,
            row.numbers,
        )
        for row in rows
    ]


async def list_blocked(
    db: Db, clearance_id: UUID, after: int, limit: int, sealer: Sealer
) -> list[BlockedNumber]:
    """List up to ``limit`` numbers behind a place that some platform keeps back."""
    page = {"clearance": clearance_id, "after": after, "limit": limit}
    rows = await fetch_all(db, _BLOCKED, page)
    if not rows:
        return []
    borders = {"clearance": clearance_id, "after": after, "last": rows[-1].place}
    found: defaultdict[int, list[Obstacle]] = defaultdict(list)
    for row in await fetch_all(db, _OBSTACLES, borders):
        found[row.place].append(_obstacle(row))
    return [
        BlockedNumber(
            row.place,
            _masked(sealer, row.number_sealed),
            row.disconnected_on,
            row.withdrawn,
            row.overridden,
            found[row.place],
        )
        for row in rows
    ]


def _obstacle(row: Any) -> Obstacle:
    return Obstacle(
        row.slug,
        row.name_zh,
        row.name_en,
        FindingOutcome.from_code(row.outcome),
        FindingReason.from_code(row.reason),
        row.detail,
        row.last_bound_at,
    )


def _masked(sealer: Sealer, sealed: bytes) -> str:
    """Show a number masked; one whose key is lost spoils no list."""
    try:
        return open_number(sealer, sealed).masked
    except SealBroken:
        return "****"


_KEEPERS = sql(
    """
    SELECT f.reason, p.slug, p.name_zh, p.name_en, count(*) AS numbers
    FROM clearance_findings f
    JOIN platforms p ON p.id = f.platform_id AND NOT p.sensitive
    WHERE f.clearance_id = :clearance AND f.reason IS NOT NULL
    GROUP BY f.reason, p.id
    ORDER BY numbers DESC, f.reason, p.slug
    """,
    clearance=UUID_TYPE,
)
# OFFSET keeps Postgres at looking each number up, instead of reading them all.
_BLOCKED = sql(
    """
    SELECT found.place, n.number_sealed, n.disconnected_on, n.withdrawn,
        EXISTS (
            SELECT FROM clearance_overrides o
            WHERE o.clearance_id = :clearance AND o.place = found.place
        ) AS overridden
    FROM (
        SELECT DISTINCT f.place
        FROM clearance_findings f
        JOIN platforms p ON p.id = f.platform_id AND NOT p.sensitive
        WHERE f.clearance_id = :clearance AND f.reason IS NOT NULL
            AND f.place > :after
        ORDER BY f.place
        LIMIT :limit
    ) found
    CROSS JOIN LATERAL (
        SELECT n.number_sealed, n.disconnected_on,
            n.withdrawn_at IS NOT NULL OR EXISTS (
                SELECT FROM clearance_held h
                WHERE h.clearance_id = :clearance AND h.place = found.place
            ) AS withdrawn
        FROM clearance_numbers n
        WHERE n.clearance_id = :clearance AND n.place = found.place
        OFFSET 0
    ) n
    ORDER BY found.place
    """,
    clearance=UUID_TYPE,
    after=INT,
    limit=INT,
)
_OBSTACLES = sql(
    """
    SELECT f.place, f.outcome, f.reason, f.detail, f.last_bound_at,
        p.slug, p.name_zh, p.name_en
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
