"""Secrets and keys of Standard Webhooks: `whsec_`, `whpk_` and `whsk_`."""

import binascii
import hmac
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import ClassVar, Self, final

from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from typing_extensions import override

from unbind_broker.base.errors import BrokerError

_SECRET_BYTES = range(24, 65)
_KEY_BYTES = 32


class SigningKeyInvalid(BrokerError):
    """Refuse a text that is no secret or key; never repeats the text."""

    code: ClassVar[str] = "signing-key-invalid"
    title: ClassVar[str] = "Signing key invalid"


@final
class Secret:
    """Hold the bytes of a `whsec_…` secret; printed, it shows none of them."""

    __slots__ = ("_key",)
    prefix: ClassVar[str] = "whsec_"

    def __init__(self, key: bytes) -> None:
        if len(key) not in _SECRET_BYTES:
            raise SigningKeyInvalid(
                f"expected a secret of 24 to 64 bytes, found {len(key)}"
            )
        self._key = key

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `whsec_` and base64; raise `SigningKeyInvalid`."""
        return cls(_decode_key(cls.prefix, text))

    @property
    def key(self) -> bytes:
        """Give the bytes themselves, to be sealed."""
        return self._key

    @property
    def text(self) -> str:
        """Write the secret as its holder gets to see it, once."""
        return f"{self.prefix}{_encode(self._key)}"

    @override
    def __repr__(self) -> str:
        return "Secret(whsec_****)"

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._key, other._key)

    @override
    def __hash__(self) -> int:
        return hash((Secret, self._key))


@final
@dataclass(frozen=True, slots=True)
class PublicKey:
    """Hold a `whpk_…` key that checks `v1a` signatures."""

    raw: bytes
    prefix: ClassVar[str] = "whpk_"

    def __post_init__(self) -> None:
        if len(self.raw) != _KEY_BYTES:
            raise SigningKeyInvalid(
                f"expected a public key of 32 bytes, found {len(self.raw)}"
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `whpk_` and base64 of 32 bytes; raise `SigningKeyInvalid`."""
        return cls(_decode_key(cls.prefix, text))

    @property
    def text(self) -> str:
        """Write the key as it is registered."""
        return f"{self.prefix}{_encode(self.raw)}"

    @property
    def ed25519(self) -> Ed25519PublicKey:
        """Give the key to the curve."""
        return Ed25519PublicKey.from_public_bytes(self.raw)


@final
class PrivateKey:
    """Hold a `whsk_…` key that makes `v1a` signatures; printed, it shows nothing."""

    __slots__ = ("_seed",)
    prefix: ClassVar[str] = "whsk_"

    def __init__(self, seed: bytes) -> None:
        if len(seed) != _KEY_BYTES:
            raise SigningKeyInvalid(
                f"expected a private key seed of 32 bytes, found {len(seed)}"
            )
        self._seed = seed

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `whsk_` and base64 of seed and public key (64 bytes)."""
        raw = _decode_key(cls.prefix, text)
        key = cls(raw[:_KEY_BYTES])
        if key.public.raw != raw[_KEY_BYTES:]:
            raise SigningKeyInvalid(
                "expected a private key of 64 bytes: a seed and its public key"
            )
        return key

    @property
    def ed25519(self) -> Ed25519PrivateKey:
        """Give the key to the curve."""
        return Ed25519PrivateKey.from_private_bytes(self._seed)

    @property
    def public(self) -> PublicKey:
        """Give the key that checks what this one signed."""
        return PublicKey(self.ed25519.public_key().public_bytes_raw())

    @property
    def text(self) -> str:
        """Write the key as its holder keeps it."""
        return f"{self.prefix}{_encode(self._seed + self.public.raw)}"

    @override
    def __repr__(self) -> str:
        return "PrivateKey(whsk_****)"


def _decode_key(prefix: str, text: str) -> bytes:
    if not text.startswith(prefix):
        raise SigningKeyInvalid(f"expected {prefix} and base64")
    encoded = text.removeprefix(prefix)
    try:
        raw = b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not raw or _encode(raw) != encoded:
        raise SigningKeyInvalid(f"expected {prefix} and padded standard base64")
    return raw


def _encode(raw: bytes) -> str:
    return b64encode(raw).decode("ascii")
