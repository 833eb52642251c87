"""Lists in pages: an opaque cursor holds the key of the last row shown.

Rows that arrive meanwhile make none repeat and none vanish, because a page begins
behind a key, not at a count.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import Field

from unbind_broker.api.fields import AnswerModel
from unbind_broker.base.errors import InvalidFields
from unbind_broker.base.names import slug_fault

Shown = TypeVar("Shown")
Key = TypeVar("Key")

_LARGEST_NUMBER = 2**31 - 1

Limit = Annotated[
    int, Query(ge=1, le=200, description="How many rows a page holds at most.")
]
Cursor = Annotated[
    str | None,
    Query(max_length=200, description="`next_cursor` of the page before this one."),
]
DEFAULT_LIMIT = 50


class Page(AnswerModel, Generic[Shown]):
    """One page of a list; ``next_cursor`` is null on the last one."""

    data: list[Shown]
    next_cursor: str | None = Field(examples=["Y2hpbmEtbW9iaWxl", None])


def write_cursor(key: object) -> str:
    """Wrap the key of the last row shown."""
    return urlsafe_b64encode(str(key).encode()).decode().rstrip("=")


def read_cursor(
    cursor: str | None, parse: Callable[[str], Key], pointer: str = "/query/cursor"
) -> Key | None:
    """Unwrap a key; None on the first page.

    ``parse`` raises ``ValueError`` for what is no key of this list. Raises
    ``InvalidFields``.
    """
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        text = urlsafe_b64decode(padded.encode("ascii")).decode()
        if write_cursor(text) == cursor:
            return parse(text)
    except (ValueError, binascii.Error):
        pass
    raise InvalidFields.at(pointer, "expected the next_cursor of the page before")


def slug_key(text: str) -> str:
    """Read the key of a list in the order of slugs."""
    if slug_fault(text):
        raise ValueError(text)
    return text


def number_key(text: str) -> int:
    """Read the key of a list in the order of small numbers."""
    number = int(text) if text.isascii() else -1
    if not 0 <= number <= _LARGEST_NUMBER:
        raise ValueError(text)
    return number


def cut_page(
    rows: Sequence[Shown], limit: int, key: Callable[[Shown], object]
) -> tuple[list[Shown], str | None]:
    """Cut ``limit + 1`` rows to a page and the cursor of the next one, if any."""
    shown = list(rows[:limit])
    more = len(rows) > limit
    return shown, write_cursor(key(shown[-1])) if more else None
