"""Standard Webhooks signatures: `v1` (HMAC-SHA256) and `v1a` (Ed25519)."""

import binascii
import hashlib
import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from cryptography.exceptions import InvalidSignature

from unbind_broker.base.errors import BrokerError
from unbind_broker.base.signing_keys import PrivateKey, PublicKey, Secret

ID_HEADER = "webhook-id"
TIMESTAMP_HEADER = "webhook-timestamp"
SIGNATURE_HEADER = "webhook-signature"
TOLERANCE = timedelta(minutes=5)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A dot would let id, timestamp and body be cut at another place.
_WEBHOOK_ID = re.compile(r"[!-\-/-~]{1,255}")
_TIMESTAMP = re.compile(r"0|[1-9][0-9]{0,10}")
_SIGNATURE = re.compile(r"([!-+\--~]+),([!-~]+)")
_MOST_SIGNATURES = 16


class SignatureInvalid(BrokerError):
    """Refuse a message whose signature headers are malformed or do not hold."""

    code: ClassVar[str] = "signature-invalid"
    title: ClassVar[str] = "Signature invalid"


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """Name a message whose signature holds: its id and when it was signed."""

    webhook_id: str
    signed_at: datetime


def sign_v1(
    secrets: Sequence[Secret], webhook_id: str, timestamp: datetime, body: bytes
) -> str:
    """Give the value of `webhook-signature`: one `v1,` signature per secret."""
    if not secrets:
        raise ValueError("expected at least one secret to sign with")
    content = _content(webhook_id, _unix(timestamp), body)
    return " ".join(_v1(secret, content) for secret in secrets)


def sign_v1a(key: PrivateKey, webhook_id: str, timestamp: datetime, body: bytes) -> str:
    """Give the value of `webhook-signature`: one `v1a,` signature."""
    content = _content(webhook_id, _unix(timestamp), body)
    return f"v1a,{_encode(key.ed25519.sign(content))}"


def signature_headers(
    webhook_id: str, timestamp: datetime, signature: str
) -> dict[str, str]:
    """Give the three headers of a signed message."""
    return {
        ID_HEADER: webhook_id,
        TIMESTAMP_HEADER: _unix(timestamp),
        SIGNATURE_HEADER: signature,
    }


def verify_v1(
    secrets: Sequence[Secret],
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    tolerance: timedelta = TOLERANCE,
) -> SignedMessage:
    """Check a message against any of the secrets; raise `SignatureInvalid`."""
    read = _read(headers)
    content = _content(read.webhook_id, read.timestamp, body)
    expected = [_v1(secret, content).encode() for secret in secrets]
    given = [f"v1,{text}".encode() for text in read.signatures("v1")]
    # Every pair is compared, so that time tells nothing about which one failed.
    matches = [hmac.compare_digest(e, g) for e in expected for g in given]
    if not any(matches):
        raise SignatureInvalid("no v1 signature matches the body and headers")
    return _in_time(read, now, tolerance)


def verify_v1a(
    key: PublicKey,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    tolerance: timedelta = TOLERANCE,
) -> SignedMessage:
    """Check a message signed now by the holder of the key; raise `SignatureInvalid`."""
    check_v1a(key, headers, body)
    return _in_time(_read(headers), now, tolerance)


def check_v1a(key: PublicKey, headers: Mapping[str, str], body: bytes) -> SignedMessage:
    """Check the signature of kept evidence, however old it is."""
    read = _read(headers)
    content = _content(read.webhook_id, read.timestamp, body)
    given = read.signatures("v1a")
    if not any(_ed25519_holds(key, text, content) for text in given):
        raise SignatureInvalid("no v1a signature matches the body and headers")
    return read.message


@dataclass(frozen=True, slots=True)
class _Headers:
    webhook_id: str
    timestamp: str
    tokens: tuple[tuple[str, str], ...]

    @property
    def message(self) -> SignedMessage:
        signed_at = datetime.fromtimestamp(int(self.timestamp), UTC)
        return SignedMessage(self.webhook_id, signed_at)

    def signatures(self, version: str) -> list[str]:
        return [text for name, text in self.tokens if name == version]


def _read(headers: Mapping[str, str]) -> _Headers:
    webhook_id = _one(headers, ID_HEADER)
    if not _WEBHOOK_ID.fullmatch(webhook_id):
        raise SignatureInvalid(
            f"expected {ID_HEADER} of 1 to 255 visible ASCII characters without dots"
        )
    timestamp = _one(headers, TIMESTAMP_HEADER)
    if not _TIMESTAMP.fullmatch(timestamp):
        raise SignatureInvalid(f"expected {TIMESTAMP_HEADER} in whole Unix seconds")
    tokens = _one(headers, SIGNATURE_HEADER).split(" ")
    if len(tokens) > _MOST_SIGNATURES:
        raise SignatureInvalid(f"expected at most {_MOST_SIGNATURES} signatures")
    return _Headers(webhook_id, timestamp, tuple(map(_token, tokens)))


def _one(headers: Mapping[str, str], name: str) -> str:
    values = [value for key, value in headers.items() if key.lower() == name]
    if len(values) != 1:
        raise SignatureInvalid(f"expected one {name} header, found {len(values)}")
    return values[0]


def _token(text: str) -> tuple[str, str]:
    match = _SIGNATURE.fullmatch(text)
    if match is None:
        raise SignatureInvalid(
            f"expected {SIGNATURE_HEADER} as version,base64 with single spaces between"
        )
    return match[1], match[2]


def _in_time(read: _Headers, now: datetime, tolerance: timedelta) -> SignedMessage:
    message = read.message
    if abs(now - message.signed_at) > tolerance:
        raise SignatureInvalid(
            f"expected {TIMESTAMP_HEADER} within {tolerance.total_seconds():.0f} s"
            f" of {now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        )
    return message


def _ed25519_holds(key: PublicKey, text: str, content: bytes) -> bool:
    try:
        signature = b64decode(text, validate=True)
        key.ed25519.verify(signature, content)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    # One signature has one text: the spare bits of base64 are zero.
    return _encode(signature) == text


def _v1(secret: Secret, content: bytes) -> str:
    return f"v1,{_encode(hmac.digest(secret.key, content, hashlib.sha256))}"


def _content(webhook_id: str, timestamp: str, body: bytes) -> bytes:
    if not _WEBHOOK_ID.fullmatch(webhook_id):
        raise ValueError("expected a webhook id in visible ASCII without dots")
    return b".".join((webhook_id.encode("ascii"), timestamp.encode("ascii"), body))


def _unix(timestamp: datetime) -> str:
    if timestamp.tzinfo is None:
        raise ValueError("expected an aware instant, found a naive one")
    return str((timestamp - _EPOCH) // timedelta(seconds=1))


def _encode(raw: bytes) -> str:
    return b64encode(raw).decode("ascii")
