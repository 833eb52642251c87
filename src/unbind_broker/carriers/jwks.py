"""The public keys by which a carrier signs its attestations. Pure.

A set is given inline when a carrier is registered and never fetched from anywhere.
"""

from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import TypeGuard

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from unbind_broker.base.errors import InvalidFields

Jwks = Mapping[str, object]
"""A JWK set (RFC 7517 §5) that ``checked_jwks`` has passed."""

AttestationKey = Ed25519PublicKey | ec.EllipticCurvePublicKey

ED25519 = ("OKP", "Ed25519")
P256 = ("EC", "P-256")
ALGORITHMS = {ED25519: "EdDSA", P256: "ES256"}
"""Which signatures each kind of key checks (RFC 8037 §3.1, RFC 7518 §3.4)."""

MOST_KEYS = 16
LONGEST_KID = 128
MOST_OPERATIONS = 8
_COORDINATE_BYTES = 32
_MEMBERS = frozenset({"kty", "crv", "x", "y", "kid", "use", "alg", "key_ops"})
_LISTED = ", ".join(sorted(_MEMBERS))


def checked_jwks(value: Mapping[str, object], pointer: str = "/jwks") -> Jwks:
    """Return the set as it is kept; raises ``InvalidFields`` naming what is wrong."""
    keys = value.get("keys")
    faults: dict[str, str | None] = {}
    if value.keys() != {"keys"} or not isinstance(keys, list):
        InvalidFields.check({pointer: 'expected a JWK set: {"keys": […]}'})
        raise AssertionError("a fault was found, so the check raised")
    if len(keys) > MOST_KEYS:
        faults[f"{pointer}/keys"] = f"expected at most {MOST_KEYS} keys"
    seen: set[str] = set()
    for place, key in enumerate(keys[:MOST_KEYS]):
        faults[f"{pointer}/keys/{place}"] = _fault(key, seen)
    InvalidFields.check(faults)
    return {"keys": [dict(key) for key in keys]}


def find_key(jwks: Jwks, kid: object) -> tuple[str, AttestationKey] | None:
    """Give the algorithm and the key that ``kid`` names."""
    keys = jwks.get("keys")
    for jwk in keys if isinstance(keys, list) else ():
        if jwk.get("kid") == kid:
            return ALGORITHMS[jwk["kty"], jwk["crv"]], _key(jwk)
    return None


def key_ids(jwks: Jwks | None) -> list[str]:
    """Name the keys of a set, as the audit trail tells them."""
    keys = (jwks or {}).get("keys")
    return [str(jwk["kid"]) for jwk in keys] if isinstance(keys, list) else []


def _fault(jwk: object, seen: set[str]) -> str | None:
    if not _is_object(jwk) or not _is_plain(jwk):
        return "expected a JWK of printable texts"
    algorithm = ALGORITHMS.get((str(jwk.get("kty")), str(jwk.get("crv"))))
    kid = str(jwk.get("kid"))
    named = isinstance(jwk.get("kid"), str) and 0 < len(kid) <= LONGEST_KID
    rules = (
        (algorithm, "expected an Ed25519 key (kty OKP) or one on P-256 (kty EC)"),
        ("d" not in jwk, "this is a private key: register only its public half"),
        (not jwk.keys() - _MEMBERS, f"expected no members but {_LISTED}"),
        (named, f"expected a kid of 1 to {LONGEST_KID} characters"),
        (kid not in seen, "expected each kid once"),
        (jwk.get("alg", algorithm) == algorithm, f"expected alg {algorithm}"),
        (jwk.get("use", "sig") == "sig", "expected use sig"),
    )
    seen.add(kid)
    broken = next((words for holds, words in rules if not holds), None)
    return broken or _coordinates_fault(jwk)


def _coordinates_fault(jwk: Mapping[str, object]) -> str | None:
    try:
        _key(jwk)
    except ValueError:
        return "the coordinates are not a point of the key's curve"
    return None


def _is_object(value: object) -> TypeGuard[Mapping[str, object]]:
    return isinstance(value, dict)


def _is_plain(jwk: Mapping[str, object]) -> bool:
    """Tell whether a row can hold it: not all that JSON can write, a row can."""
    operations = jwk.get("key_ops", [])
    if not isinstance(operations, list) or len(operations) > MOST_OPERATIONS:
        return False
    texts = [one for name, one in jwk.items() if name != "key_ops"]
    return all(
        isinstance(one, str) and one.isprintable() for one in (*texts, *operations)
    )


def _key(jwk: Mapping[str, object]) -> AttestationKey:
    """Read a key; raises ``ValueError``."""
    x = _coordinate(jwk.get("x"))
    if jwk["kty"] == "OKP":
        return Ed25519PublicKey.from_public_bytes(x)
    y = _coordinate(jwk.get("y"))
    point = b"\x04" + x + y
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)


def _coordinate(text: object) -> bytes:
    if not isinstance(text, str) or not text.isascii():
        raise ValueError("expected base64url")
    raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if len(raw) != _COORDINATE_BYTES:
        raise ValueError("expected 32 bytes")
    return raw
