"""A receiver in a process of its own: it verifies, answers as told, and notes it all.

Commands come as JSON, one a line on the standard input; each is answered by a line.
Every request is noted with when it was there whole and when it was done with: answered,
or given up by its sender. Times are seconds of this machine's clock.
"""

import asyncio
import hashlib
import json
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from typing_extensions import override

_REASONS = {200: "OK", 202: "Accepted", 401: "Unauthorized", 503: "Unavailable"}


@dataclass
class Behaviour:
    """How one endpoint answers; ``verify`` and ``fail`` are shares of its requests."""

    secret: str
    delay: float = 0.0
    fail: float = 0.0
    hang: bool = False
    results: bool = False
    verify: float = 1.0


@dataclass(eq=False)
class Request:
    """What is noted of a request; ``status`` 0: it was given up by its sender."""

    door: int
    arrived: float
    digest: str
    verified: bool | None
    ids: list[str]
    ended: float | None = None
    status: int = 0
    reminds: bool = False


class Sink:
    """All endpoints of this process."""

    def __init__(self) -> None:
        self.doors: dict[int, Behaviour] = {}
        self.requests: list[Request] = []
        self._dice = random.Random(0)  # noqa: S311 - no secret hangs on it

    def take(self, door: int, headers: dict[str, str], body: bytes) -> Request:
        """Note a request that is there whole."""
        behaviour = self.doors[door]
        now = time.time()
        verified: bool | None = None
        if behaviour.verify >= 1 or self._dice.random() < behaviour.verify:
            verified = _verifies(behaviour.secret, headers, body)
        told = json.loads(body)
        ids = [item["id"] for item in told["data"]["items"]]
        digest = hashlib.sha256(body).hexdigest()
        noted = Request(door, now, digest, verified, ids)
        noted.reminds = told["type"] == "unbind.reminder"
        self.requests.append(noted)
        return noted

    def answer(self, request: Request) -> tuple[int, bytes]:
        """Decide upon an answer."""
        behaviour = self.doors[request.door]
        if request.verified is False:
            return 401, b""
        if behaviour.fail and self._dice.random() < behaviour.fail:
            return 503, b""
        if not behaviour.results:
            return 202, b""
        lines = [{"id": one, "outcome": "not_bound"} for one in request.ids]
        return 200, json.dumps({"results": lines}).encode()


class Connection(asyncio.Protocol):
    """Serve requests one after the other."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._buffer = b""
        self._current: Request | None = None
        self._transport: asyncio.Transport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._current is not None:
            self._current.ended = time.time()

    @override
    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        length = int(headers["content-length"])
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        door = int(first.split(" ")[1].rpartition("/")[2])
        # The loop tells of a sender that hung up one turn later than of what came.
        loop = asyncio.get_running_loop()
        loop.call_soon(self._take, door, headers, rest[:length])

    def _take(self, door: int, headers: dict[str, str], body: bytes) -> None:
        request = self._sink.take(door, headers, body)
        if self._transport is None:
            request.ended = request.arrived
            return
        self._current = request
        behaviour = self._sink.doors[door]
        if not behaviour.hang:
            loop = asyncio.get_running_loop()
            loop.call_later(behaviour.delay, self._answer, request)

    def _answer(self, request: Request) -> None:
        if self._transport is None:
            return
        status, body = self._sink.answer(request)
        # Before the answer is out nobody can know that there is room for another.
        request.ended, request.status, self._current = time.time(), status, None
        head = f"HTTP/1.1 {status} {_REASONS[status]}\r\ncontent-length: {len(body)}"
        self._transport.write(head.encode() + b"\r\n\r\n" + body)


def _verifies(secret: str, headers: dict[str, str], body: bytes) -> bool:
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True


async def serve() -> None:
    """Listen, and obey until the standard input ends."""
    sink = Sink()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(sink), "127.0.0.1", 0, backlog=4096
    )
    _tell({"port": server.sockets[0].getsockname()[1]})
    while line := await asyncio.to_thread(sys.stdin.readline):
        _tell(_obey(sink, json.loads(line)))


def _obey(sink: Sink, command: dict[str, Any]) -> dict[str, Any]:
    match command["do"]:
        case "set":
            for door, told in command["doors"].items():
                sink.doors[int(door)] = Behaviour(**told)
        case "forget":
            sink.requests.clear()
        case "dump":
            rows = [vars(request) for request in sink.requests]
            Path(command["file"]).write_text(json.dumps(rows))
        case _:
            pass
    return {"requests": len(sink.requests)}


def _tell(told: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve())
