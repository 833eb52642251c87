"""A durable Postgres that can crash and comes back under the same address."""

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.support.waiting import eventually
from unbind_broker.base.database import open_engine
from unbind_broker.runtime.embedded import EmbeddedDatabase, open_embedded
from unbind_broker.runtime.embedded.folder import DataFolder
from unbind_broker.runtime.embedded.pidfile import read_pid_file
from unbind_broker.runtime.embedded.server import is_running
from unbind_broker.schema.migrate import migrate


class OwnPostgres:
    """Its socket's folder changes with every start; a link to it does not."""

    def __init__(self, folder: Path, link: Path) -> None:
        self._folder = folder
        self._link = link
        self._embedded: EmbeddedDatabase | None = None

    def url(self, user: str = "postgres", scheme: str = "postgresql+asyncpg") -> str:
        """How a role reaches the database, across crashes."""
        return f"{scheme}://{user}@/postgres?host={quote(str(self._link))}&port=5432"

    async def start(self) -> None:
        """Start, recovering from a crash if there was one."""
        opened = await asyncio.to_thread(open_embedded, self._folder)
        self._embedded = opened
        fresh = self._link.with_suffix(".new")
        fresh.symlink_to(opened.socket_folder)
        fresh.replace(self._link)

    async def crash(self) -> None:
        """Shut down at once, as by ``pg_ctl stop -m immediate``: nothing is saved."""
        cluster = DataFolder(self._folder).cluster
        told = read_pid_file(cluster)
        assert told is not None
        os.kill(told.pid, signal.SIGQUIT)
        await eventually(lambda: not is_running(cluster))
        await self.stop()

    async def stop(self) -> None:
        """Leave; a server that still runs ends in good order."""
        if self._embedded is not None:
            await asyncio.to_thread(self._embedded.close)
            self._embedded = None

    async def prepare(self) -> str:
        """Let it note when transactions commit, make the tables; give its version."""
        admin = create_async_engine(self.url(), isolation_level="AUTOCOMMIT")
        async with admin.connect() as db:
            await db.execute(text("ALTER SYSTEM SET track_commit_timestamp = on"))
        await admin.dispose()
        await self.stop()
        await self.start()
        engine = open_engine(self.url(), pool=1, application="preparing")
        await migrate(engine)
        async with engine.connect() as db:
            version: str = (await db.execute(text("SHOW server_version"))).scalar_one()
        await engine.dispose()
        return version.split(" ", maxsplit=1)[0]


@asynccontextmanager
async def own_postgres() -> AsyncIterator[OwnPostgres]:
    """Run one, with all safety against crashes, in a folder that goes away."""
    with tempfile.TemporaryDirectory(prefix="unbind-chaos-") as folder:
        made = OwnPostgres(Path(folder, "data"), Path(folder, "socket"))
        await made.start()
        try:
            yield made
        finally:
            await made.stop()
