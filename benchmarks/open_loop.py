"""Callers in processes of their own: send times are fixed before, whatever comes back.

Latency runs from the moment a request was due, not from when it could be sent: a
service that lets its callers wait cannot hide it. One request at a time per connection.
"""

import asyncio
import json
import resource
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from time import monotonic, process_time

from typing_extensions import override

from benchmarks.order_body import a_number, order_body
from benchmarks.processes import elsewhere, run_on

LATE = 30.0
"""Seconds after the last request was due; who is not answered then is lost."""
STARTING = 3.0
"""Seconds that the processes of callers get until they begin."""
_FIRST_OF_RANGE = 10**7


@dataclass(frozen=True)
class Load:
    """What one process sends; ``path`` of a GET, or a POST of orders."""

    urls: tuple[tuple[str, int], ...]
    keys: tuple[str, ...]
    rate: float
    seconds: float
    connections: int
    numbers_from: int = 0
    path: str = "/v1/orders"
    is_read: bool = False
    cores: frozenset[int] = frozenset()
    starting: float = STARTING


@dataclass
class Answers:
    """Status and latency of each request by when it was due; 0: no answer."""

    due: list[float] = field(default_factory=list)
    latency: list[float] = field(default_factory=list)
    status: list[int] = field(default_factory=list)
    reopened: int = 0
    computed: float = 0.0
    """Seconds that the callers themselves have computed."""
    late: float = 0.0
    """Seconds after the beginning when they were there: starting them took longer."""


def run_loads(loads: Sequence[Load]) -> list[Answers]:
    """Run each load in a process of its own, all beginning together."""
    wait = max(load.starting + load.connections / 1000 for load in loads)
    begins_at = monotonic() + wait
    return elsewhere(_run, [(load, begins_at) for load in loads])


def _run(asked: tuple[Load, float]) -> Answers:
    load, begins_at = asked
    run_on(load.cores)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return asyncio.run(_Callers(load).call(begins_at))


class _Callers:
    """Connections that take turns at the requests that are due."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.answers = Answers()
        self.all: list[_Connection] = []
        self.free: deque[_Connection] = deque()
        self.waiting: deque[float] = deque()
        self.under_way = 0
        self.opening: set[asyncio.Task[None]] = set()
        self.requests = _requests(load)

    async def call(self, begins_at: float) -> Answers:
        """Send everything, wait for what is on its way."""
        await self._open_all()
        await asyncio.sleep(max(0.0, begins_at - monotonic()))
        self.answers.late = max(0.0, monotonic() - begins_at)
        total, before = round(self.load.rate * self.load.seconds), process_time()
        for place in range(total):
            due = begins_at + place / self.load.rate
            if (pause := due - monotonic()) > 0:
                await asyncio.sleep(pause)
            elif place % 50 == 0:
                await asyncio.sleep(0)
            self.due(due)
        given_up_at = monotonic() + LATE
        while self.is_owed and monotonic() < given_up_at:  # noqa: ASYNC110 - counted
            await asyncio.sleep(0.02)
        for due in [*self.waiting, *(one.due for one in self.all if one.busy)]:
            self.note(due, 0)
        self.answers.computed = process_time() - before
        self.answers.due = [due - begins_at for due in self.answers.due]
        return self.answers

    @property
    def is_owed(self) -> bool:
        """Tell whether an answer is still to come."""
        return bool(self.under_way or self.waiting)

    def due(self, due: float) -> None:
        """Send a request now if a connection is free, or as soon as one is."""
        if self.free:
            self.under_way += 1
            self.free.popleft().ask(due, next(self.requests))
        else:
            self.waiting.append(due)

    def answered(self, connection: "_Connection", status: int) -> None:
        """Note an answer, and give the connection the next request that waits."""
        self.under_way -= 1
        self.note(connection.due, status)
        if connection.is_open:
            self.is_free(connection)

    def is_free(self, connection: "_Connection") -> None:
        """Use a connection again."""
        if self.waiting:
            self.under_way += 1
            connection.ask(self.waiting.popleft(), next(self.requests))
        else:
            self.free.append(connection)

    def note(self, due: float, status: int) -> None:
        """Write one outcome down."""
        self.answers.due.append(due)
        self.answers.latency.append(monotonic() - due)
        self.answers.status.append(status)

    def lost(self, connection: "_Connection") -> None:
        """Replace a connection that the other side has closed."""
        if connection.busy:
            connection.busy = False
            self.under_way -= 1
            self.note(connection.due, 0)
        elif connection in self.free:
            self.free.remove(connection)
        self.answers.reopened += 1
        opening = asyncio.create_task(self._open(connection.place))
        self.opening.add(opening)
        opening.add_done_callback(self.opening.discard)

    async def _open_all(self) -> None:
        for first in range(0, self.load.connections, 200):
            some = range(first, min(first + 200, self.load.connections))
            await asyncio.gather(*(self._open(place) for place in some))

    async def _open(self, place: int) -> None:
        host, port = self.load.urls[place % len(self.load.urls)]
        loop = asyncio.get_running_loop()
        for _ in range(100):
            try:
                await loop.create_connection(
                    lambda: _Connection(self, place), host, port
                )
            except OSError:
                await asyncio.sleep(0.1)
            else:
                return


class _Connection(asyncio.Protocol):
    """One keep-alive connection that knows as much of HTTP as it needs."""

    def __init__(self, callers: _Callers, place: int) -> None:
        self.callers = callers
        self.place = place
        self.buffer = b""
        self.due = 0.0
        self.busy = False
        self.is_open = False
        callers.all.append(self)

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self.transport = transport
            self.is_open = True
            self.callers.is_free(self)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        self.callers.lost(self)

    def ask(self, due: float, request: bytes) -> None:
        """Send a request that was due then."""
        self.due, self.busy = due, True
        self.transport.write(request)

    @override
    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lowered = head.lower()
        length = lowered.partition(b"content-length:")[2].split(b"\r\n")[0]
        if len(rest) < int(length or 0):
            return
        self.buffer, self.busy = b"", False
        if b"connection: close" in lowered:
            self.is_open = False
        self.callers.answered(self, int(head[9:12]))


def _requests(load: Load) -> Iterator[bytes]:
    if load.is_read:
        reads = [_head("GET", load.path, key) + b"\r\n" for key in load.keys]
        for place in count():
            yield reads[place % len(reads)]
    now = datetime.now(UTC)
    heads = [_head("POST", load.path, key) for key in load.keys]
    for place in count():
        number = a_number(_FIRST_OF_RANGE + load.numbers_from + place)
        body = json.dumps(order_body(number, now)).encode()
        length = b"content-length: %d\r\n\r\n" % len(body)
        kind = b"content-type: application/json\r\n"
        yield heads[place % len(heads)] + kind + length + body


def _head(method: str, path: str, key: str) -> bytes:
    return (
        f"{method} {path} HTTP/1.1\r\nhost: broker\r\nauthorization: Bearer {key}\r\n"
    ).encode()
