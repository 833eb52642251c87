"""A Postgres that writes durably, with its settings as they come."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from pathlib import Path

from sqlalchemy import URL, make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from benchmarks.processes import parent_of
from tests.support.database import Server, open_server
from unbind_broker.runtime.embedded import open_embedded

_lent: ContextVar[Server | None] = ContextVar("lent", default=None)


@contextmanager
def lending(server: Server) -> Iterator[None]:
    """Let smoke tests in the block take this one, instead of one of their own."""
    token = _lent.set(server)
    try:
        yield
    finally:
        _lent.reset(token)


@asynccontextmanager
async def a_server(*, smoke: bool = False) -> AsyncIterator[Server]:
    """Start a Postgres of its own that survives a crash, as ``up`` does.

    A smoke test takes what tests take: the one that it is lent or that the environment
    names, or one that is quick and forgets.
    """
    lent = _lent.get()
    if smoke and lent:
        yield lent
        return
    if smoke:
        async with open_server() as server:
            yield server
        return
    folder = Path(tempfile.mkdtemp(prefix="unbind-bench-"))
    try:
        embedded = await asyncio.to_thread(open_embedded, folder)
        try:
            async with Server(embedded.url).opened() as server:
                yield server
        finally:
            await asyncio.to_thread(embedded.close)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def plain_dsn(url: str | URL) -> str:
    """Write a database's URL as every client reads it, password and all."""
    plain = make_url(url).set(drivername="postgresql")
    return plain.render_as_string(hide_password=False)


async def postmaster(engine: AsyncEngine) -> int:
    """Give the process whose children are this server's."""
    async with engine.connect() as db:
        backend = (await db.execute(text("SELECT pg_backend_pid()"))).scalar_one()
    return parent_of(int(backend))


async def settle(url: str) -> None:
    """Write out what earlier work left behind, so that the next pays for its own."""
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as db:
            await db.execute(text("VACUUM ANALYZE"))
            await db.execute(text("CHECKPOINT"))
    finally:
        await engine.dispose()
