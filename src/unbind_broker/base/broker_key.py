"""The key by which the broker signs its own statements: receipts and audit seals."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from typing import TypedDict, final

from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from typing_extensions import override

from unbind_broker.base.sealing import SecretKey

_DERIVED_DOMAIN = b"unbind-broker/signing-key/1"


class PublicJwk(TypedDict):
    """A public Ed25519 key as JWK (RFC 8037 §2)."""

    kty: str
    crv: str
    x: str
    kid: str
    use: str
    alg: str


@final
class BrokerKey:
    """Hold an Ed25519 key; its ``key_id`` is the JWK's thumbprint (RFC 7638)."""

    __slots__ = ("_private", "key_id", "public")

    def __init__(self, seed: SecretKey) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed.raw)
        self.public = self._private.public_key().public_bytes_raw()
        self.key_id = key_id_of(self.public)

    @classmethod
    def derived(cls, index_key: SecretKey) -> "BrokerKey":
        """Make the key of an installation that was given none of its own."""
        seed = hmac.digest(index_key.raw, _DERIVED_DOMAIN, hashlib.sha256)
        return cls(SecretKey(seed))

    @property
    def private(self) -> Ed25519PrivateKey:
        """Give the key to the curve."""
        return self._private

    def sign(self, message: bytes) -> bytes:
        """Sign bytes (RFC 8032 §5.1): 64 bytes."""
        return self._private.sign(message)

    @override
    def __repr__(self) -> str:
        return f"BrokerKey({self.key_id})"


def public_jwk(public: bytes) -> PublicJwk:
    """Write a public key as JWK, as ``/.well-known/jwks.json`` shows it."""
    return PublicJwk(
        kty="OKP",
        crv="Ed25519",
        x=_base64url(public),
        kid=key_id_of(public),
        use="sig",
        alg="EdDSA",
    )


def key_id_of(public: bytes) -> str:
    """Compute the thumbprint of a public key (RFC 7638 §3, RFC 8037 appendix A.3)."""
    members = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(public)}
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":"))
    return _base64url(hashlib.sha256(canonical.encode()).digest())


def public_key(public: bytes) -> Ed25519PublicKey:
    """Give raw bytes to the curve; raises ``ValueError`` unless they are 32."""
    return Ed25519PublicKey.from_public_bytes(public)


def _base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
