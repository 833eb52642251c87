"""How many requests may be under way to an endpoint that has to be spared. Pure."""

from datetime import datetime

_SLOWEST = 1.0


class SendWindow:
    """Follow what answers show: all at once, until the endpoint asks to be spared.

    As TCP does (RFC 5681 §3.1): half as many after a sign of congestion, then slowly
    more; from one, doubling with every round of answers, after an outage. ``most`` is
    what the endpoint's owner allows.
    """

    def __init__(self) -> None:
        self._size: float | None = None  # None: no smaller than what the owner allows
        self._threshold: float | None = None  # up to here it doubles
        self._cut_at: datetime | None = None

    def begin_slowly(self) -> None:
        """Go on after an outage."""
        self._size, self._threshold = _SLOWEST, None

    def allows(self, most: int) -> int:
        """Give how many requests may be under way."""
        return most if self._size is None else min(most, int(self._size))

    def grow(self, most: int) -> None:
        """Note that a request was taken."""
        if self._size is None:
            return
        doubling = self._threshold is None or self._size < self._threshold
        self._size += 1 if doubling else 1 / self._size
        if self._size >= most:
            self._size = self._threshold = None

    def shrink(self, most: int, started_at: datetime, now: datetime) -> None:
        """Note that a request was turned away, for there were too many.

        Those that were under way together count once.
        """
        if self._cut_at is not None and started_at <= self._cut_at:
            return
        size = most if self._size is None else min(self._size, most)
        self._size = self._threshold = max(_SLOWEST, size / 2)
        self._cut_at = now
