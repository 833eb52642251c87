"""Durations and rates as people write them in settings: ``10m``, ``100/s``."""

import re
from datetime import timedelta

_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?", re.ASCII)
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*(s|m|h)", re.ASCII)


def parse_duration(text: str) -> timedelta:
    """Read ``90d``, ``24h``, ``10m``, ``20s``, ``500ms``; a bare number is seconds."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"expected a duration such as 10m, 24h or 90d, found {text!r}")
    return float(match[1]) * _UNITS[match[2] or "s"]


def parse_rate(text: str) -> float:
    """Read ``100/s`` or ``6000/m``; the answer is per second."""
    match = _RATE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"expected a rate such as 100/s, found {text!r}")
    return float(match[1]) / _UNITS[match[2]].total_seconds()
