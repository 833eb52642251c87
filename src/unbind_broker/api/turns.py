"""Tell refused callers when to come back, each at a time of its own."""

import math
from collections.abc import Callable

LONGEST = 30.0
"""Seconds; who would have to wait longer is spread over the second half of them."""


class Turns:
    """Hand out turns at a given rate, so that nobody comes back in step.

    A turn is no promise: it says when there would be room if everybody kept to it.
    """

    def __init__(self, dice: Callable[[], float]) -> None:
        """``dice`` gives numbers in [0, 1)."""
        self._dice = dice
        self._last = 0.0

    def next(self, now: float, rate: float) -> int:
        """Return the whole seconds until the next free turn of ``rate`` a second."""
        self._last = max(self._last, now) + 1 / rate
        wait = self._last - now
        if wait > LONGEST:
            self._last = now + LONGEST
            wait = LONGEST * (0.5 + self._dice() / 2)
        return max(1, math.ceil(round(wait, 3)))
