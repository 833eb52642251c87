"""Slow down whoever tries keys, by where they come from and by how the keys begin.

Failures are counted in memory. Only they count, and a living key passes whatever others
have tried from the same address: nobody is locked out by a neighbour. Which keys live
is then looked up in a set of their digests, read once for all that come meanwhile.
"""

import logging
import math
from collections.abc import Callable
from time import monotonic

from fastapi import Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp, Receive, Scope, Send

from unbind_broker.api.buckets import Buckets, address_of
from unbind_broker.api.door import bearer_of
from unbind_broker.api.problem_kinds import KINDS
from unbind_broker.api.problems import problem
from unbind_broker.base.errors import BrokerError
from unbind_broker.base.networks import network_of
from unbind_broker.keys.known_living import FRESH, KnownLiving, ReadDigests
from unbind_broker.keys.service import digest_of

log = logging.getLogger(__name__)

TOLD_EVERY = 60.0
"""Seconds between two lines in the log."""
_BEGINNING = 20
"""Characters: the role, and a part of the secret that no two keys share by chance."""


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


class FailedKeys:
    """What a process knows about keys that were none, and who sent them."""

    def __init__(
        self,
        rate: float,
        burst: int,
        living: ReadDigests,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """``living`` reads the digests of all keys that live; ``clock`` has seconds."""
        self._addresses = Buckets(rate, burst, clock)
        self._beginnings = Buckets(rate, burst, clock)
        self._clock = clock
        self._living = KnownLiving(living, clock)
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
        if not self._addresses:
            return  # as nearly always
        wait = max(
            self._addresses.wait(network_of(address)),
            self._beginnings.wait(_beginning(key_text)),
        )
        if wait > 0 and not await self._lives(key_text):
            raise TooManyFailures(max(wait, FRESH))

    async def _lives(self, key_text: str) -> bool:
        try:
            return await self._living.holds(key_text)
        except (SQLAlchemyError, OSError) as fault:
            log.warning("living_keys_not_read", extra={"error": type(fault).__name__})
            return True  # whoever looks it up says that the database is away


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
