"""Tell which keys still open doors, for callers that stay for long."""

from collections.abc import Collection
from datetime import datetime

from unbind_broker.base.database import INSTANT, INTS, Db, sql
from unbind_broker.base.ids import KeyId

_LIVING = sql(
    """
    SELECT k.id FROM api_keys k
    LEFT JOIN carriers c ON c.id = k.carrier_id
    LEFT JOIN platforms p ON p.id = k.platform_id
    WHERE k.id = ANY(:keys) AND k.revoked_at IS NULL
        AND (k.expires_at IS NULL OR k.expires_at > :now)
        AND coalesce(c.status, p.status, 1) = 1""",
    keys=INTS,
    now=INSTANT,
)


async def still_living(db: Db, now: datetime, keys: Collection[KeyId]) -> set[KeyId]:
    """Return those neither revoked nor expired, and whose holder is not suspended."""
    found = await db.execute(_LIVING, {"keys": list(keys), "now": now})
    return set(found.scalars())
