"""Endpoints that mean harm, or are broken in every way that we know of.

Each manner has a connection to itself, from its first byte to its last. Most of them
never end by themselves: whoever leaves the block ends them.
"""

import asyncio
import gzip
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import cast

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter
Manner = Callable[[Reader, Writer], Awaitable[None]]

DRIP_SECONDS = 0.05
NARROW_BYTES = 4096
LONG_SECONDS = 3600.0
OK_HEAD = b"HTTP/1.1 200 OK\r\n"
EMPTY_OK = OK_HEAD + b"Content-Length: 0\r\n\r\n"
CHUNKED = OK_HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
BOMB_BYTES = 50 * 1024 * 1024
_POSTED = b"content-length:"


@dataclass
class Lair:
    """Where a manner listens, and how many connections were made to it."""

    port: int = 0
    connections: int = 0
    tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


@asynccontextmanager
async def lurking(
    manner: Manner, tls: ssl.SSLContext | None = None, *, narrow: bool = False
) -> AsyncIterator[Lair]:
    """Listen on a free port of 127.0.0.1; at the end every connection is dropped.

    Little fits into a ``narrow`` one that is not read.
    """
    lair = Lair()

    async def serve(reader: Reader, writer: Writer) -> None:
        lair.connections += 1
        task = asyncio.current_task()
        if task is not None:
            lair.tasks.add(task)
            task.add_done_callback(lair.tasks.discard)
        # Whoever is ended at the end of the block ends quietly.
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            try:
                await manner(reader, writer)
            finally:
                writer.transport.abort()

    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    if narrow:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, NARROW_BYTES)
    server = await asyncio.start_server(serve, sock=listening, ssl=tls)
    lair.port = listening.getsockname()[1]
    try:
        yield lair
    finally:
        server.close()
        for task in lair.tasks:
            task.cancel()
        await asyncio.gather(*lair.tasks, return_exceptions=True)


@asynccontextmanager
async def deaf() -> AsyncIterator[Lair]:
    """Let no connection come about: the queue of a socket that nobody accepts is full.

    Linux then drops what asks for another one.
    """
    listening = socket.create_server(("127.0.0.1", 0), backlog=0)
    place = listening.getsockname()
    callers = [socket.socket() for _ in range(4)]
    for caller in callers:
        caller.settimeout(0)
        with suppress(BlockingIOError):
            caller.connect(place)
    try:
        yield Lair(place[1])
    finally:
        for one in (*callers, listening):
            one.close()


async def read_post(reader: Reader) -> bytes:
    """One whole request; empty when the other side has hung up."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    for line in head.lower().split(b"\r\n"):
        if line.startswith(_POSTED):
            return head + await reader.readexactly(int(line.removeprefix(_POSTED)))
    return head


def after_post(*parts: bytes, drip: float = 0.0, then_close: bool = False) -> Manner:
    """Say the same to every request, with pauses of ``drip`` seconds."""

    async def speak(reader: Reader, writer: Writer) -> None:
        while await read_post(reader):
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(drip)
            if then_close:
                await _close(writer)
                return

    return speak


def pouring(head: bytes, part: bytes) -> Manner:
    """Say ``head``, then ``part`` for ever."""

    async def speak(reader: Reader, writer: Writer) -> None:
        await read_post(reader)
        writer.write(head)
        while True:
            writer.write(part)
            await writer.drain()

    return speak


def cut_after(said: bytes) -> Manner:
    """Say a part of an answer, and reset the connection."""

    async def speak(reader: Reader, writer: Writer) -> None:
        await read_post(reader)
        writer.write(said)
        await writer.drain()
        await asyncio.sleep(DRIP_SECONDS)
        writer.transport.abort()

    return speak


async def silent(reader: Reader, _: Writer) -> None:
    """Take everything, and never say a word."""
    while await reader.read(65536):
        pass
    await asyncio.sleep(LONG_SECONDS)


def stop_reading(writer: Writer) -> None:
    """Leave what comes in the socket's buffer."""
    cast("asyncio.Transport", writer.transport).pause_reading()


async def never_reading(_: Reader, writer: Writer) -> None:
    """Take nothing: what is sent fills the buffers, and stays there."""
    stop_reading(writer)
    await asyncio.sleep(LONG_SECONDS)


async def resetting(_: Reader, writer: Writer) -> None:
    """Reset as soon as the connection stands."""
    writer.transport.abort()


async def speaking_first(_: Reader, writer: Writer) -> None:
    """Answer before there is a request, and never read it."""
    writer.write(EMPTY_OK)
    await writer.drain()
    await asyncio.sleep(LONG_SECONDS)


async def redirecting(reader: Reader, writer: Writer) -> None:
    """Send every caller back to where it comes from."""
    place = writer.get_extra_info("sockname")
    target = f"http://127.0.0.1:{place[1]}/hook"
    head = f"HTTP/1.1 307 Again\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n"
    while await read_post(reader):
        writer.write(head.encode())
        await writer.drain()


async def _close(writer: Writer) -> None:
    writer.close()
    await writer.wait_closed()


def _dripped(said: bytes) -> Manner:
    return after_post(
        *(said[place : place + 1] for place in range(len(said))), drip=DRIP_SECONDS
    )


def _zipped() -> bytes:
    bomb = gzip.compress(b"0" * BOMB_BYTES)
    head = f"Content-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
    return OK_HEAD + head.encode() + bomb


_HINTS = b"HTTP/1.1 103 Early Hints\r\n\r\n"
_LENGTH = OK_HEAD + b"Content-Length: %s\r\n\r\n"

NEVER_ENDING: Mapping[str, Manner] = {
    "silence": silent,
    "reads nothing": never_reading,
    "dripped status line": _dripped(b"HTTP/1.1 200 " + b"O" * 2000),
    "dripped header": _dripped(OK_HEAD + b"x-drip: " + b"x" * 2000),
    "dripped headers": after_post(OK_HEAD, *(b"x: y\r\n",) * 2000, drip=DRIP_SECONDS),
    "dripped body": after_post(_LENGTH % b"2000", *(b"x",) * 1999, drip=DRIP_SECONDS),
    "dripped chunks": after_post(CHUNKED, *(b"1\r\nx\r\n",) * 2000, drip=DRIP_SECONDS),
    "dripped hints": after_post(*(_HINTS,) * 2000, drip=DRIP_SECONDS),
    "100 and no more": after_post(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "less than its length": after_post(_LENGTH % b"100" + b"x" * 10),
}
"""What holds the connection open without ever having said an answer whole."""

ACCEPTING: Mapping[str, Manner] = {
    "endless body": pouring(OK_HEAD + b"\r\n", b"x" * 4096),
    "endless chunks": pouring(CHUNKED, b"400\r\n" + b"x" * 1024 + b"\r\n"),
    "huge length": pouring(_LENGTH % b"9223372036854775807", b"x" * 4096),
    "50 MB behind gzip": after_post(_zipped()),
    "reset in the body": cut_after(_LENGTH % b"100" + b"x" * 10),
    "cut chunk": after_post(CHUNKED + b"64\r\nabc", then_close=True),
    "nonsense for a chunk": after_post(CHUNKED + b"zz\r\nabc\r\n0\r\n\r\n"),
    "negative chunk": after_post(CHUNKED + b"-5\r\nabc\r\n0\r\n\r\n"),
    "huge chunk": after_post(CHUNKED + b"f" * 40 + b"\r\nabc", then_close=True),
    "100, then 200": after_post(b"HTTP/1.1 100 Continue\r\n\r\n", EMPTY_OK),
    "two answers at once": after_post(EMPTY_OK + b"HTTP/1.1 410 Gone\r\n\r\n"),
}
"""What has said 2xx, whatever comes of the rest."""

FAILING: Mapping[str, Manner] = {
    "endless status line": pouring(b"HTTP/1.1 200 ", b"O" * 4096),
    "endless header": pouring(OK_HEAD + b"x: ", b"y" * 4096),
    "endless headers": pouring(OK_HEAD, b"x: y\r\n" * 500),
    "10,000 headers": after_post(OK_HEAD + b"x: y\r\n" * 10_000 + b"\r\n"),
    "header of 4 MB": after_post(OK_HEAD + b"x: " + b"y" * 4_000_000 + b"\r\n\r\n"),
    "endless hints": pouring(b"", _HINTS * 100),
    "endless noise": pouring(b"", b"\x00\xff" * 2048),
    "HTTP/0.9": after_post(b"<html>hello</html>\n", then_close=True),
    "HTTP/2": after_post(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + b"\x00" * 18),
    "HTTP/2 preface": after_post(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "another protocol": after_post(b"220 mail.example.com ESMTP\r\n"),
    "other version": after_post(b"HTTP/9.9 000 what\r\n\r\n"),
    "negative length": after_post(_LENGTH % b"-5"),
    "length beyond counting": after_post(_LENGTH % (b"9" * 400)),
    "two lengths": after_post(OK_HEAD + b"Content-Length: 1\r\n" * 2 + b"\r\nx"),
    "length and chunks": after_post(
        OK_HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx"
    ),
    "upgrade": after_post(
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
    ),
}
"""What has said something that is no answer."""

CUTTING: Mapping[str, Manner] = {
    "reset at once": resetting,
    "reset after the request": cut_after(b""),
    "reset in the head": cut_after(OK_HEAD + b"x: "),
    "closed without a word": after_post(b"", then_close=True),
    "closed in the head": after_post(OK_HEAD + b"x: ", then_close=True),
}
"""What ends the connection before it has said an answer."""

MANNERS: Mapping[str, Manner] = {
    **NEVER_ENDING,
    **ACCEPTING,
    **FAILING,
    **CUTTING,
    "redirect to itself": redirecting,
    "answer before the request": speaking_first,
}
