"""Keep requests apart, so that an endpoint's rate is never exceeded."""

# Timers fire late by a millisecond or so; that much is made up for, no more.
_CATCH_UP = 0.01


class Pace:
    """Space requests evenly: a burst after a pause would exceed the rate.

    Times are seconds of the monotonic clock.
    """

    def __init__(self, now: float) -> None:
        self._next = now
        self._interval = 0.0

    def change(self, per_second: float | None, now: float) -> None:
        """Take another rate; None is without limit.

        The first request waits its turn: somebody else may just have sent one.
        """
        interval = 0.0 if per_second is None else 1 / per_second
        if interval != self._interval:
            self._interval = interval
            self._next = now + interval

    def wait(self, now: float) -> float:
        """Return the seconds until the next request may start."""
        return max(0.0, self._next - now) if self._interval else 0.0

    def spend(self, now: float) -> None:
        """Note that a request starts."""
        self._next = max(self._next, now - _CATCH_UP) + self._interval
