"""Check receipts offline: nothing that a receipt says of itself is trusted."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any, NoReturn

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jwt import InvalidTokenError, PyJWS, get_unverified_header

from unbind_broker.client.errors import ReceiptWrong
from unbind_broker.client.order_shapes import Item, Sensitive
from unbind_broker.client.shapes import Shape, read

ALGORITHM = "EdDSA"
TYPE = "unbind-receipt+jwt"


class Receipt(Shape):
    """What the broker states of an order, once its signature was found to hold."""

    version: int
    previous: str | None = None
    order: dict[str, Any]
    summary: dict[str, int]
    sensitive: Sensitive
    items: list[Item]
    audit: dict[str, Any] | None = None


def verify_receipt(jws: str, jwks: Mapping[str, Any]) -> Receipt:
    """Check a compact JWS with the broker's JWK set; raises ``ReceiptWrong``.

    Keep a copy of the set: who fetches it anew for every receipt trusts whoever
    answers.
    """
    written = jws.strip()
    try:
        header = get_unverified_header(written)
        if header.get("alg") != ALGORITHM or header.get("typ") != TYPE:
            _refuse("it is no receipt")
        key = _key(jwks, header.get("kid"))
        payload = PyJWS().decode(written, key, algorithms=[ALGORITHM])
    except InvalidTokenError:
        _refuse("its signature does not hold: it was changed, or another key signed it")
    return read(Receipt, payload)


def _key(jwks: Mapping[str, Any], key_id: object) -> Ed25519PublicKey:
    keys = jwks.get("keys")
    found = [
        one
        for one in (keys if isinstance(keys, list) else [])
        if isinstance(one, dict) and key_id and one.get("kid") == key_id
    ]
    if not found:
        _refuse("the key that it names is not in the set")
    return _public_key(found[0])


def _public_key(jwk: Mapping[str, Any]) -> Ed25519PublicKey:
    x = jwk.get("x")
    if jwk.get("kty") != "OKP" or jwk.get("crv") != "Ed25519" or not isinstance(x, str):
        _refuse("the key that it names is no Ed25519 key")
    try:
        raw = urlsafe_b64decode(x + "=" * (-len(x) % 4))
        return Ed25519PublicKey.from_public_bytes(raw)
    except ValueError:
        _refuse("the key that it names cannot be read")


def parse_jwks(text: bytes | str) -> dict[str, Any]:
    """Read a JWK set (RFC 7517 §5); raises ``ReceiptWrong``."""
    try:
        told = json.loads(text)
    except ValueError:
        told = None
    if not isinstance(told, dict) or not isinstance(told.get("keys"), list):
        _refuse("the key set is none")
    return told


def _refuse(detail: str) -> NoReturn:
    raise ReceiptWrong(f"the receipt does not hold: {detail}")
