"""Check a receipt offline: its form, its key, its signature, what it states.

Nothing that the receipt says of itself is trusted: the algorithm is fixed, keys come
from the given set only, and each must have the thumbprint that it is called by.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NoReturn

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jwt import InvalidTokenError, PyJWS
from pydantic import ValidationError

from unbind_broker.api.receipt_shown import ReceiptStated
from unbind_broker.base.broker_key import key_id_of, public_key
from unbind_broker.base.errors import BrokerError
from unbind_broker.items.receipts import TYPE, digest_of

ALGORITHM = "EdDSA"
_COMPACT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_HEADER = frozenset({"alg", "kid", "typ"})

Keys = Mapping[str, Ed25519PublicKey]


class ReceiptWrong(BrokerError):
    """The receipt, or what it is checked with, does not hold."""

    code: ClassVar[str] = "receipt-wrong"
    title: ClassVar[str] = "The receipt does not hold"


@dataclass(frozen=True)
class Checked:
    """A receipt whose signature holds."""

    stated: ReceiptStated
    key_id: str
    sha256: str


def read_keys(text: bytes) -> Keys:
    """Read a JWK set; keys that are not Ed25519 sign no receipts, and are left out."""
    document = _json(text, "the key file")
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        _refuse("the key file is no JWK set: it has no list of keys")
    ours = [one for one in keys if isinstance(one, dict) and one.get("kty") == "OKP"]
    return dict(map(_key, ours))


def check_receipt(text: bytes, keys: Keys) -> Checked:
    """Check a compact JWS; white space around it does not count.

    Raises ``ReceiptWrong``.
    """
    written = _compact(text)
    header_part, payload_part, signature_part = written.split(".")
    key_id = _key_id(_json(_decoded(header_part), "the header"))
    _decoded(signature_part)
    key = keys.get(key_id)
    if key is None:
        _refuse(f"the key {_plain(key_id)} that it names is not in the key file")
    try:
        PyJWS(algorithms=[ALGORITHM]).decode(written, key, algorithms=[ALGORITHM])
    except InvalidTokenError:
        _refuse("its signature does not hold: it was changed, or another key signed it")
    return Checked(_stated(_decoded(payload_part)), key_id, digest_of(written))


def _compact(text: bytes) -> str:
    try:
        written = text.strip(b" \t\r\n").decode("ascii")
    except UnicodeDecodeError:
        written = ""
    if not _COMPACT.fullmatch(written):
        _refuse("this is no compact JWS: expected three parts of base64url with dots")
    return written


def _decoded(part: str) -> bytes:
    """Read base64url in its one canonical form (RFC 7515 §2)."""
    try:
        raw = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        raw = b""
    if urlsafe_b64encode(raw).rstrip(b"=").decode("ascii") != part:
        _refuse("a part of it is not written in canonical base64url")
    return raw


def _key_id(header: object) -> str:
    if not isinstance(header, dict) or header.keys() != _HEADER:
        _refuse("its header must hold alg, kid and typ, and nothing else")
    if header["alg"] != ALGORITHM:
        _refuse(f"its algorithm must be {ALGORITHM}")
    if header["typ"] != TYPE:
        _refuse(f"it is no receipt: its type must be {TYPE}")
    if not isinstance(header["kid"], str):
        _refuse("its kid must be text")
    return header["kid"]


def _key(jwk: Mapping[str, object]) -> tuple[str, Ed25519PublicKey]:
    x = jwk.get("x")
    if jwk.get("crv") != "Ed25519" or not isinstance(x, str):
        _refuse("the key file holds a key that is no Ed25519 key")
    try:
        raw = urlsafe_b64decode(x + "=" * (-len(x) % 4))
        key = public_key(raw)
    except ValueError:
        _refuse("the key file holds a key that cannot be read")
    if jwk.get("kid") != key_id_of(raw):
        _refuse("the key file holds a key under a kid that is not its thumbprint")
    return key_id_of(raw), key


def _stated(payload: bytes) -> ReceiptStated:
    try:
        stated = ReceiptStated.model_validate_json(payload)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = "/".join(str(step) for step in first["loc"])
        _refuse(f"it is signed, but no receipt: {where or 'the payload'}")
    if (stated.version == 1) != (stated.previous is None):
        _refuse("it is signed, but version and previous contradict each other")
    if stated.summary.get("total") != len(stated.items):
        _refuse("it is signed, but its summary does not fit its items")
    return stated


def _json(text: bytes, what: str) -> object:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        _refuse(f"{what} is not JSON")
    return value


def _plain(text: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in text)[:100]


def _refuse(detail: str) -> NoReturn:
    raise ReceiptWrong(detail)
