"""Carriers that sign what they say."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt import PyJWS
from jwt.algorithms import ECAlgorithm, OKPAlgorithm
from jwt.api_jwt import PyJWT

PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey


def jwk_of(key: PrivateKey, kid: str) -> dict[str, Any]:
    """The public half, as it is registered."""
    if isinstance(key, Ed25519PrivateKey):
        return {**OKPAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid}
    return {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid}


def claims(now: datetime, **changes: object) -> dict[str, object]:
    """What an attestation says of the number that tests ask about."""
    issued = int(now.timestamp())
    said: dict[str, object] = {
        "iss": "china-mobile",
        "sub": "+8613800001234",
        "owner_since": "2025-03-01",
        "scope": "previous_owner",
        "iat": issued,
        "exp": issued + 600,
        "jti": "a-1",
        **changes,
    }
    return {name: value for name, value in said.items() if value is not ...}


def signed(
    key: PrivateKey,
    kid: str,
    said: Mapping[str, object],
    **headers: object,
) -> str:
    """Sign claims as a carrier does."""
    algorithm = "EdDSA" if isinstance(key, Ed25519PrivateKey) else "ES256"
    return PyJWT().encode(dict(said), key, algorithm, headers={"kid": kid, **headers})


def signed_bytes(key: PrivateKey, kid: str, payload: bytes) -> str:
    """Sign whatever it is."""
    algorithm = "EdDSA" if isinstance(key, Ed25519PrivateKey) else "ES256"
    return PyJWS().encode(payload, key, algorithm, headers={"kid": kid})
