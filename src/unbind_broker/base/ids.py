"""The one maker of ids and random tokens."""

import re
import secrets
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from threading import Lock
from typing import NewType
from uuid import UUID

OrderId = NewType("OrderId", UUID)
AttemptId = NewType("AttemptId", UUID)
EventId = NewType("EventId", UUID)
WorkerId = NewType("WorkerId", UUID)
CarrierId = NewType("CarrierId", int)
PlatformId = NewType("PlatformId", int)
EndpointId = NewType("EndpointId", int)
KeyId = NewType("KeyId", int)


class Prefix(StrEnum):
    """Say in front of a public id what it names."""

    QUERY = "qry"
    ORDER = "ord"  # unbind and restore orders
    CLEARANCE = "clr"
    ATTEMPT = "att"
    EVENT = "evt"


FIRST_INSTANT = datetime(1970, 1, 1, tzinfo=UTC)
"""Before it no id can be made."""

_MILLISECOND = timedelta(milliseconds=1)
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32
_ID_LENGTH = 26
_ENCODED = re.compile(f"[{_ALPHABET}]{{{_ID_LENGTH}}}")
_WRITTEN = re.compile(rf"\b(?:{'|'.join(Prefix)})_{_ENCODED.pattern}\b")
_AS_INT_READS = str.maketrans(_ALPHABET, "0123456789abcdefghijklmnopqrstuv")
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_VERSION_AND_VARIANT = (0x7 << 76) | (0b10 << 62)
# How far the sequence may run ahead of the time that it is given.
_HOLD_MILLISECONDS = 1000


def new_uuid7(now: datetime) -> UUID:
    """Make a UUIDv7 (RFC 9562 §5.7) that sorts behind those made before it.

    The twelve bits after the millisecond hold its fraction and then count on
    (§6.2, methods 3 and 1), over threads of this process. A clock that steps
    back by more than a second starts a new sequence, so that the id tells `now`.
    """
    tick = _sequence.next(_ticks(now))
    return _uuid7(tick >> 12, tick & 0xFFF, secrets.randbits(62))


def without_ids(text: str) -> str:
    """Leave out public ids: by chance, one in a million looks like a phone number."""
    return _WRITTEN.sub("", text)


def uuid7_floor(at: datetime) -> UUID:
    """Give the smallest UUIDv7 of the millisecond: a bound for time ranges."""
    return _uuid7(_milliseconds(at), 0, 0)


def uuid7_time(value: UUID) -> datetime:
    """Read the millisecond at which a UUIDv7 was made."""
    return FIRST_INSTANT + (value.int >> 80) * _MILLISECOND


def format_id(prefix: Prefix, value: UUID) -> str:
    """Write a public id: prefix, `_`, 26 characters that sort like the UUID."""
    number = value.int
    pairs = [
        _PAIRS[(number >> shift) & 1023]
        for shift in range(5 * (_ID_LENGTH - 2), -1, -10)
    ]
    return f"{prefix.value}_{''.join(pairs)}"


def parse_id(text: str, *allowed: Prefix) -> UUID | None:
    """Read a public id in either case; None if it is none of the allowed kinds."""
    if not text.isascii():
        return None
    prefix, _, encoded = text.lower().partition("_")
    if prefix not in allowed or not _ENCODED.fullmatch(encoded):
        return None
    number = int(encoded.translate(_AS_INT_READS), 32)
    return UUID(int=number) if number < 1 << 128 else None


def new_token(n_bytes: int) -> str:
    """Make a URL-safe random text that carries so many random bytes."""
    return secrets.token_urlsafe(n_bytes)


def new_random_bytes(n_bytes: int) -> bytes:
    """Make random bytes for a key or a webhook secret."""
    return secrets.token_bytes(n_bytes)


def new_fraction() -> float:
    """Draw from [0, 1), to spread what must not happen in step."""
    return secrets.randbits(53) / (1 << 53)


class _Sequence:
    """Hand out ticks of 1/4096 ms, each later than the one before."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._last = 0

    def next(self, tick: int) -> int:
        with self._lock:
            if self._last - (_HOLD_MILLISECONDS << 12) < tick <= self._last:
                tick = self._last + 1
            self._last = tick
            return tick


_sequence = _Sequence()


def _ticks(at: datetime) -> int:
    microsecond = at.microsecond % 1000
    return (_milliseconds(at) << 12) | (microsecond * 4096 // 1000)


def _milliseconds(at: datetime) -> int:
    if at.tzinfo is None:
        raise ValueError("expected an aware instant, found a naive one")
    milliseconds = (at - FIRST_INSTANT) // _MILLISECOND
    if milliseconds < 0:
        raise ValueError("expected an instant in or after 1970")
    return milliseconds


def _uuid7(milliseconds: int, fraction: int, noise: int) -> UUID:
    return UUID(int=milliseconds << 80 | fraction << 64 | noise | _VERSION_AND_VARIANT)
