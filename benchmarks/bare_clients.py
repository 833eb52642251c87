"""Clients that only post: the limits of what a worker could reach.

Both send requests that a worker has sent, byte for byte, over as many connections as
it had: nothing is read from a database, signed, judged or recorded. Each connection is
opened and used once before time runs, as those of the worker were.
"""

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice, repeat
from time import monotonic, process_time
from typing import Any, NamedTuple, Self, cast
from urllib.parse import urlsplit

import aiohttp
from typing_extensions import override

_OWN = {"host", "content-length"}
_OVER = object()


@dataclass(frozen=True)
class Sample:
    """One request as a receiver got it."""

    head: bytes
    body: bytes

    @classmethod
    def of(cls, request: bytes) -> Self:
        """Take a request apart."""
        head, _, body = request.partition(b"\r\n\r\n")
        return cls(head, body)

    @property
    def items(self) -> int:
        """Count the items of a batch."""
        return self.body.count(b'"number":')

    @property
    def headers(self) -> dict[str, str]:
        """Give those that a client is told; the others are its own."""
        lines = self.head.decode("ascii").split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines)
        return {name: value.strip() for name, _, value in pairs if name not in _OWN}

    def to(self, path: str) -> bytes:
        """Give the bytes of the same request to another path."""
        _, _, rest = self.head.partition(b" HTTP/1.1\r\n")
        line = f"POST {path} HTTP/1.1\r\n".encode("ascii")
        return line + rest + b"\r\n\r\n" + self.body


@dataclass(frozen=True)
class Posting:
    """What is posted: the sample, for so many seconds, to paths in turn.

    ``opened`` is called when every connection has been used once.
    """

    url: str
    sample: Sample
    seconds: float
    paths: Sequence[str]
    connections: int
    tls: ssl.SSLContext | None
    opened: Callable[[], None]

    def turns(self) -> Iterator[None]:
        """Give a turn to whoever posts next, until the time is over."""
        until = monotonic() + self.seconds
        while monotonic() < until:
            yield


class Posted(NamedTuple):
    """How often was posted, and the seconds that this process has computed for it."""

    requests: int
    computed: float


Client = Callable[[Posting], Coroutine[Any, Any, Posted]]


async def post_by_aiohttp(posting: Posting) -> Posted:
    """Post with the client that the worker uses, told to do as little as there."""
    sample, requests = posting.sample, 0
    connector = aiohttp.TCPConnector(limit=0, ssl=posting.tls or True)
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        headers=sample.headers,
    ) as session:

        async def client(place: int, turns: Iterable[None]) -> None:
            nonlocal requests
            url = posting.url + posting.paths[place % len(posting.paths)]
            for _ in turns:
                async with session.post(url, data=sample.body) as answer:
                    answer.raise_for_status()
                    await answer.read()
                requests += 1

        places = range(posting.connections)
        await asyncio.gather(*(client(place, [None]) for place in places))
        posting.opened()
        requests, turns, before = 0, posting.turns(), process_time()
        await asyncio.gather(*(client(place, turns) for place in places))
        return Posted(requests, process_time() - before)


async def post_by_protocol(posting: Posting) -> Posted:
    """Post with nothing but a protocol of asyncio's."""
    loop, where = asyncio.get_running_loop(), urlsplit(posting.url)
    running = _Running(repeat(None, posting.connections), loop.create_future())
    made = await asyncio.gather(
        *(
            loop.create_connection(
                partial(_Bare, posting.sample.to(path), running),
                str(where.hostname),
                int(where.port or 0),
                ssl=posting.tls,
            )
            for path in islice(cycle(posting.paths), posting.connections)
        )
    )
    clients = [client for _, client in made]
    for client in clients:
        client.ask()
    await running.ended
    posting.opened()
    before = process_time()
    running.begin(posting.turns(), loop.create_future())
    for client in clients:
        client.ask()
    await running.ended
    posted = Posted(running.answered, process_time() - before)
    for transport, _ in made:
        transport.close()
    return posted


@dataclass
class _Running:
    turns: Iterator[None]
    ended: "asyncio.Future[None]"
    asked: int = 0
    answered: int = 0

    def begin(self, turns: Iterator[None], ended: "asyncio.Future[None]") -> None:
        """Begin anew, with the connections that there are."""
        self.turns, self.ended, self.asked, self.answered = turns, ended, 0, 0

    def end(self, error: Exception | None) -> None:
        if self.ended.done():
            return
        if error:
            self.ended.set_exception(error)
        else:
            self.ended.set_result(None)


class _Bare(asyncio.Protocol):
    """Send a request when the one before it has been answered."""

    def __init__(self, request: bytes, running: _Running) -> None:
        self.request = request
        self.running = running
        self.answer = b""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # The transports of uvloop are no subclasses of asyncio's.
        self.write = cast("asyncio.Transport", transport).write

    def ask(self) -> None:
        """Send one more while there is time; end when the last one is answered."""
        running = self.running
        if next(running.turns, _OVER) is not _OVER:
            running.asked += 1
            self.write(self.request)
        elif running.answered == running.asked:
            running.end(None)

    @override
    def data_received(self, data: bytes) -> None:
        self.answer += data
        head, found, rest = self.answer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        if len(rest) < length:
            return
        self.answer = b""
        if not head.startswith(b"HTTP/1.1 200 "):
            self.running.end(AssertionError(f"{head[:20]!r} was answered"))
        self.running.answered += 1
        self.ask()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.running.end(exc or ConnectionError("a connection was closed"))
