"""The whole service on this machine: Postgres, ``serve``, ``worker``, receivers."""

import asyncio
import base64
import json
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.processes import resident
from benchmarks.servers import a_server, plain_dsn
from benchmarks.sink import Sink, a_sink
from tests.support.builders import a_carrier, a_key, a_platform, an_endpoint
from unbind_broker.base.clock import SystemClock
from unbind_broker.base.database import open_engine

PATIENCE = 60.0
CARRIERS = 8
# The keys with which tests/support seals.
_SEALING = base64.b64encode(b"a sealing key of thirty-two byte").decode()
_INDEX = base64.b64encode(b"an index key of thirty-two bytes").decode()


@dataclass(frozen=True)
class Shape:
    """How much of everything there is."""

    platforms: int = 64
    serves: int = 2
    workers: int = 1
    settings: dict[str, str] = field(default_factory=dict)


@dataclass
class Stack:
    """A running service as its callers know it."""

    engine: AsyncEngine
    database_url: str
    sink: Sink
    keys: tuple[str, ...]
    urls: tuple[tuple[str, int], ...] = ()
    serves: list[asyncio.subprocess.Process] = field(default_factory=list)
    workers: list[asyncio.subprocess.Process] = field(default_factory=list)

    def memory(self) -> list[int]:
        """Give the resident memory of each process of the API, in MiB."""
        return [resident(one.pid) // 2**20 for one in self.serves]

    async def halt(self) -> None:
        """End every process but the database."""
        for one in (*self.serves, *self.workers):
            await end(one)


@asynccontextmanager
async def a_stack(shape: Shape, *, smoke: bool = False) -> AsyncIterator[Stack]:
    """Start everything; it ends with the block. Postgres writes durably.

    A smoke test takes the Postgres that tests take.
    """
    async with AsyncExitStack() as ending:
        sink = ending.enter_context(a_sink(reports=True))
        folder = Path(tempfile.mkdtemp(prefix="unbind-bench-"))
        ending.callback(shutil.rmtree, folder, ignore_errors=True)
        server = await ending.enter_async_context(a_server(smoke=smoke))
        url = await ending.enter_async_context(server.fresh())
        engine = open_engine(url, pool=8, application="bench")
        ending.push_async_callback(engine.dispose)
        keys = await _registry(engine, sink, shape.platforms)
        stack = Stack(engine, url, sink, keys)
        ending.push_async_callback(stack.halt)
        await _start(stack, shape, folder, ending)
        yield stack


async def _start(
    stack: Stack, shape: Shape, folder: Path, ending: AsyncExitStack
) -> None:
    environment = environment_of(stack.database_url, shape.settings)
    log = ending.enter_context((folder / "log").open("wb"))
    for _ in range(shape.serves):
        running = await run(["serve", "--port", "0", "--json"], environment, log)
        where = urlsplit(await told_url(running))
        stack.urls += ((str(where.hostname), int(where.port or 0)),)
        stack.serves.append(running)
    for _ in range(shape.workers):
        running = await run(["worker"], environment, log)
        stack.workers.append(running)


def environment_of(
    database_url: str, settings: Mapping[str, str] = MappingProxyType({})
) -> dict[str, str]:
    """Give what the processes of a service on this database are told.

    Nothing of what is set for a real one: whoever measures may look after that, too.
    """
    return {
        **{name: own for name, own in os.environ.items() if name[:7] != "UNBIND_"},
        "UNBIND_DATABASE_URL": plain_dsn(database_url),
        "UNBIND_SECRET_KEYS": _SEALING,
        "UNBIND_INDEX_KEY": _INDEX,
        "UNBIND_ALLOW_PRIVATE_ENDPOINTS": "1",
        "UNBIND_CARRIER_RATE": "100000/s",
        "UNBIND_CARRIER_BURST": "100000",
        "UNBIND_DRAIN_NOTICE": "0s",
        "UNBIND_LOG_LEVEL": "warning",
        **settings,
    }


async def run(
    arguments: list[str], environment: dict[str, str], log: object
) -> asyncio.subprocess.Process:
    """Start a command of the service; ``log`` is the file that it complains to."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "unbind_broker",
        *arguments,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=log,  # type: ignore[arg-type] # a file
    )


async def told_url(running: asyncio.subprocess.Process) -> str:
    """Give where a process of the API listens, once it does."""
    if running.stdout is None:
        raise AssertionError("it was started with a pipe")
    line = await asyncio.wait_for(running.stdout.readline(), PATIENCE)
    return str(json.loads(line)["url"])


async def end(running: asyncio.subprocess.Process) -> None:
    """Let a process stop, and make it if it takes too long."""
    if running.returncode is None:
        running.terminate()
        try:
            await asyncio.wait_for(running.wait(), 20)
        except TimeoutError:
            running.kill()


async def _registry(engine: AsyncEngine, sink: Sink, platforms: int) -> tuple[str, ...]:
    now = SystemClock().now()
    async with engine.begin() as db:
        for place in range(platforms):
            await an_endpoint(
                db,
                await a_platform(db, f"platform-{place}"),
                f"{sink.url}/p/{place}",
                max_batch=200,
                now=now,
            )
        carriers = [await a_carrier(db, f"carrier-{n}") for n in range(CARRIERS)]
        keys = [await a_key(db, carrier) for carrier in carriers]
    return tuple(key.key for key in keys)
