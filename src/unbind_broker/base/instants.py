"""Instants as RFC 3339 writes them, in UTC and whole seconds."""

import re
from datetime import UTC, datetime
from functools import lru_cache

_WRITTEN = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})",
    re.ASCII,
)

_LONGEST = 64


def show_instant(at: datetime) -> str:
    """Write ``2026-11-21T08:00:00Z``; the fraction of the second is cut off."""
    if at.tzinfo is None:
        raise ValueError("expected an aware instant, found a naive one")
    return f"{at.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat()}Z"


def show_instant_or_null(at: datetime | None) -> str | None:
    """Write an instant that may be missing."""
    return None if at is None else show_instant(at)


def parse_instant(text: str) -> datetime | None:
    """Read an instant with its offset, in UTC; None if it is none (RFC 3339 §5.6).

    Nor is one that is longer than 64 characters.
    """
    if len(text) > _LONGEST or not _WRITTEN.fullmatch(text):
        return None
    return _read(text)


@lru_cache(maxsize=1024)  # a report says the same of many items
def _read(text: str) -> datetime | None:
    """Read what looks like an instant: nothing else that strangers write is kept."""
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
