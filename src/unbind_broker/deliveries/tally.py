"""How many of an endpoint's newest results were failures. Pure."""

from collections import deque
from datetime import datetime, timedelta

LOOKING_BACK = timedelta(minutes=1)
LEAST_RESULTS = 10
_SLICE = timedelta(seconds=1)


class Tally:
    """Count the results of the last minute, to the second."""

    def __init__(self) -> None:
        self._slices: deque[tuple[datetime, list[int]]] = deque()  # [all, failed]
        self._all = self._failed = 0

    def add(self, now: datetime, *, failed: bool) -> None:
        """Count a result."""
        if not self._slices or now - self._slices[-1][0] >= _SLICE:
            self._slices.append((now, [0, 0]))
        counts = self._slices[-1][1]
        counts[0] += 1
        counts[1] += failed
        self._all += 1
        self._failed += failed
        while self._slices[0][0] < now - LOOKING_BACK:
            _, old = self._slices.popleft()
            self._all -= old[0]
            self._failed -= old[1]

    def clear(self) -> None:
        """Forget what came before an outage."""
        self._slices.clear()
        self._all = self._failed = 0

    @property
    def failed_share(self) -> float:
        """Give the part that failed; fewer than ten results say nothing."""
        return self._failed / self._all if self._all >= LEAST_RESULTS else 0.0
