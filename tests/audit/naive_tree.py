"""RFC 6962 §2.1, transcribed: slow, recursive, obviously right."""

import hashlib
from collections.abc import Sequence


def split(size: int) -> int:
    """The largest power of two below ``size``."""
    power = 1
    while power * 2 < size:
        power *= 2
    return power


def root(contents: Sequence[bytes]) -> bytes:
    if not contents:
        return hashlib.sha256(b"").digest()
    if len(contents) == 1:
        return hashlib.sha256(b"\x00" + contents[0]).digest()
    k = split(len(contents))
    both = b"\x01" + root(contents[:k]) + root(contents[k:])
    return hashlib.sha256(both).digest()


def path(index: int, contents: Sequence[bytes]) -> list[bytes]:
    if len(contents) == 1:
        return []
    k = split(len(contents))
    if index < k:
        return [*path(index, contents[:k]), root(contents[k:])]
    return [*path(index - k, contents[k:]), root(contents[:k])]
