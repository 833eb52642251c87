"""Tokens that count once, for all processes: those of logins and of forms."""

import hashlib
from datetime import datetime, timedelta

from unbind_broker.base.database import BYTES, INSTANT, INT, Db, sql

LATER = timedelta(hours=1)
"""Tokens are kept for so much longer: clocks of machines differ."""


async def spend(db: Db, token: str, kept_until: datetime) -> bool:
    """Spend a random token; False if it was spent before.

    Another transaction that spends the same one is waited for. ``kept_until`` is when
    the token is worth nothing by itself.
    """
    values = {"digest": digest_of_token(token), "kept_until": kept_until}
    return (await db.execute(_SPEND, values)).rowcount == 1


async def prune_spent(db: Db, now: datetime, limit: int) -> int:
    """Forget up to ``limit`` tokens that are worth nothing by now; count them."""
    return (await db.execute(_PRUNE, {"before": now - LATER, "limit": limit})).rowcount


def digest_of_token(token: str) -> bytes:
    """Hash a token plainly: it is random throughout."""
    return hashlib.sha256(token.encode()).digest()


_SPEND = sql(
    """
    INSERT INTO spent_tokens (digest, kept_until) VALUES (:digest, :kept_until)
    ON CONFLICT (digest) DO NOTHING""",
    digest=BYTES,
    kept_until=INSTANT,
)
_PRUNE = sql(
    """
    DELETE FROM spent_tokens WHERE digest IN (
        SELECT digest FROM spent_tokens WHERE kept_until <= :before
        ORDER BY kept_until LIMIT :limit
    )""",
    before=INSTANT,
    limit=INT,
)
