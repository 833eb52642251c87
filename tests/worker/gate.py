"""A gate in front of Postgres.

Shut, it breaks all connections and lets none in. Silenced, it keeps them all, takes
whatever comes and passes nothing on; those connections never speak again.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from sqlalchemy import URL

from tests.support.ports import a_free_port


class Gate:
    """Passes every byte on while it is open. Its port stays the same."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._server: asyncio.Server | None = None
        self._passing: set[asyncio.StreamWriter] = set()
        self._silent = False
        self._muted: set[asyncio.StreamWriter] = set()
        self.port = a_free_port()

    @property
    def url(self) -> str:
        """The database's URL through the gate."""
        through = self._url.set(host="127.0.0.1", port=self.port, query={})
        return through.render_as_string(hide_password=False)

    @property
    def is_used(self) -> bool:
        """Tell whether anybody is connected."""
        return bool(self._passing)

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", self.port)

    async def shut(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in tuple(self._passing):
            writer.transport.abort()

    def silence(self) -> None:
        """Pass nothing on from now on, neither old nor new."""
        self._silent = True
        self._muted |= self._passing

    def speak(self) -> None:
        """Pass on what comes over new connections."""
        self._silent = False

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        folder, port = self._url.query.get("host"), self._url.port or 5432
        if folder is None:
            return await asyncio.open_connection(self._url.host, port)
        return await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.{port}")

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        far_reader, far_writer = await self._connect()
        ends = {writer, far_writer}
        self._passing |= ends
        if self._silent:
            self._muted |= ends
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._copy(reader, far_writer))
                both.create_task(self._copy(far_reader, writer))
        finally:
            self._passing -= ends
            self._muted -= ends
            for end in ends:
                end.close()

    async def _copy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(ConnectionError):
            while part := await reader.read(65536):
                if writer not in self._muted:
                    writer.write(part)
                    await writer.drain()
        writer.close()


@asynccontextmanager
async def a_gate(url: URL) -> AsyncIterator[Gate]:
    gate = Gate(url)
    await gate.open()
    try:
        yield gate
    finally:
        await gate.shut()
