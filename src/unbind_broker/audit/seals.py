"""A seal: the broker's signed statement of what the trail held at an instant."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidSignature

from unbind_broker.audit.hashing import canonical_json
from unbind_broker.base.broker_key import public_key

TYPE: Final = "unbind-broker/audit-seal/1"
NO_PREVIOUS: Final = bytes(32)
"""What the first seal names as the one before it."""

_ID_BYTES: Final = 16
LEAF_BYTES: Final = _ID_BYTES + 32


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the order of sealing."""

    xid: int
    id: UUID


START: Final = Position(-1, UUID(int=0))
"""Before every event."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One sealed event: which, and what it hashed to."""

    id: UUID
    hash: bytes


@dataclass(frozen=True, slots=True)
class Seal:
    """A seal as it stands in the database; ``leaves`` are not signed themselves."""

    number: int
    last: Position
    events: int
    root: bytes
    previous: bytes
    sealed_at: str
    key_id: str
    signature: bytes

    @property
    def statement(self) -> bytes:
        """Write what is signed: canonical JSON of every member but the signature."""
        return canonical_json(self.members)

    @property
    def members(self) -> dict[str, object]:
        """Give the members of the statement; hashes are lower-case hex."""
        return {
            "events": self.events,
            "key_id": self.key_id,
            "last_id": str(self.last.id),
            "last_xid": self.last.xid,
            "number": self.number,
            "previous": self.previous.hex(),
            "root": self.root.hex(),
            "sealed_at": self.sealed_at,
            "type": TYPE,
        }

    @property
    def digest(self) -> bytes:
        """Give what the next seal names as the one before it."""
        return hashlib.sha256(self.statement).digest()


def is_signed(seal: Seal, keys: Mapping[str, bytes]) -> bool:
    """Check a seal's signature by the key that it names, which must be known."""
    return signature_holds(keys[seal.key_id], seal.signature, seal.statement)


def signature_holds(public: bytes, signature: bytes, message: bytes) -> bool:
    """Check an Ed25519 signature."""
    try:
        public_key(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def pack_leaves(leaves: Sequence[Leaf]) -> bytes:
    """Write leaves one behind the other: 16 bytes of id, 32 of hash."""
    return b"".join(leaf.id.bytes + leaf.hash for leaf in leaves)


def unpack_leaves(packed: bytes) -> list[Leaf]:
    """Read packed leaves; a piece at the end that is no whole leaf is left out."""
    return [
        Leaf(
            UUID(bytes=packed[start : start + _ID_BYTES]),
            packed[start + _ID_BYTES : start + LEAF_BYTES],
        )
        for start in range(0, len(packed) - LEAF_BYTES + 1, LEAF_BYTES)
    ]
