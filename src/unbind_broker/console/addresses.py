"""Addresses of pages."""

from collections.abc import Mapping
from urllib.parse import urlencode


def address(home: str, query: Mapping[str, str], part: str | None = None) -> str:
    """Write where a page is; what is empty is left out of its query.

    ``part`` is the id of what to look at there.
    """
    asked = urlencode({name: text for name, text in query.items() if text})
    return home + (f"?{asked}" if asked else "") + (f"#{part}" if part else "")
