"""Refuse secrets as arguments: every user of the machine reads those in its processes.

No command asks for one. Secrets come from files, from the environment, or are made.
"""

import re
from collections.abc import Iterable

WHY_NOT = (
    "an argument holds a key, a webhook secret or a password, and other users of this "
    "machine can read arguments: give it in a file or in the environment, as --help "
    "tells, and take this one for known"
)
_SECRET = re.compile(
    r"\bub_(?:carrier|platform|admin|auditor)_[A-Za-z0-9_-]{20}"
    r"|\bwh(?:sec|sk)_[A-Za-z0-9+/=_-]{16}"
    r"|\b\w+(?:\+\w+)?://[^/\s:@]*:[^/\s@]+@",
    re.ASCII,
)


def hold_secret(arguments: Iterable[str]) -> bool:
    """Tell whether one of them is, or holds, what nobody else may read."""
    return any(_SECRET.search(one) for one in arguments)
