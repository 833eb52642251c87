"""Issue API keys, find out whose they are, revoke them."""

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import RowMapping

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
from unbind_broker.base.errors import InvalidFields
from unbind_broker.base.ids import CarrierId, KeyId, PlatformId, new_token
from unbind_broker.base.names import name_fault
from unbind_broker.keys import store
from unbind_broker.keys.spent import digest_of_token
from unbind_broker.keys.tables import Role

_SECRET_BYTES = 32
_HINT_LENGTH = 4
_KEY = re.compile(r"ub_(carrier|platform|admin|auditor)_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class Holder:
    """Who shall hold a key: a carrier, a platform, or an administrator or auditor."""

    role: Role
    carrier_id: CarrierId | None = None
    platform_id: PlatformId | None = None

    def __post_init__(self) -> None:
        needs = (self.role is Role.CARRIER, self.role is Role.PLATFORM)
        has = (self.carrier_id is not None, self.platform_id is not None)
        if needs != has:
            raise ValueError(
                f"a key of role {self.role} needs its holder, and no other"
            )


@dataclass(frozen=True)
class Key:
    """A key as administrators see it: never the text, only its last characters.

    A key for rehearsals is held by the twin of a carrier, or by a test endpoint.
    """

    id: KeyId
    role: Role
    carrier_id: CarrierId | None
    carrier_slug: str | None
    platform_id: PlatformId | None
    platform_slug: str | None
    sandbox: bool
    suspended: bool
    name: str
    hint: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True)
class IssuedKey(Key):
    """A new key; its text is told this once."""

    key: str = field(repr=False)


@dataclass(frozen=True)
class Caller:
    """Whoever sent a living key. ``suspended`` is its carrier or platform.

    With a ``sandbox`` key a carrier or platform rehearses: nothing of it is real.
    """

    key_id: KeyId
    role: Role
    carrier_id: CarrierId | None
    carrier_slug: str | None
    platform_id: PlatformId | None
    platform_slug: str | None
    sandbox: bool
    suspended: bool
    name: str

    @property
    def actor(self) -> str:
        """Name the caller in the audit trail: ``carrier:slug``, ``admin:key-id``."""
        holder = self.carrier_slug or self.platform_slug or self.key_id
        return f"{self.role}:{holder}"


async def issue(
    db: Db,
    now: datetime,
    holder: Holder,
    name: str,
    expires_at: datetime | None,
    actor: str,
) -> IssuedKey:
    """Make a key for a holder; raises ``InvalidFields``."""
    past = expires_at is not None and expires_at <= now
    InvalidFields.check(
        {
            "/name": name_fault(name),
            "/expires_at": "expected an instant in the future" if past else None,
        }
    )
    text = f"ub_{holder.role}_{new_token(_SECRET_BYTES)}"
    key_id = await store.insert_new(
        db,
        digest=digest_of(text),
        role=holder.role,
        carrier_id=holder.carrier_id,
        platform_id=holder.platform_id,
        name=name,
        hint=text[-_HINT_LENGTH:],
        created_at=now,
        expires_at=expires_at,
    )
    key = await find(db, key_id)
    if key is None:
        raise LookupError(f"key {key_id} vanished in its own transaction")
    await _record(db, now, actor, "key.issued", key)
    return IssuedKey(**vars(key), key=text)


async def find_caller(db: Db, now: datetime, key_text: str) -> Caller | None:
    """Find out whose key this is; None if it is unknown, revoked or expired."""
    return (await find_callers(db, now, [key_text])).get(key_text)


async def find_callers(
    db: Db, now: datetime, key_texts: Collection[str]
) -> dict[str, Caller]:
    """Find out whose keys these are; without the unknown, revoked and expired ones."""
    asked = {digest_of(text): text for text in key_texts if looks_like_key(text)}
    if not asked:
        return {}
    rows = await store.load_living(db, list(asked), now)
    return {asked[bytes(row["digest"])]: _caller(row) for row in rows}


async def living_digests(db: Db, now: datetime) -> frozenset[bytes]:
    """Read the digests of all keys that live; there are some thousands at most."""
    return await store.load_living_digests(db, now)


def digest_of(key_text: str) -> bytes:
    """Hash a key plainly: it is random throughout, so there is nothing to guess."""
    return hashlib.sha256(key_text.encode()).digest()


def _caller(row: RowMapping) -> Caller:
    return Caller(
        key_id=row["id"],
        role=row["role"],
        carrier_id=row["carrier_id"],
        carrier_slug=row["carrier_slug"],
        platform_id=row["platform_id"],
        platform_slug=row["platform_slug"],
        sandbox=row["sandbox"],
        suspended=row["suspended"],
        name=row["name"],
    )


def looks_like_key(text: str) -> bool:
    """Tell what could be a key from what is none."""
    return _KEY.fullmatch(text) is not None


async def find(db: Db, key_id: KeyId) -> Key | None:
    """Read one key, revoked ones too."""
    row = await store.load(db, key_id)
    return None if row is None else _key(row)


async def find_of_login(db: Db, key_id: KeyId, token: str) -> Key | None:
    """Read the key of a login; None if ``token``, the login's own, is spent."""
    row = await store.load_unspent(db, key_id, digest_of_token(token))
    return None if row is None else _key(row)


async def list_page(db: Db, after: int | None, limit: int) -> list[Key]:
    """Read up to ``limit`` keys in the order in which they were issued."""
    return [_key(row) for row in await store.load_page(db, after or 0, limit)]


async def revoke(db: Db, now: datetime, key_id: KeyId, actor: str) -> Key | None:
    """End a key at once; None if there is no such one.

    Ending it again changes nothing.
    """
    ended = await store.revoke(db, key_id, now)
    key = await find(db, key_id)
    if ended and key is not None:
        await _record(db, now, actor, "key.revoked", key)
    return key


async def _record(db: Db, now: datetime, actor: str, action: str, key: Key) -> None:
    facts = {
        "key": key.id,
        "role": key.role,
        "holder": key.carrier_slug or key.platform_slug,
        "name": key.name,
    }
    await record(db, now, Fact(actor=actor, action=action, facts=facts))


def _key(row: RowMapping) -> Key:
    return Key(**row)
