"""The official JavaScript library accepts what the broker signs, and nothing else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.examples.official import ACCEPTED, Message, javascript_says
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

SECRET, OTHER = Secret(bytes(range(32))), Secret(bytes(range(1, 33)))
TOO_OLD = timedelta(minutes=6)


def test_every_event_is_accepted_with_one_signature_and_with_two(express: Path) -> None:
    bodies = [_body(event) for event in EventType] + ['{"字": "二次号码"}'.encode()]
    one = [_signed(body) for body in bodies]
    two = [_signed(body, OTHER, SECRET) for body in bodies]
    before = [_signed(body, SECRET, OTHER) for body in bodies]
    said = javascript_says(express, [*one, *two, *before])
    assert said == [ACCEPTED] * len(said)


def test_every_altered_one_is_rejected(express: Path) -> None:
    message = _signed(_body(EventType.UNBIND_REQUESTED))
    altered = [*_other_bodies(message), *_other_headers(message)]
    said = javascript_says(express, [message, *altered])
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
        replace(message, secret=OTHER.text),
        message.having("webhook-id", "msg_other"),
        message.having(TIMESTAMP_HEADER, later),
        message.having(TIMESTAMP_HEADER, "yesterday"),
        _signed(message.body, at=old),
        *(message.having(SIGNATURE_HEADER, one) for one in signatures),
    ]


def _signed(body: bytes, *secrets: Secret, at: datetime | None = None) -> Message:
    now = at or SystemClock().now()
    signature = sign_v1(secrets or (SECRET,), "msg_one", now, body)
    headers = signature_headers("msg_one", now, signature)
    return Message(headers, body, SECRET.text)


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
