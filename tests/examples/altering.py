"""Alter a real delivery in every way that a receiver must notice."""

from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from standardwebhooks import Webhook

from tests.examples.official import Message
from unbind_broker.base.signing import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER

BODY_PLACES = 16
"""So many bytes of a body are changed, spread evenly, each in turn."""
TOO_FAR = timedelta(minutes=5, seconds=30)
_VERSION = "v1,"


@dataclass(frozen=True)
class Altered:
    """What was done to a message, and what became of it."""

    how: str
    message: Message


def alterations(
    message: Message, other: Message, foreign: str, now: datetime
) -> Iterator[Altered]:
    """Give every alteration; ``other`` went to the same endpoint, under its secret.

    ``foreign`` is the secret of somebody else.
    """
    yield Altered("another secret", replace(message, secret=foreign))
    yield from _bodies(message)
    for name in (ID_HEADER, TIMESTAMP_HEADER):
        yield from _values(message, name)
    yield from _signatures(message)
    for name in (ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER):
        left = {key: value for key, value in message.headers.items() if key != name}
        yield Altered(f"no {name}", replace(message, headers=left))
    yield from _times(message, now)
    yield from _swaps(message, other)


def _bodies(message: Message) -> Iterator[Altered]:
    body = message.body
    last = len(body) - 1
    places = {last * step // (BODY_PLACES - 1) for step in range(BODY_PLACES)}
    for place in sorted(places):
        changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        yield Altered(f"body, byte {place}", replace(message, body=changed))
    yield Altered("body cut", replace(message, body=body[:-1]))
    yield Altered("body longer", replace(message, body=body + b" "))
    yield Altered("no body", replace(message, body=b""))


def _values(message: Message, name: str) -> Iterator[Altered]:
    value = message.headers[name]
    for place, sign in enumerate(value):
        changed = f"{value[:place]}{chr(ord(sign) ^ 1)}{value[place + 1 :]}"
        yield Altered(f"{name}, place {place}", message.having(name, changed))


def _signatures(message: Message) -> Iterator[Altered]:
    """Change every signature alike: another one alone may still be right."""
    digests = [
        b64decode(one.removeprefix(_VERSION))
        for one in message.headers[SIGNATURE_HEADER].split()
    ]
    written = {
        f"byte {place}": [_VERSION + _flipped(one, place) for one in digests]
        for place in range(min(map(len, digests)))
    }
    for version in ("v2", "v1a", ""):
        written[f"as {version}"] = [f"{version},{_text(one)}" for one in digests]
    written["cut"] = [_VERSION + _text(one[:16]) for one in digests]
    written["empty"] = [_VERSION for _ in digests]
    for how, signatures in written.items():
        changed = message.having(SIGNATURE_HEADER, " ".join(signatures))
        yield Altered(f"signature, {how}", changed)


def _flipped(digest: bytes, place: int) -> str:
    return _text(digest[:place] + bytes([digest[place] ^ 1]) + digest[place + 1 :])


def _text(digest: bytes) -> str:
    return b64encode(digest).decode()


def _times(message: Message, now: datetime) -> Iterator[Altered]:
    """Sign it rightly, but at a time at which it cannot have been sent."""
    for how, at in (("old", now - TOO_FAR), ("new", now + TOO_FAR)):
        signature = Webhook(message.secret).sign(
            message.headers[ID_HEADER], at, message.body.decode()
        )
        signed = message.having(SIGNATURE_HEADER, signature)
        moved = signed.having(TIMESTAMP_HEADER, str(int(at.timestamp())))
        yield Altered(f"too {how}", moved)


def _swaps(message: Message, other: Message) -> Iterator[Altered]:
    yield Altered("the other's body", replace(message, body=other.body))
    for name in (ID_HEADER, SIGNATURE_HEADER):
        swapped = message.having(name, other.headers[name])
        yield Altered(f"the other's {name}", swapped)
