"""A throw-away Postgres for this test process, and fresh databases on it.

Set ``UNBIND_TEST_DATABASE_URL`` to use a server of your own instead of the embedded
one; its user must be allowed to create databases.
"""

import asyncio
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

from sqlalchemy import event, make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from tests.support.clock import NOON
from tests.support.waiting import PATIENCE
from unbind_broker.base.database import INSTANT, open_engine, sql
from unbind_broker.runtime.embedded import open_embedded
from unbind_broker.schema.migrate import migrate

_months_of_the_fixed_clock = sql("SELECT ensure_months(:first, 1)", first=INSTANT)
_PLENTY = 4 * 1024**3


class Server:
    """A running Postgres that holds a migrated, empty template database."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.template: str | None = None
        # Databases are made and dropped over one connection that stays open.
        self._admin = create_async_engine(
            url, pool_size=1, max_overflow=0, isolation_level="AUTOCOMMIT"
        )

    @asynccontextmanager
    async def fresh(self) -> AsyncIterator[str]:
        """Give the URL of a migrated, empty database; it goes away in the end."""
        name = await self._create()
        try:
            yield self._url_of(name)
        finally:
            await self._drop(name)

    @asynccontextmanager
    async def empty(self) -> AsyncIterator[str]:
        """Give the URL of a database without any schema; it goes away in the end."""
        name = await self._create(copy=False)
        try:
            yield self._url_of(name)
        finally:
            await self._drop(name)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Self]:
        """Make the template, and drop it when the tests are over."""
        name = await self._create()
        try:
            engine = open_engine(self._url_of(name), pool=1, application="tests")
            await migrate(engine)
            async with engine.begin() as db:
                await db.execute(_months_of_the_fixed_clock, {"first": NOON})
            await engine.dispose()
            self.template = name
            yield self
        finally:
            await self._drop(name)
            await self._admin.dispose()

    def _url_of(self, database: str) -> str:
        url = make_url(self.url).set(database=database)
        return url.render_as_string(hide_password=False)

    async def _create(self, *, copy: bool = True) -> str:
        name = f"unbind_{secrets.token_hex(5)}"
        copied = (
            f"TEMPLATE {self.template} STRATEGY FILE_COPY"
            if self.template and copy
            else ""
        )
        await self.run(f"CREATE DATABASE {name} {copied}")
        return name

    async def _drop(self, name: str) -> None:
        await self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    async def run(self, statement: str) -> None:
        """Run a statement on the server, outside every transaction."""
        async with self._admin.connect() as connection:
            await connection.execute(text(statement))


@asynccontextmanager
async def open_server() -> AsyncIterator[Server]:
    """Start the embedded Postgres, or take the one that the environment names."""
    given = os.environ.get("UNBIND_TEST_DATABASE_URL", "").replace(
        "postgresql://", "postgresql+asyncpg://", 1
    )
    if given:
        async with Server(given).opened() as server:
            yield server
        return
    with tempfile.TemporaryDirectory(
        prefix="unbind-test-", dir=_fast_place()
    ) as folder:
        embedded = await asyncio.to_thread(open_embedded, Path(folder), durable=False)
        try:
            async with Server(embedded.url).opened() as server:
                # Who gathers statistics meanwhile changes what plans tests find.
                await server.run("ALTER SYSTEM SET autovacuum = off")
                await server.run("SELECT pg_reload_conf()")
                yield server
        finally:
            await asyncio.to_thread(embedded.close)


def open_patient_engine(url: str, *, pool: int, application: str) -> AsyncEngine:
    """Open a pool that gives a machine which stands still a minute for everything."""
    engine = open_engine(url, pool=pool, application=application, answer_limit=PATIENCE)
    queue: Any = engine.pool
    queue._timeout = PATIENCE
    event.listen(engine.sync_engine, "do_connect", _connect_patiently)
    return engine


def _connect_patiently(*call: Any) -> None:
    *_, arguments = call
    arguments["timeout"] = PATIENCE


def _fast_place() -> Path | None:
    """Prefer memory where there is plenty: a fresh database takes a fifth of the time.

    Containers often have 64 MB there, which would not do.
    """
    memory = Path("/dev/shm")  # noqa: S108 - looked at, and only used for a private folder
    if memory.is_dir() and shutil.disk_usage(memory).free > _PLENTY:
        return memory
    return None
