"""Clients that only post: the limits of what a worker could reach.

Both send requests that a worker has sent, byte for byte, over as many connections as
it had: nothing is read from a database, signed, judged or recorded.
"""

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from time import process_time
from typing import Any, Self, cast
from urllib.parse import urlsplit

import aiohttp
from typing_extensions import override

_OWN = {"host", "content-length"}


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
    """What is posted: the sample, so many times, to paths in turn."""

    url: str
    sample: Sample
    requests: int
    paths: Sequence[str]
    connections: int
    tls: ssl.SSLContext | None


Client = Callable[[Posting], Coroutine[Any, Any, float]]
"""Posts, and returns the seconds that this process has computed for it."""


async def post_by_aiohttp(posting: Posting) -> float:
    """Post with the client that the worker uses, told to do as little as there."""
    sample, left = posting.sample, iter(range(posting.requests))
    connector = aiohttp.TCPConnector(limit=0, ssl=posting.tls or True)
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        headers=sample.headers,
    ) as session:

        async def client(place: int) -> None:
            url = posting.url + posting.paths[place % len(posting.paths)]
            for _ in left:
                async with session.post(url, data=sample.body) as answer:
                    answer.raise_for_status()
                    await answer.read()

        before = process_time()
        await asyncio.gather(*(client(place) for place in range(posting.connections)))
        return process_time() - before


async def post_by_protocol(posting: Posting) -> float:
    """Post with nothing but a protocol of asyncio's."""
    loop, where = asyncio.get_running_loop(), urlsplit(posting.url)
    left, ended = iter(range(posting.requests)), loop.create_future()
    running = _Running(left, posting.requests, ended)
    before = process_time()
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
    await ended
    for transport, _ in made:
        transport.close()
    return process_time() - before


@dataclass
class _Running:
    left: Iterator[int]
    owed: int
    ended: "asyncio.Future[None]"

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
        self.ask()

    def ask(self) -> None:
        """Send one more, unless all have been sent."""
        if next(self.running.left, None) is not None:
            self.write(self.request)

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
        self.running.owed -= 1
        if self.running.owed:
            self.ask()
        else:
            self.running.end(None)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.running.end(exc or ConnectionError("a connection was closed"))
