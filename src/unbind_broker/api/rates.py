"""A token bucket per caller."""

import math
from time import monotonic

from unbind_broker.base.errors import BrokerError


class RateLimited(BrokerError):
    """A caller sends more than its rate."""

    code = "rate-limited"
    title = "Too many requests"

    def __init__(self, detail: str, wait: float) -> None:
        super().__init__(detail)
        self.headers = {"Retry-After": str(max(1, math.ceil(wait)))}


class Rates:
    """Buckets of ``burst`` tokens, refilled with ``rate`` tokens a second."""

    def __init__(self, rate: float, burst: int) -> None:
        self.rate = rate
        self.burst = burst
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, caller: str) -> None:
        """Spend one token of ``caller``; raises ``RateLimited`` when there is none."""
        now = monotonic()
        left, since = self._buckets.get(caller, (float(self.burst), now))
        left = min(float(self.burst), left + (now - since) * self.rate)
        if left < 1:
            self._buckets[caller] = (left, now)
            raise RateLimited(
                f"more than {self.rate:g} requests a second after a burst of "
                f"{self.burst}",
                (1 - left) / self.rate,
            )
        self._buckets[caller] = (left - 1, now)
