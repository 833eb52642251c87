"""Verify a webhook: rightly with the official library, or with one planted fault."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

TOLERANCE = 300
SIGNATURE = "webhook-signature"


class Refusal(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def verify(
    secret: str, headers: Mapping[str, str], body: bytes, fault: str
) -> dict[str, Any]:
    """Read the event; raises ``Refusal``."""
    signature = headers.get(SIGNATURE, "")
    if fault == "falls-over" and signature and "," not in signature:
        raise Refusal(500)
    if fault == "refuses-everything":
        raise Refusal(401)
    if not (
        _slips(secret, headers, body, fault) or _holds(secret, headers, body, fault)
    ):
        raise Refusal(401)
    event: dict[str, Any] = json.loads(body)
    return event


def _slips(secret: str, headers: Mapping[str, str], body: bytes, fault: str) -> bool:
    """Let something pass that a right verification would not."""
    signature, age = headers.get(SIGNATURE, ""), age_of(headers)
    is_signed = signature_of(secret, headers, body) in signature.split(" ")
    match fault:
        case "takes-unsigned" | "unseeded-and-unsigned":
            return not signature
        case "takes-any-signature":
            return bool(signature) and abs(age) < TOLERANCE
        case "ignores-age":
            return is_signed and age > TOLERANCE
        case "ignores-future":
            return is_signed and age < -TOLERANCE
        case _:
            return False


def _holds(secret: str, headers: Mapping[str, str], body: bytes, fault: str) -> bool:
    given = dict(headers)
    signature = given.get(SIGNATURE, "")
    match fault:
        case "any-version":
            given[SIGNATURE] = signature.replace("v9,", "v1,")
        case "first-signature-only":
            given[SIGNATURE] = signature.split(" ")[0]
        case "impatient" if abs(age_of(headers)) > TOLERANCE / 5:
            return False
        case "signs-parsed":
            written = json.dumps(json.loads(body), separators=(",", ":"))
            body = written.encode()
        case _:
            pass
    try:
        Webhook(secret).verify(body, given)
    except (WebhookVerificationError, ValueError):
        return False
    return True


def age_of(headers: Mapping[str, str]) -> float:
    timestamp = headers.get("webhook-timestamp", "")
    signed = int(timestamp) if timestamp.isdigit() else 0
    return datetime.now(UTC).timestamp() - signed


def signature_of(secret: str, headers: Mapping[str, str], body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    named = f"{headers.get('webhook-id')}.{headers.get('webhook-timestamp')}."
    digest = hmac.digest(key, named.encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"
