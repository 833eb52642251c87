"""Platforms' endpoints for real: one HTTP server on loopback, a door per platform.

Every request is verified with the official ``standardwebhooks`` library, which knows
only the real time: whoever posts here signs by the real clock. A door answers
challenges by itself, keeps what it was sent, and otherwise answers as it is told.
"""

import asyncio
import json
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

MOST_BYTES = 16 * 1024 * 1024
ResultsOf = Callable[[dict[str, Any]], Mapping[str, object] | None]
"""Make a line of ``results`` out of an item; None leaves the item without one."""


@dataclass(frozen=True)
class Answer:
    """How a door answers one request.

    ``delay`` is in seconds and comes first; then ``hang`` waits until the door is told
    to ``release``, ``reset`` drops the connection, and everything else is an ordinary
    HTTP answer.
    """

    status: int = HTTPStatus.OK
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    results: ResultsOf | None = None
    delay: float = 0.0
    hang: bool = False
    reset: bool = False


OK = Answer()


@dataclass(frozen=True)
class Delivery:
    """One request that reached a door. Times are those of the event loop's clock."""

    webhook_id: str
    headers: Mapping[str, str]
    body: bytes
    payload: dict[str, Any]
    started: float
    in_flight: int

    @property
    def type(self) -> str:
        return str(self.payload["type"])

    @property
    def items(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.payload["data"].get("items", [])
        return found

    @property
    def item_ids(self) -> list[str]:
        return [str(item["id"]) for item in self.items]


@dataclass
class Door:
    """One platform's endpoint.

    ``secrets`` are those it has installed; a request that none of them verifies is
    answered 401 and counted in ``rejected``. ``script`` holds the answers to the next
    requests, ``usual`` the answer afterwards; challenges use up neither. ``judge``
    comes before both: it answers by what was sent, or leaves that to them.
    """

    slug: str
    url: str
    secrets: list[str] = field(default_factory=list)
    usual: Answer = OK
    script: deque[Answer] = field(default_factory=deque)
    judge: Callable[["Delivery"], Answer | None] = field(default=lambda _: None)
    deliveries: list[Delivery] = field(default_factory=list)
    challenges: list[Delivery] = field(default_factory=list)
    rejected: int = 0
    in_flight: int = 0
    answers_challenges: bool = True

    _released: asyncio.Future[Answer] | None = field(default=None, init=False)

    def release(self, answer: Answer = OK) -> None:
        """Answer every request that hangs at this moment."""
        if self._released is not None:
            self._released.set_result(answer)
            self._released = None

    def then(self, *answers: Answer) -> None:
        """Answer the next requests like this, one each."""
        self.script.extend(answers)

    @property
    def item_ids(self) -> list[str]:
        """Every item id in the order of arrival, as often as it came."""
        return [one for delivery in self.deliveries for one in delivery.item_ids]

    @property
    def times_sent(self) -> Counter[str]:
        """How often each item id came."""
        return Counter(self.item_ids)

    @property
    def peak_in_flight(self) -> int:
        """The most requests that were under way at once."""
        return max((delivery.in_flight for delivery in self.deliveries), default=0)

    @property
    def most_in_a_second(self) -> int:
        """The most requests of which none came a second after the first."""
        starts = sorted(delivery.started for delivery in self.deliveries)
        ends = (bisect_left(starts, start + 1.0) for start in starts)
        return max((end - place for place, end in enumerate(ends)), default=0)

    @property
    def largest_batch(self) -> int:
        return max((len(delivery.items) for delivery in self.deliveries), default=0)

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        self.in_flight += 1
        try:
            return await self._serve(request)
        finally:
            self.in_flight -= 1

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        started, in_flight = asyncio.get_running_loop().time(), self.in_flight
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        if not self._verifies(body, headers):
            self.rejected += 1
            return web.Response(status=HTTPStatus.UNAUTHORIZED)
        payload = json.loads(body)
        webhook_id = headers["webhook-id"]
        delivery = Delivery(webhook_id, headers, body, payload, started, in_flight)
        if delivery.type == "endpoint.verification" and self.answers_challenges:
            self.challenges.append(delivery)
            return web.json_response({"challenge": payload["data"]["challenge"]})
        self.deliveries.append(delivery)
        answer = self.judge(delivery) or self._next()
        await asyncio.sleep(answer.delay)
        if answer.hang:
            answer = await self._hang()
        return _give(answer, delivery, request)

    async def _hang(self) -> Answer:
        if self._released is None:
            self._released = asyncio.get_running_loop().create_future()
        return await asyncio.shield(self._released)

    def _next(self) -> Answer:
        return self.script.popleft() if self.script else self.usual

    def _verifies(self, body: bytes, headers: dict[str, str]) -> bool:
        for secret in self.secrets:
            try:
                Webhook(secret).verify(body, headers)
            except WebhookVerificationError:
                continue
            return True
        return False


class Receiver:
    """Every door of this machine, on one port."""

    def __init__(self) -> None:
        self.base_url = ""
        self.doors: dict[str, Door] = {}
        self.strangers: list[str] = []
        """Paths at which there is no door."""

    def door(self, slug: str, secret: str | None = None) -> Door:
        """Return a platform's door, made on first use; ``secret`` is installed."""
        door = self.doors.setdefault(slug, Door(slug, f"{self.base_url}/p/{slug}"))
        if secret is not None:
            door.secrets.append(secret)
        return door

    @property
    def port(self) -> int:
        return int(self.base_url.rpartition(":")[2])

    @property
    def deliveries(self) -> list[Delivery]:
        return [one for door in self.doors.values() for one in door.deliveries]

    @asynccontextmanager
    async def opened(self, port: int = 0) -> AsyncIterator["Receiver"]:
        """Listen on a port of 127.0.0.1, any free one if it is 0."""
        # Whoever hangs up is served no longer, and not counted as in flight.
        server = web.Server(self._serve, handler_cancellation=True)
        runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port, backlog=1024)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.base_url = f"http://{host}:{port}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        door = self.doors.get(request.path.removeprefix("/p/"))
        if door is None or request.method != "POST":
            self.strangers.append(request.path)
            return web.Response(status=HTTPStatus.NOT_FOUND)
        return await door.serve(request)


def _give(
    answer: Answer, delivery: Delivery, request: web.BaseRequest
) -> web.StreamResponse:
    if answer.reset and request.transport is not None:
        request.transport.abort()
    body, headers = answer.body, dict(answer.headers)
    if answer.results is not None:
        lines = [answer.results(item) for item in delivery.items]
        body = json.dumps({"results": [line for line in lines if line]}).encode()
        headers = {"Content-Type": "application/json", **headers}
    return web.Response(status=answer.status, body=body, headers=headers)
