"""What somebody was told of an order, written down for them to come back with.

It stands by itself, so that whatever process they come back to knows what is missing.
"""

import binascii
import hashlib
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

from unbind_broker.items.course import Course
from unbind_broker.items.timeline import FIRST_ITEM

_VERSION = b"1"
_CHECK = 6
LONGEST_PLACE = 8192
"""Characters: an order of 2,000 items has room in it."""


def write_place(course: Course, told: Sequence[int]) -> str:
    """Write marks down, bound to this order and the platforms that it shows."""
    marks = bytearray(struct.pack(f">{len(told)}I", *told))
    del marks[::4]  # the highest byte of each
    return urlsafe_b64encode(_check_of(course) + marks).decode().rstrip("=")


def read_place(course: Course, written: str) -> list[int] | None:
    """Read marks of this order; None if they are none, or another order's."""
    if len(written) > LONGEST_PLACE or not written.isascii():
        return None
    try:
        raw = urlsafe_b64decode(written + "=" * (-len(written) % 4))
    except (binascii.Error, ValueError):
        return None
    slots = FIRST_ITEM + len(course.marks)
    if len(raw) != _CHECK + 3 * slots or raw[:_CHECK] != _check_of(course):
        return None
    return [
        int.from_bytes(raw[at : at + 3], "big") for at in range(_CHECK, len(raw), 3)
    ]


def _check_of(course: Course) -> bytes:
    shown = "\n".join(course.marks)
    named = _VERSION + course.order_id.bytes + shown.encode()
    return hashlib.sha256(named).digest()[:_CHECK]
