"""Post to the endpoint exactly as the broker does, within its declared limits."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from unbind_broker.base.ids import new_token
from unbind_broker.base.network_guard import UrlPolicy
from unbind_broker.base.signing import sign_v1, signature_headers
from unbind_broker.base.signing_keys import Secret
from unbind_broker.conformance.plan import Plan
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.endpoints.challenge import name_status
from unbind_broker.sending.exchanges import Exchange
from unbind_broker.sending.outbound import LEAST_READ, Outbound, open_outbound

_ID_BYTES = 18

Headers = Callable[[str, datetime, bytes], Mapping[str, str]]
"""Makes the headers of a request out of its webhook-id, the time and its body."""


@dataclass(frozen=True)
class Sent:
    """One request and what came of it.

    ``is_usual``: rightly signed, and no rule judges its answer by itself.
    """

    exchange: Exchange
    body: bytes
    is_usual: bool

    @property
    def is_taken(self) -> bool:
        """Tell whether it was answered 2xx."""
        return self.exchange.outcome.kind is OutcomeKind.ACCEPTED

    @property
    def status(self) -> int | None:
        """Give the status, if there was an answer."""
        return self.exchange.outcome.status_code

    @property
    def is_too_long(self) -> bool:
        """Tell whether the answer is longer than what the broker reads of it."""
        return len(self.exchange.answer) >= max(LEAST_READ, 2 * len(self.body))

    @property
    def seen(self) -> str:
        """Say in a few words what came."""
        if self.exchange.outcome.kind is OutcomeKind.TIMED_OUT or self.status is None:
            return f"no answer ({self.exchange.error})"
        return name_status(self.status)

    @property
    def seen_zh(self) -> str:
        """Say the same in Chinese."""
        return self.seen.replace("no answer (", "无应答 (")


class Poster:
    """Post to one endpoint; keeps what it sent."""

    def __init__(
        self, outbound: Outbound, plan: Plan, now: Callable[[], datetime]
    ) -> None:
        self.sent: list[Sent] = []
        self._outbound = outbound
        self._url = plan.url
        self._limit = plan.limit
        self._now = now
        self._places = asyncio.Semaphore(plan.max_concurrency)
        self._gap = 1 / plan.max_rate if plan.max_rate else 0.0
        self._next = 0.0

    async def post(
        self,
        body: bytes,
        headers: Headers,
        webhook_id: str | None = None,
        *,
        is_usual: bool = True,
    ) -> Sent:
        """Send ``body``; the signature is of this moment."""
        sent = await self.try_out(body, headers, webhook_id, is_usual=is_usual)
        self.sent.append(sent)
        return sent

    async def try_out(
        self,
        body: bytes,
        headers: Headers,
        webhook_id: str | None = None,
        *,
        is_usual: bool = False,
    ) -> Sent:
        """Send ``body``, and keep nothing of it."""
        async with self._places:
            await self._wait_for_turn()
            named = webhook_id or new_webhook_id()
            given = headers(named, self._now(), body)
            exchange = await self._outbound.post(self._url, given, body, self._limit)
        return Sent(exchange, body, is_usual)

    async def _wait_for_turn(self) -> None:
        now = asyncio.get_running_loop().time()
        turn = max(now, self._next)
        self._next = turn + self._gap
        await asyncio.sleep(turn - now)


@asynccontextmanager
async def open_poster(plan: Plan, now: Callable[[], datetime]) -> AsyncIterator[Poster]:
    """Open connections; private addresses and plain http are allowed."""
    async with open_outbound(UrlPolicy(allow_private=True), now) as outbound:
        yield Poster(outbound, plan, now)


def signed_by(*secrets: Secret, shift: timedelta = timedelta(0)) -> Headers:
    """Sign with each of these, at another time if told so."""

    def headers(webhook_id: str, now: datetime, body: bytes) -> Mapping[str, str]:
        at = now + shift
        return signature_headers(webhook_id, at, sign_v1(secrets, webhook_id, at, body))

    return headers


def unsigned(_webhook_id: str, _now: datetime, _body: bytes) -> Mapping[str, str]:
    """Leave all of the headers out."""
    return {}


def new_webhook_id() -> str:
    """Make a ``webhook-id`` that was never used."""
    return f"msg_{new_token(_ID_BYTES)}"


def encode(value: Mapping[str, object]) -> bytes:
    """Write a body as the broker writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
