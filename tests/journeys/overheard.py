"""Keep everything that anybody could have read, and look for what must not be in it."""

import re
import unicodedata
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Iterator
from urllib.parse import unquote
from uuid import UUID

_BETWEEN = r"[\W_]{0,2}"
_DIGITS = ("1", "3", "8", "0", "0", "0", "0", r"\d", r"\d", r"\d", r"\d")
NUMBER = _BETWEEN.join(_DIGITS)
"""Any of the made-up numbers, from +86 138 0000 0000 on, with what stands between."""
SECRET = (
    r"ub_(?:carrier|platform|admin|auditor)_[A-Za-z0-9_-]{16,}"
    r"|whsec_[A-Za-z0-9+/=]{16,}"
)
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{15,}")
_HEX = re.compile(r"(?:[0-9a-f]{2}){11,}")
_DEEPEST = 2
"""Encodings within each other: a page of evidence holds bodies, which may hold more."""
_CONTEXT = 60
_NOBODY = str(UUID(int=0))
"""Behind a count that ends in 138 its zeros read like a number."""


class Overheard:
    """Texts by the place where they were read, and secrets that are told nowhere."""

    def __init__(self) -> None:
        self._said: list[tuple[str, str]] = []
        self._keys: set[str] = set()

    def hear(self, place: str, text: str, told_here: Collection[str] = ()) -> None:
        """Keep a text, without what may be told in this place, and there once."""
        for told in told_here:
            assert told in text, f"{place} does not tell what it should"
            text = text.replace(told, "…", 1)
        self._said.append((place, text))

    def guard(self, raw: bytes) -> None:
        """Look for these bytes too, in base64 and hex."""
        written = (b64encode(raw).decode(), urlsafe_b64encode(raw).decode())
        self._keys |= {raw.hex(), *(one.rstrip("=") for one in written)}

    def leaks(self) -> list[str]:
        """Give every number and every secret that was told, and the place."""
        wanted = "|".join((NUMBER, SECRET, *map(re.escape, sorted(self._keys))))
        return [
            f"{place}: {found}"
            for place, text in self._said
            for found in look_for(wanted, text)
        ]


def look_for(pattern: str, text: str) -> list[str]:
    """Find a pattern in a text, with what stands around it, also if it is encoded."""
    wanted = re.compile(pattern)
    return [
        view[max(0, found.start() - _CONTEXT) : found.end() + _CONTEXT]
        for view in _views(text.replace(_NOBODY, "nobody"), _DEEPEST)
        for found in wanted.finditer(view)
    ]


def _views(text: str, deep: int) -> Iterator[str]:
    """Give a text as it stands, and as whatever else it may be read as."""
    yield unicodedata.normalize("NFKC", text)
    for read in (unquote(text), _ESCAPED.sub(lambda m: chr(int(m[1], 16)), text)):
        if read != text:
            yield unicodedata.normalize("NFKC", read)
    if deep:
        for inner in _decoded(text):
            yield from _views(inner, deep - 1)


def _decoded(text: str) -> Iterator[str]:
    for token in _HEX.findall(text):
        yield bytes.fromhex(token).decode("utf-8", "replace")
    for token in _BASE64.findall(text):
        plain = token.translate(str.maketrans("+/", "-_"))
        for offset in range(4):  # something else may stand before it
            part = plain[offset:]
            whole = part[: len(part) - (len(part) % 4 == 1)]
            padded = whole + "=" * (-len(whole) % 4)
            yield urlsafe_b64decode(padded).decode("utf-8", "replace")
