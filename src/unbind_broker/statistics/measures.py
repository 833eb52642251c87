"""What is counted of platforms, and how long they take: codes, quantiles. Pure.

Every sum is kept under a code: a single measure, or one of a family, in which a status,
a reason, an outcome or a class of time stands behind the family's code.

Times are counted in classes whose bounds never change, because sums outlive releases:
the first ends at 0.1 s, each bound is the square root of 2 times the one before, and
what takes longer than the last (55 days) is in a class of its own. A quantile is
interpolated inside its class. So it may be wrong by a factor of 1.41 at the worst, and
where answers are spread over several classes it hardly differs.
"""

from collections.abc import Mapping
from enum import IntEnum
from math import sqrt

NO_KIND = 0
"""Stands for the kind of an order where a sum is about none."""
ALL_TOGETHER = 0
"""Stands for the platform where a sum is about none; no platform has this id."""


class Measure(IntEnum):
    """What one item, or one event about a platform, adds one to. Codes stay."""

    ASKED = 1
    ACKNOWLEDGED = 2
    IN_TIME = 3
    NOT_IN_TIME = 4  # whether it was answered later, or never
    LATE = 5
    AMENDED = 6
    CONFLICT = 7
    DISPUTE = 8
    VIOLATION = 9
    UNDONE = 10
    # Of no platform: they stand under ``ALL_TOGETHER``, on the days of their events.
    ORDERS = 11  # that carriers asked for
    ITEMS = 12  # of those orders
    BRAKED = 13  # orders that a brake held


class Family(IntEnum):
    """Where the codes of a family begin; each has room for a hundred."""

    OUTCOME = 100  # by status
    REFUSAL = 200  # by reason
    ATTEMPT = 300  # by outcome of the request
    ACKNOWLEDGEMENT = 400  # by class of time
    RESULT = 500  # by class of time


_ROOM = 100
_CLASSES = 52
BOUNDS = tuple(round(0.1 * sqrt(2) ** place, 3) for place in range(_CLASSES))
"""Upper bounds of the classes, in seconds; a bound belongs to the class above it."""


def members_of(family: Family, sums: Mapping[int, int]) -> dict[int, int]:
    """Take a family's sums out of all, by what stands behind its code."""
    return {
        code - family: count
        for code, count in sums.items()
        if family <= code < family + _ROOM
    }


def quantile(classes: Mapping[int, int], share: float) -> float | None:
    """Give the time in seconds that ``share`` of what was counted did not exceed.

    Interpolated by the ratio of the bounds; the last class counts as its lower bound.
    """
    total = sum(classes.values())
    if not total:
        return None
    wanted, below = share * total, 0
    for place in sorted(classes):
        count = classes[place]
        if count and below + count >= wanted:
            return round(_inside(place, (wanted - below) / count), 3)
        below += count
    return BOUNDS[-1]


def _inside(place: int, part: float) -> float:
    if place == 0:
        return BOUNDS[0] * part
    low = BOUNDS[min(place, _CLASSES) - 1]
    if place >= _CLASSES:
        return low
    return float(low * (BOUNDS[place] / low) ** part)
