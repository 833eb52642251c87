"""A receiver in a process of its own: it answers 200 and counts items, little else.

With ``reports`` it answers each item at once: nothing was bound.
"""

import asyncio
import json
import multiprocessing
import re
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from time import monotonic

from typing_extensions import override

_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
_ITEM = re.compile(rb'"id": ?"((?:ord|qry)_[0-9a-z]+)"')
_FAULT = b"HTTP/1.1 500 Fault\r\ncontent-length: 0\r\n\r\n"


class _Counts:
    def __init__(self, fails_one_in: int, *, reports: bool) -> None:
        self.fails_one_in = fails_one_in
        self.reports = reports
        self.reset()

    def reset(self) -> None:
        self.requests = 0
        self.items = 0
        self.first = 0.0


class _Sink(asyncio.Protocol):
    def __init__(self, counts: _Counts) -> None:
        self.counts = counts
        self.buffer = b""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self.write = transport.write

    @override
    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (whole := self._whole()) is not None:
            self.buffer = self.buffer[whole:]

    def _whole(self) -> int | None:
        """Answer the first request of the buffer if it is whole; return its length."""
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return None
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        if len(rest) < length:
            return None
        counts = self.counts
        counts.first = counts.first or monotonic()
        counts.requests += 1
        if counts.fails_one_in and counts.requests % counts.fails_one_in == 0:
            self.write(_FAULT)
        else:
            counts.items += rest[:length].count(b'"number":')
            self.write(_reported(rest[:length]) if counts.reports else _ANSWER)
        return len(head) + 4 + length


def _reported(body: bytes) -> bytes:
    lines = b",".join(
        b'{"id":"%s","outcome":"not_bound"}' % item for item in _ITEM.findall(body)
    )
    answer = b'{"results":[%s]}' % lines
    return (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%s" % (len(answer), answer)
    )


class Sink:
    """The receiver as its user sees it."""

    def __init__(self, pipe: Connection, port: int, pid: int) -> None:
        self._pipe = pipe
        self.pid = pid
        self.url = f"http://127.0.0.1:{port}"

    def reset(self) -> None:
        """Begin to count anew."""
        self._pipe.send("reset")
        self._pipe.recv()

    def read(self) -> dict[str, float]:
        """Return requests, items, and when the first came (monotonic seconds)."""
        self._pipe.send("read")
        found: dict[str, float] = json.loads(self._pipe.recv())
        return found


@contextmanager
def a_sink(*, fails_one_in: int = 0, reports: bool = False) -> Iterator[Sink]:
    """Run the receiver; it ends with the block. 0: it never fails."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(
        target=_run, args=(theirs, fails_one_in, reports), daemon=True
    )
    process.start()
    try:
        yield Sink(ours, ours.recv(), process.pid or 0)
    finally:
        process.terminate()
        process.join(5)


def _run(pipe: Connection, fails_one_in: int, reports: bool) -> None:  # noqa: FBT001 - handed to a process by position
    asyncio.run(_serve(pipe, _Counts(fails_one_in, reports=reports)))


async def _serve(pipe: Connection, counts: _Counts) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _Sink(counts), "127.0.0.1", 0, backlog=1024
    )
    pipe.send(server.sockets[0].getsockname()[1])
    while True:
        asked = await asyncio.to_thread(pipe.recv)
        if asked == "reset":
            counts.reset()
        pipe.send(
            json.dumps(
                {
                    "requests": counts.requests,
                    "items": counts.items,
                    "first": counts.first,
                }
            )
        )
