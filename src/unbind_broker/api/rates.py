"""A token bucket per caller, and what is left in it as response fields."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from unbind_broker.api.turns import Turns
from unbind_broker.base.errors import BrokerError
from unbind_broker.carriers.tables import SANDBOX_SUFFIX

REHEARSING = 0.2
"""Which part of its carrier's rate and burst a sandbox key has."""

_NAME = "calls"


class RateLimited(BrokerError):
    """A caller sends more than its rate."""

    code = "rate-limited"
    title = "Too many requests"

    def __init__(self, detail: str, wait: float, quota: "Quota | None" = None) -> None:
        """``wait`` is in seconds."""
        super().__init__(detail)
        self.quota = quota
        self.headers = {"Retry-After": str(max(1, math.ceil(wait)))}


@dataclass(frozen=True, slots=True)
class Quota:
    """What a caller may still send: fields of draft-ietf-httpapi-ratelimit-headers-10.

    ``reset`` is seconds until there is more.
    """

    policy: str
    remaining: int
    reset: int

    @property
    def fields(self) -> tuple[tuple[bytes, bytes], ...]:
        """Write the response fields."""
        left = f'"{_NAME}";r={self.remaining};t={self.reset}'
        return (
            (b"ratelimit-policy", self.policy.encode()),
            (b"ratelimit", left.encode()),
        )


@dataclass(frozen=True, slots=True)
class Pace:
    """``rate`` calls a second after a burst of ``burst``."""

    rate: float
    burst: int

    @property
    def policy(self) -> str:
        """Write the field of the policy."""
        window = max(1, math.ceil(self.burst / self.rate))
        return f'"{_NAME}";q={self.burst};w={window}'


@dataclass(slots=True)
class _Bucket:
    pace: Pace
    left: float
    since: float
    turns: Turns = field(repr=False)


class Rates:
    """Buckets of ``burst`` tokens, refilled with ``rate`` tokens a second.

    Those of whoever rehearses are smaller: what is real comes first.
    """

    def __init__(self, rate: float, burst: int, dice: Callable[[], float]) -> None:
        """``dice`` gives numbers in [0, 1)."""
        self._real = Pace(rate, burst)
        self._rehearsing = Pace(rate * REHEARSING, max(1, int(burst * REHEARSING)))
        self._dice = dice
        self._buckets: dict[str, _Bucket] = {}

    def pace_of(self, caller: str) -> Pace:
        """Tell how fast ``caller`` may call."""
        return self._rehearsing if caller.endswith(SANDBOX_SUFFIX) else self._real

    def take(self, caller: str) -> Quota:
        """Spend one token of ``caller``; raises ``RateLimited`` when there is none."""
        now = monotonic()
        bucket = self._refilled(caller, now)
        if bucket.left < 1:
            raise RateLimited(
                f"more than {bucket.pace.rate:g} requests a second after a burst of "
                f"{bucket.pace.burst}",
                bucket.turns.next(now, bucket.pace.rate),
                self._quota(bucket),
            )
        bucket.left -= 1
        return self._quota(bucket)

    def see(self, caller: str) -> Quota:
        """Tell what is left to ``caller``, and spend nothing."""
        return self._quota(self._refilled(caller, monotonic()))

    def _refilled(self, caller: str, now: float) -> _Bucket:
        bucket = self._buckets.get(caller)
        if bucket is None:
            pace = self.pace_of(caller)
            bucket = _Bucket(pace, float(pace.burst), now, Turns(self._dice))
            self._buckets[caller] = bucket
        gained = (now - bucket.since) * bucket.pace.rate
        bucket.left = min(float(bucket.pace.burst), bucket.left + gained)
        bucket.since = now
        return bucket

    def _quota(self, bucket: _Bucket) -> Quota:
        pace, whole = bucket.pace, math.floor(bucket.left)
        reset = math.ceil((whole + 1 - bucket.left) / pace.rate)
        return Quota(pace.policy, whole, 0 if whole >= pace.burst else reset)
