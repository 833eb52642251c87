"""Rows of API keys. The names of their holders are joined in, not imported."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, RowMapping, TextClause, insert
from sqlalchemy.sql.selectable import TextualSelect
from sqlalchemy.types import TypeEngine

from unbind_broker.base.database import (
    BYTES,
    BYTESES,
    INSTANT,
    INT,
    TEXT,
    Coded,
    Db,
    sql,
)
from unbind_broker.base.ids import KeyId
from unbind_broker.keys.tables import Role, api_keys

_DIGEST = "SELECT k.digest,"
_HELD = """
    k.id, k.role, k.carrier_id, c.slug AS carrier_slug,
    k.platform_id, p.slug AS platform_slug,
    c.sandbox_of IS NOT NULL OR coalesce(p.world, 1) <> 1 AS sandbox,
    coalesce(c.status, p.status, 1) <> 1 AS suspended,
    k.name, k.hint, k.created_at, k.expires_at, k.revoked_at
    FROM api_keys k
    LEFT JOIN carriers c ON c.id = k.carrier_id
    LEFT JOIN platforms p ON p.id = k.platform_id
"""


def _reading(statement: TextClause, **more: TypeEngine[Any]) -> TextualSelect:
    """Give the columns their types, so that codes come back as words."""
    return statement.columns(
        id=INT,
        role=Coded(Role),
        carrier_id=INT,
        carrier_slug=TEXT,
        platform_id=INT,
        platform_slug=TEXT,
        sandbox=Boolean(),
        suspended=Boolean(),
        name=TEXT,
        hint=TEXT,
        created_at=INSTANT,
        expires_at=INSTANT,
        revoked_at=INSTANT,
        **more,
    )


_LIVING = """
    WHERE k.digest = ANY (:digests) AND k.revoked_at IS NULL
    AND (k.expires_at IS NULL OR k.expires_at > :now)
"""
_living = _reading(
    sql(_DIGEST + _HELD + _LIVING, digests=BYTESES, now=INSTANT), digest=BYTES
)
_living_digests = sql(
    """SELECT digest FROM api_keys
    WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > :now)""",
    now=INSTANT,
)
_by_id = _reading(sql(f"SELECT {_HELD} WHERE k.id = :id", id=INT))
_NOT_SPENT = """
    WHERE k.id = :id
    AND NOT EXISTS (SELECT FROM spent_tokens s WHERE s.digest = :token_digest)
"""
_unspent = _reading(sql(f"SELECT {_HELD} {_NOT_SPENT}", id=INT, token_digest=BYTES))
_NEXT = "WHERE k.id > :after ORDER BY k.id LIMIT :most"
_page = _reading(sql(f"SELECT {_HELD} {_NEXT}", after=INT, most=INT))
_revoke = sql(
    "UPDATE api_keys SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL",
    id=INT,
    now=INSTANT,
)


async def insert_new(db: Db, **values: object) -> KeyId:
    """Insert a key."""
    statement = insert(api_keys).values(**values).returning(api_keys.c.id)
    return KeyId((await db.execute(statement)).scalar_one())


async def load_living(
    db: Db, digests: list[bytes], now: datetime
) -> Sequence[RowMapping]:
    """Read keys by their digests, without the revoked and expired ones."""
    found = await db.execute(_living, {"digests": digests, "now": now})
    return found.mappings().all()


async def load_living_digests(db: Db, now: datetime) -> frozenset[bytes]:
    """Read the digests of all keys that are neither revoked nor expired."""
    found = await db.execute(_living_digests, {"now": now})
    return frozenset(bytes(digest) for digest in found.scalars())


async def load(db: Db, key_id: KeyId) -> RowMapping | None:
    """Read one key."""
    return (await db.execute(_by_id, {"id": key_id})).mappings().one_or_none()


async def load_unspent(db: Db, key_id: KeyId, token_digest: bytes) -> RowMapping | None:
    """Read one key; None, too, where a token of it is spent."""
    values = {"id": key_id, "token_digest": token_digest}
    return (await db.execute(_unspent, values)).mappings().one_or_none()


async def load_page(db: Db, after: int, limit: int) -> list[RowMapping]:
    """Read up to ``limit`` keys whose ids come behind ``after``."""
    rows = await db.execute(_page, {"after": after, "most": limit})
    return list(rows.mappings().all())


async def revoke(db: Db, key_id: KeyId, now: datetime) -> bool:
    """Revoke a living key; False if it is unknown, or revoked already."""
    return (await db.execute(_revoke, {"id": key_id, "now": now})).rowcount == 1
