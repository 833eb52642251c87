"""The smallest HTTP/1.1 server: one that can also hang up on its caller."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Self

LARGEST_HEAD = 64 * 1024
LARGEST_BODY = 16 * 1024 * 1024
"""Bytes."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as received; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back, as JSON unless ``headers`` say otherwise."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Awaitable[Answer | None]]
"""Answers a request; nothing means: tear the connection down."""


class HttpServer:
    """Serve ``handler`` until closed."""

    def __init__(self, handler: Handler) -> None:
        self.port = 0
        self._handler = handler
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> Self:
        """Listen; port 0 is any free one, told by ``port`` afterwards."""
        self._server = await asyncio.start_server(
            self._connected, host, port, limit=LARGEST_HEAD, backlog=1024
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def close(self) -> None:
        """Stop listening and drop every connection."""
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while request := await _read(reader):
                answer = await self._handler(request)
                if answer is None:
                    writer.transport.abort()
                    return
                writer.write(_bytes_of(answer))
                await writer.drain()
                if request.headers.get("connection", "").lower() == "close":
                    return
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the caller went away, or speaks something else
        except (ConnectionError, ValueError):
            pass
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    """Read one request; nothing at the end of the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, path, _version = first.split(" ")
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines)
    }
    size = int(headers.get("content-length", "0"))
    if not 0 <= size <= LARGEST_BODY:
        raise ValueError("the body is too large")
    return Request(method, path, headers, await reader.readexactly(size))


def _bytes_of(answer: Answer) -> bytes:
    headers = {
        "content-type": "application/json",
        **answer.headers,
        "content-length": str(len(answer.body)),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    phrase = HTTPStatus(answer.status).phrase
    return f"HTTP/1.1 {answer.status} {phrase}\r\n{lines}\r\n".encode() + answer.body
