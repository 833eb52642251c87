"""Keep requests apart, so that an endpoint's rate is never exceeded."""

from collections import deque

# Timers fire late by a millisecond or so; that much is made up for, no more.
_CATCH_UP = 0.01


class Pace:
    """Space requests evenly: a burst after a pause would exceed the rate.

    A request is taken up first and begins a little later. Of those that have begun, no
    second holds more than the rate says, and below two a second they are a whole
    interval apart. Times are seconds of the monotonic clock.
    """

    def __init__(self, now: float) -> None:
        self._next = now
        self._interval = 0.0
        self._catch_up = 0.0
        self._begun: deque[float] = deque([now], maxlen=1)

    def change(self, per_second: float | None, now: float) -> None:
        """Take another rate; None is without limit.

        The first request waits its turn: somebody else may just have sent one. A new
        owner does not know when the last one did, and what it sent as it died is
        written down nowhere.
        """
        interval = 0.0 if per_second is None else 1 / per_second
        if interval != self._interval:
            whole = max(1, int(per_second or 1))
            self._interval = interval
            self._catch_up = _CATCH_UP if whole > 1 else 0.0
            self._next = now + interval
            self._begun = deque([now], maxlen=whole)

    def wait(self, now: float) -> float:
        """Return the seconds until the next request may be taken up."""
        return max(0.0, self._next - now) if self._interval else 0.0

    def spend(self, now: float) -> None:
        """Note that a request is taken up."""
        self._next = max(self._next, now - self._catch_up) + self._interval

    def begin(self, now: float, patience: float) -> float | None:
        """Return the seconds until a request that was taken up may begin, and count it.

        There are some only where earlier ones were delayed, or were made up for. None
        is more than ``patience``: it is not counted, and must be taken up once more.
        """
        if not self._interval:
            return 0.0
        at = max(now, self._begun[-1] + self._interval - self._catch_up)
        if len(self._begun) == self._begun.maxlen:
            at = max(at, self._begun[0] + len(self._begun) * self._interval)
        if at - now > patience:
            self._next = max(self._next, at)
            return None
        self._begun.append(at)
        return at - now
