"""The official JavaScript library accepts what the broker signs, and nothing else."""

import json
import subprocess
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from unbind_broker.base.clock import SystemClock
from unbind_broker.base.ids import OrderId, new_uuid7
from unbind_broker.base.magic_numbers import BEFORE, CUTOFF, OWNER_SINCE
from unbind_broker.base.signing import (
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    sign_v1,
    signature_headers,
)
from unbind_broker.base.signing_keys import Secret
from unbind_broker.endpoints.events import EventType
from unbind_broker.orders.states import Action, OrderKind, Scope
from unbind_broker.sending.payloads import OutgoingItem, payload

SCRIPT = Path(__file__).with_name("verify.mjs")
SECRET, OTHER = Secret(bytes(range(32))), Secret(bytes(range(1, 33)))
TOO_OLD = timedelta(minutes=6)
ACCEPTED = "accepted"


@dataclass(frozen=True)
class Message:
    headers: Mapping[str, str]
    body: bytes
    secret: Secret = SECRET

    def having(self, name: str, value: str) -> "Message":
        return replace(self, headers={**self.headers, name: value})


def test_every_event_is_accepted_with_one_signature_and_with_two(express: Path) -> None:
    bodies = [_body(event) for event in EventType] + ['{"字": "二次号码"}'.encode()]
    one = [_signed(body) for body in bodies]
    two = [_signed(body, OTHER, SECRET) for body in bodies]
    before = [_signed(body, SECRET, OTHER) for body in bodies]
    said = _verdicts(express, [*one, *two, *before])
    assert said == [ACCEPTED] * len(said)


def test_every_altered_one_is_rejected(express: Path) -> None:
    message = _signed(_body(EventType.UNBIND_REQUESTED))
    altered = [*_other_bodies(message), *_other_headers(message)]
    said = _verdicts(express, [message, *altered])
    assert said[0] == ACCEPTED
    assert [one for one in said[1:] if one == ACCEPTED] == []
    assert len(altered) > len(message.body)


def _other_bodies(message: Message) -> list[Message]:
    """Change each byte in turn, and the length."""
    body = message.body
    changed = [
        body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        for place in range(len(body))
    ]
    return [replace(message, body=one) for one in [*changed, body[:-1], body + b" "]]


def _other_headers(message: Message) -> list[Message]:
    signature = message.headers[SIGNATURE_HEADER]
    digits = signature.removeprefix("v1,")
    old = SystemClock().now() - TOO_OLD
    later = str(int(message.headers[TIMESTAMP_HEADER]) + 1)
    flipped = [
        f"v1,{digits[:place]}{'B' if digit == 'A' else 'A'}{digits[place + 1 :]}"
        for place, digit in enumerate(digits)
    ]
    signatures = ["", "nonsense", "v1,", f"v9,{digits}", f"v1a,{digits}", *flipped]
    return [
        replace(message, secret=OTHER),
        message.having("webhook-id", "msg_other"),
        message.having(TIMESTAMP_HEADER, later),
        message.having(TIMESTAMP_HEADER, "yesterday"),
        _signed(message.body, at=old),
        *(message.having(SIGNATURE_HEADER, one) for one in signatures),
    ]


def _signed(body: bytes, *secrets: Secret, at: datetime | None = None) -> Message:
    now = at or SystemClock().now()
    signature = sign_v1(secrets or (SECRET,), "msg_one", now, body)
    return Message(signature_headers("msg_one", now, signature), body)


def _body(event: EventType) -> bytes:
    now = datetime(2026, 11, 22, 8, tzinfo=UTC)
    item = OutgoingItem(
        order_id=OrderId(new_uuid7(now)),
        kind=OrderKind.UNBIND,
        number=BEFORE.number(0),
        scope=Scope.PREVIOUS_OWNER,
        action=Action.DETACH,
        owner_since=OWNER_SINCE,
        bound_from=None,
        bound_before=CUTOFF,
        carrier="china-mobile",
        created_at=now,
        deadline=now + timedelta(days=7),
    )
    return payload(event, now, [item])


def _verdicts(express: Path, messages: list[Message]) -> list[str]:
    written = [
        {
            "secret": one.secret.text,
            "headers": one.headers,
            "body": b64encode(one.body).decode(),
        }
        for one in messages
    ]
    done = subprocess.run(
        ("node", str(SCRIPT)),
        cwd=express,
        input=json.dumps(written),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said: Any = json.loads(done.stdout)
    return [str(one) for one in said]
