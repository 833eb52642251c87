"""A connection to the broker that fails as it is told."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import Enum, auto


class Mood(Enum):
    PASS = auto()
    DROP = auto()  # nothing reaches the broker
    SWALLOW = auto()  # the broker carries it out, its answer never arrives
    HALF = auto()  # the answer breaks off in its middle


class Proxy:
    """Relay connections; ``moods`` are those of the next ones, one each."""

    def __init__(self, host: str, port: int) -> None:
        self._broker = (host, port)
        self.moods: deque[Mood] = deque()
        self.connections = 0
        self.url = ""
        self._open: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["Proxy"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()[:2]
        self.url = f"http://{host}:{port}"
        try:
            yield self
        finally:
            self.cut()
            server.close()
            await server.wait_closed()

    def cut(self) -> None:
        """Break every connection at once."""
        for writer in list(self._open):
            writer.transport.abort()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        mood = self.moods.popleft() if self.moods else Mood.PASS
        self._open.add(writer)
        try:
            if mood is not Mood.DROP:
                await self._relay(reader, writer, mood)
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _relay(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mood: Mood
    ) -> None:
        upstream, forward = await asyncio.open_connection(*self._broker)
        self._open.add(forward)
        sending = asyncio.create_task(_pump(reader, forward))
        try:
            if mood is Mood.PASS:
                await _pump(upstream, writer)
                return
            answer = await upstream.readuntil(b"\r\n\r\n")
            if mood is Mood.HALF:
                writer.write(answer[: len(answer) // 2])
                await writer.drain()
        finally:
            sending.cancel()
            self._open.discard(forward)
            forward.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
