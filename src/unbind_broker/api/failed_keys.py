"""Slow down whoever tries keys, by where they come from and by how the keys begin.

Failures are counted in memory. Only they count, and a living key passes whatever others
have tried from the same address: nobody is locked out by a neighbour. Which keys live
is then looked up in a set of their digests, read once for all that come meanwhile.
"""

import asyncio
import logging
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address, ip_network
from time import monotonic

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from unbind_broker.api.door import bearer_of
from unbind_broker.api.problem_kinds import KINDS
from unbind_broker.api.problems import problem
from unbind_broker.base.errors import BrokerError
from unbind_broker.keys.service import digest_of

log = logging.getLogger(__name__)

MOST_SOURCES = 10_000
"""Of addresses, and of beginnings of keys: those that failed longest ago go first."""
FRESH = 5.0
"""Seconds for which the set of living keys is used; a new key waits no longer."""
TOLD_EVERY = 60.0
"""Seconds between two lines in the log."""
_BEGINNING = 20
"""Characters: the role, and a part of the secret that no two keys share by chance."""

LivingDigests = Callable[[], Awaitable[frozenset[bytes]]]


class TooManyFailures(BrokerError):
    """Too many keys that are none came from there."""

    code = "too-many-failed-keys"
    title = "Too many failed keys"

    def __init__(self, wait: float) -> None:
        """``wait`` is in seconds."""
        super().__init__(
            "too many keys that are unknown, revoked or expired came from this "
            "address, or began like this one; this one was not looked at"
        )
        self.headers = {"Retry-After": str(max(1, math.ceil(wait)))}


@dataclass(slots=True)
class _Bucket:
    left: float
    since: float


@dataclass
class _Buckets:
    """``burst`` failures of each source, and ``rate`` more a second."""

    rate: float
    burst: int
    clock: Callable[[], float]
    _of: OrderedDict[Hashable, _Bucket] = field(default_factory=OrderedDict)

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing has failed."""
        return not self._of

    def spend(self, source: Hashable) -> bool:
        """Count a failure; tell whether it was the one that emptied the bucket."""
        bucket = self._refilled(source)
        was, bucket.left = bucket.left, max(0.0, bucket.left - 1)
        self._of[source] = bucket
        self._of.move_to_end(source)
        if len(self._of) > MOST_SOURCES:
            self._of.popitem(last=False)
        return was >= 1 > bucket.left

    def wait(self, source: Hashable) -> float:
        """Tell after how many seconds there is one more; 0: there is one."""
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


class FailedKeys:
    """What a process knows about keys that were none, and who sent them."""

    def __init__(
        self,
        rate: float,
        burst: int,
        living: LivingDigests,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """``living`` reads the digests of all keys that live; ``clock`` has seconds."""
        self._addresses = _Buckets(rate, burst, clock)
        self._beginnings = _Buckets(rate, burst, clock)
        self._read = living
        self._clock = clock
        self._living: frozenset[bytes] = frozenset()
        self._read_at = -math.inf
        self._reading = asyncio.Lock()
        self._told_at = -math.inf

    def note(self, address: str, key_text: str) -> None:
        """Count a key that was none."""
        network = network_of(address)
        emptied = self._addresses.spend(network)
        emptied |= self._beginnings.spend(_beginning(key_text))
        if emptied and self._clock() - self._told_at > TOLD_EVERY:
            self._told_at = self._clock()
            log.warning("failed_keys_limited", extra={"network": network})

    async def require_patience(self, address: str, key_text: str) -> None:
        """Raise ``TooManyFailures`` for what comes too often, unless the key lives."""
        if self._addresses.is_empty:
            return  # as nearly always
        wait = max(
            self._addresses.wait(network_of(address)),
            self._beginnings.wait(_beginning(key_text)),
        )
        if wait > 0 and digest_of(key_text) not in await self._living_now():
            raise TooManyFailures(max(wait, FRESH))

    async def _living_now(self) -> frozenset[bytes]:
        async with self._reading:
            if self._clock() - self._read_at > FRESH:
                began = self._clock()
                self._living = await self._read()
                self._read_at = began
        return self._living


def network_of(address: str) -> str:
    """Take a host's whole /64 for one address (RFC 4291): it may use all of them."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(parsed, IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped or ip_network((parsed, 64), strict=False))
    return str(parsed)


def _beginning(key_text: str) -> bytes:
    """Name keys that begin alike without keeping any part of them."""
    return digest_of(key_text[:_BEGINNING])


class AgainstGuessing:
    """Turn away who sends key after key that is none, before anything is looked up."""

    def __init__(self, app: ASGIApp, failed: FailedKeys) -> None:
        self.app = app
        self.failed = failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        key_text = bearer_of(scope["headers"]) if scope["type"] == "http" else None
        if key_text is not None:
            request = Request(scope)
            try:
                await self.failed.require_patience(address_of(request), key_text)
            except TooManyFailures as refusal:
                kind, headers = KINDS[refusal.code], refusal.headers
                answer = problem(request, kind, refusal.detail, headers=headers)
                await answer(scope, receive, send)
                return
        await self.app(scope, receive, send)


def address_of(request: Request) -> str:
    """Say where a request comes from; trusted proxies have been believed by now."""
    return request.client.host if request.client else ""
