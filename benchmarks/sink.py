"""A receiver in a process of its own: it answers 200 and counts items, little else.

With ``reports`` it answers each item at once: nothing was bound. With ``keeps`` it
holds on to as many requests, and with ``certificate`` it speaks TLS.
"""

import asyncio
import json
import multiprocessing
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic
from typing import Any, cast

from typing_extensions import override

from benchmarks.processes import spawned_without_main
from unbind_broker.cli.loop import run_on_loop

_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
_ITEM = re.compile(rb'"id": ?"((?:ord|qry)_[0-9a-z]+)"')
_FIGURES = ("requests", "items", "first")
_FAULT = b"HTTP/1.1 500 Fault\r\ncontent-length: 0\r\n\r\n"


@dataclass(frozen=True)
class _Manners:
    fails_one_in: int
    reports: bool
    keeps: int
    certificate: Path | None


class _Counts:
    def __init__(self, manners: _Manners) -> None:
        self.fails_one_in = manners.fails_one_in
        self.reports = manners.reports
        self.keeps = manners.keeps
        self.reset()

    def reset(self) -> None:
        self.requests = 0
        self.items = 0
        self.first = 0.0
        self.kept: list[bytes] = []


class _Sink(asyncio.Protocol):
    def __init__(self, counts: _Counts) -> None:
        self.counts = counts
        self.buffer = b""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # The transports of uvloop are no subclasses of asyncio's.
        self.write = cast("asyncio.Transport", transport).write

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
        if len(counts.kept) < counts.keeps:
            counts.kept.append(head + b"\r\n\r\n" + rest[:length])
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

    def __init__(self, pipe: Connection, url: str, pid: int) -> None:
        self._pipe = pipe
        self.pid = pid
        self.url = url

    def reset(self) -> None:
        """Begin to count anew, and keep nothing of before."""
        self._asked("reset")

    def read(self) -> dict[str, float]:
        """Return requests, items, and when the first came (monotonic seconds)."""
        found: dict[str, float] = json.loads(self._asked("read"))
        return found

    def kept(self) -> list[bytes]:
        """Return the first requests, head and body."""
        found: list[bytes] = self._asked("kept")
        return found

    def _asked(self, what: str) -> Any:
        self._pipe.send(what)
        return self._pipe.recv()


@contextmanager
def a_sink(
    *,
    fails_one_in: int = 0,
    reports: bool = False,
    keeps: int = 0,
    certificate: Path | None = None,
) -> Iterator[Sink]:
    """Run the receiver; it ends with the block. 0: it never fails, keeps nothing."""
    manners = _Manners(fails_one_in, reports, keeps, certificate)
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_run, args=(theirs, manners), daemon=True)
    with spawned_without_main():
        process.start()
    try:
        host = "https://localhost" if certificate else "http://127.0.0.1"
        yield Sink(ours, f"{host}:{ours.recv()}", process.pid or 0)
    finally:
        process.terminate()
        process.join(5)


def _run(pipe: Connection, manners: _Manners) -> None:
    run_on_loop(_serve(pipe, _Counts(manners), _tls(manners.certificate)))


def _tls(certificate: Path | None) -> ssl.SSLContext | None:
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def _serve(pipe: Connection, counts: _Counts, tls: ssl.SSLContext | None) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _Sink(counts), "127.0.0.1", 0, backlog=1024, ssl=tls
    )
    pipe.send(server.sockets[0].getsockname()[1])
    while True:
        asked = await asyncio.to_thread(pipe.recv)
        if asked == "kept":
            pipe.send(counts.kept)
            continue
        if asked == "reset":
            counts.reset()
        figures = {name: getattr(counts, name) for name in _FIGURES}
        pipe.send(json.dumps(figures))
