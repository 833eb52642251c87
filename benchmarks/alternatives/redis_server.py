"""A Redis of its own, with the settings that it comes with."""

import asyncio
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from benchmarks.stack import PATIENCE, end

PROGRAM = "redis-server"


@dataclass(frozen=True)
class Redis:
    """A running server."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        """Give where clients find it."""
        return f"redis://127.0.0.1:{self.port}/0"

    async def empty(self) -> None:
        """Forget everything."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(b"FLUSHALL\r\n")
        answer = await asyncio.wait_for(reader.readline(), PATIENCE)
        writer.close()
        await writer.wait_closed()
        if answer != b"+OK\r\n":
            raise AssertionError(f"expected Redis to forget, it said {answer!r}")


def find_redis() -> str | None:
    """Find the program on this machine."""
    return shutil.which(PROGRAM)


@asynccontextmanager
async def a_redis(program: str) -> AsyncIterator[Redis]:
    """Start it on a free port of this machine; its files go with it."""
    with tempfile.TemporaryDirectory(prefix="unbind-bench-redis-") as folder:
        port = _free_port()
        running = await asyncio.create_subprocess_exec(
            program,
            *("--port", str(port), "--bind", "127.0.0.1", "--dir", folder),
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            await _listens(port)
            yield Redis(port, running.pid)
        finally:
            await end(running)


async def _listens(port: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                await writer.wait_closed()
                return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
