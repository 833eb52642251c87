# ruff: noqa: S608 - only enum codes are put into the statement
"""How well the platforms take what they are sent, and since when some do not."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from unbind_broker.base.database import Db, fetch_all, sql
from unbind_broker.endpoints.health import Condition
from unbind_broker.endpoints.states import EndpointStatus
from unbind_broker.platforms.tables import PlatformStatus, World

MOST_ILL = 100


class Standing(StrEnum):
    """What becomes of a platform's items at this moment."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    BREAKER_OPEN = "breaker_open"
    PAUSED = "paused"
    DISABLED = "disabled"
    NOT_READY = "not_ready"  # no endpoint, or one that is not verified
    SUSPENDED = "suspended"


PARKED = frozenset({Standing.PAUSED, Standing.DISABLED})
"""Their items wait until their own deadline."""
_WELL = frozenset({Standing.HEALTHY, Standing.NOT_READY})


@dataclass(frozen=True, kw_only=True)
class IllPlatform:
    """A platform that is asked and does not take everything, since when and why.

    ``failing_since`` is the first failure after the last success; ``error`` the newest
    one, for instance the status that it answers with.
    """

    platform: str
    name_zh: str
    name_en: str
    standing: Standing
    since: datetime
    failing_since: datetime | None
    failures: int
    error: str | None


@dataclass(frozen=True)
class Standings:
    """All real platforms by how they stand, and those that somebody should look at.

    The worst come first, of one standing those that are ill for longest; there are
    ``MOST_ILL`` at most.
    """

    counts: Mapping[Standing, int]
    ill: tuple[IllPlatform, ...]

    @property
    def parked(self) -> int:
        """Count those whose items wait."""
        return sum(self.counts[one] for one in PARKED)


async def read_standings(db: Db) -> Standings:
    """Read how all real platforms stand; costs a row for each."""
    rows = await fetch_all(db, _PLATFORMS, {})
    stand = [(standing_of(row), row) for row in rows]
    counted = Counter(standing for standing, _ in stand)
    ill = [_ill(standing, row) for standing, row in stand if standing not in _WELL]
    ill.sort(key=lambda one: (_WORST.index(one.standing), one.since, one.platform))
    counts = {standing: counted[standing] for standing in Standing}
    return Standings(counts, tuple(ill[:MOST_ILL]))


async def read_standing_of_each(db: Db) -> dict[str, Standing]:
    """Read how each real platform stands, by slug."""
    return {row.slug: standing_of(row) for row in await fetch_all(db, _PLATFORMS, {})}


_WORST = (
    Standing.BREAKER_OPEN,
    Standing.DISABLED,
    Standing.DEGRADED,
    Standing.PAUSED,
    Standing.SUSPENDED,
)
_OF_ENDPOINTS = {
    EndpointStatus.UNVERIFIED.code: Standing.NOT_READY,
    EndpointStatus.PAUSED.code: Standing.PAUSED,
    EndpointStatus.DISABLED.code: Standing.DISABLED,
}
_OF_CONDITIONS = {
    Condition.OPEN.code: Standing.BREAKER_OPEN,
    Condition.DEGRADED.code: Standing.DEGRADED,
}


def standing_of(row: Any) -> Standing:
    """Judge a row with the statuses of platform and endpoint, and its condition."""
    if row.platform_status == PlatformStatus.SUSPENDED.code:
        return Standing.SUSPENDED
    if row.endpoint_status != EndpointStatus.ACTIVE.code:
        return _OF_ENDPOINTS.get(row.endpoint_status, Standing.NOT_READY)
    return _OF_CONDITIONS.get(row.condition, Standing.HEALTHY)


def since_of(standing: Standing, row: Any) -> datetime | None:
    """Say since when a row stands so; None: nothing was ever sent there."""
    since: datetime | None = {
        Standing.SUSPENDED: row.suspended_at,
        Standing.PAUSED: row.changed_at,
        Standing.DISABLED: row.changed_at,
    }.get(standing, row.since)
    return since


def error_of(standing: Standing, row: Any) -> str | None:
    """Say what went wrong there last; a disabled one tells why it is."""
    reason = row.disabled_reason if standing is Standing.DISABLED else None
    error: str | None = reason or row.last_error
    return error


def _ill(standing: Standing, row: Any) -> IllPlatform:
    return IllPlatform(
        platform=row.slug,
        name_zh=row.name_zh,
        name_en=row.name_en,
        standing=standing,
        since=since_of(standing, row) or row.suspended_at,
        failing_since=row.failing_since,
        failures=row.failures or 0,
        error=error_of(standing, row),
    )


_PLATFORMS = sql(
    f"""
    SELECT p.slug, p.name_zh, p.name_en, p.status AS platform_status,
        p.changed_at AS suspended_at, e.status AS endpoint_status, e.changed_at,
        e.disabled_reason, h.condition, h.since, h.failing_since, h.failures,
        h.last_error
    FROM platforms p
    LEFT JOIN endpoints e ON e.platform_id = p.id
    LEFT JOIN endpoint_health h ON h.endpoint_id = e.id
    WHERE p.world = {World.REAL.code}
    ORDER BY p.slug"""
)
