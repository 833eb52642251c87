"""A bounded number of token buckets, for callers that nobody knows yet."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from fastapi import Request

MOST_SOURCES = 10_000
"""Of each kind: those that were seen longest ago go first."""


@dataclass(slots=True)
class _Bucket:
    left: float
    since: float


@dataclass
class Buckets:
    """``burst`` tokens for each source, and ``rate`` more a second."""

    rate: float
    burst: int
    clock: Callable[[], float]
    _of: OrderedDict[Hashable, _Bucket] = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return len(self._of)

    def spend(self, source: Hashable) -> bool:
        """Take a token; tell whether it was the last one."""
        bucket = self._refilled(source)
        was, bucket.left = bucket.left, max(0.0, bucket.left - 1)
        self._of[source] = bucket
        self._of.move_to_end(source)
        if len(self._of) > MOST_SOURCES:
            self._of.popitem(last=False)
        return was >= 1 > bucket.left

    def wait(self, source: Hashable) -> float:
        """Tell after how many seconds there is a token; 0: there is one."""
        if source not in self._of:
            return 0.0
        return max(0.0, (1 - self._refilled(source).left) / self.rate)

    def _refilled(self, source: Hashable) -> _Bucket:
        now = self.clock()
        bucket = self._of.get(source) or _Bucket(float(self.burst), now)
        gained = (now - bucket.since) * self.rate
        bucket.left = min(float(self.burst), bucket.left + gained)
        bucket.since = now
        return bucket


def address_of(request: Request) -> str:
    """Say where a request comes from; trusted proxies have been believed by now."""
    return request.client.host if request.client else ""
