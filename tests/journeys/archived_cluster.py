"""A Postgres that archives its log, can be destroyed, and restored from a backup."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from tests.support.waiting import eventually
from unbind_broker.runtime.embedded import EmbeddedDatabase, open_embedded
from unbind_broker.runtime.embedded.account import Account, choose_account
from unbind_broker.runtime.embedded.folder import DataFolder, prepare_folder
from unbind_broker.runtime.embedded.programs import find_programs

_DATABASE = "postgres"
_PORT = 5432


class ArchivedCluster:
    """One address for a database that moves from folder to folder.

    The socket's folder changes with every start; a link to it does not.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._link = root / "socket"
        self._archive = root / "archive"
        self._folders = 0
        self._folder = self._next_folder()
        self._running: EmbeddedDatabase | None = None
        self._asking: AsyncEngine | None = None
        # The server runs under another account where the tests are run by root.
        root.chmod(0o711)

    @property
    def url(self) -> str:
        """As the setting is written."""
        return f"postgresql://postgres@/{_DATABASE}?host={quote(str(self._link))}"

    async def start(self) -> None:
        """Start a server, on a new database if the folder is empty."""
        self._running = await asyncio.to_thread(open_embedded, self._folder)
        fresh = self._link.with_suffix(".new")
        fresh.symlink_to(self._running.socket_folder)
        fresh.replace(self._link)
        self._asking = create_async_engine(
            self.url.replace("postgresql", "postgresql+asyncpg", 1),
            isolation_level="AUTOCOMMIT",
        )

    async def stop(self) -> None:
        if self._asking is not None:
            await self._asking.dispose()
            self._asking = None
        if self._running is not None:
            await asyncio.to_thread(self._running.close)
            self._running = None

    async def archive_everything(self) -> None:
        """Begin to archive the log, which takes a restart."""
        self._archive.mkdir()
        choose_account(DataFolder(self._folder)).give(self._archive)
        kept = f"{self._archive}/%f"
        await self.ask("ALTER SYSTEM SET archive_mode = on")
        await self.ask(
            f"ALTER SYSTEM SET archive_command = 'test ! -f {kept} && cp %p {kept}'"
        )
        await self.stop()
        await self.start()

    async def ask(self, question: str) -> object:
        """Ask for one value, outside every transaction."""
        assert self._asking is not None
        async with self._asking.connect() as db:
            answer = await db.execute(text(question))
            return answer.scalar() if answer.returns_rows else None

    async def count_on(self, transactions: int) -> None:
        """Let so many transactions pass."""
        await self.ask(
            f"DO $$ BEGIN FOR turn IN 1..{transactions} LOOP "
            "PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$"
        )

    async def back_up(self) -> Path:
        """Copy the running cluster; return the folder of the copy."""
        folder = self._next_folder()
        copy = prepare_folder(folder).cluster
        await self._run(
            *("pg_basebackup", "--pgdata", copy, "--checkpoint", "fast"),
            *("--wal-method", "none", *self._where()),
        )
        return folder

    async def dump(self) -> Path:
        """Write the database to a file, as rows and statements."""
        file = self._root / "unbind.dump"
        await self._run("pg_dump", "--format", "custom", "--file", file, *self._where())
        return file

    async def load(self, dump: Path) -> None:
        """Fill the running, empty cluster from such a file."""
        await self._run(
            "pg_restore", "--exit-on-error", "--dbname", _DATABASE, *self._where(), dump
        )

    async def destroy(self) -> None:
        """Archive what was written so far, and lose the cluster."""
        await self.archived()
        await self.stop()
        shutil.rmtree(self._folder)

    async def archived(self) -> str:
        """Wait until what was written so far is archived; name its last file."""
        wanted = str(await self.ask("SELECT pg_walfile_name(pg_switch_wal())"))

        async def is_archived() -> bool:
            last = await self.ask("SELECT last_archived_wal FROM pg_stat_archiver")
            return str(last or "") >= wanted

        await eventually(is_archived)
        assert (self._archive / wanted).is_file()
        return wanted

    async def move_to_new(self) -> None:
        """Start an empty cluster under the old address."""
        await self.stop()
        self._folder = self._next_folder()
        await self.start()

    async def restore(self, backup: Path, until: datetime) -> None:
        """Start from a backup, and repeat what was archived until an instant."""
        cluster = DataFolder(backup).cluster
        with (cluster / "postgresql.auto.conf").open("a", encoding="utf-8") as settings:
            settings.write(
                f"restore_command = 'cp {self._archive}/%f %p'\n"
                f"recovery_target_time = '{until.isoformat()}'\n"
                "recovery_target_action = 'promote'\n"
            )
        (cluster / "recovery.signal").touch()
        self._folder = backup
        await self.start()

        async def is_writable() -> bool:
            return await self.ask("SELECT pg_is_in_recovery()") is False

        await eventually(is_writable)

    def _next_folder(self) -> Path:
        self._folders += 1
        return self._root / f"data-{self._folders}"

    def _where(self) -> tuple[str, ...]:
        where = ["--host", str(self._link), "--port", str(_PORT)]
        return (*where, "--username", "postgres")

    async def _run(self, program: str, *arguments: str | Path) -> None:
        us = Account(os.geteuid(), os.getegid(), is_other=False)
        major = int((DataFolder(self._folder).cluster / "PG_VERSION").read_text())
        folder = find_programs(us, major=major).folder
        done = await asyncio.to_thread(
            subprocess.run,
            [folder / program, *arguments],
            env={**os.environ, "PGDATABASE": _DATABASE},
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()


@asynccontextmanager
async def archived_cluster() -> AsyncIterator[ArchivedCluster]:
    """Run one, with all safety against crashes, in a folder that goes away."""
    with tempfile.TemporaryDirectory(prefix="unbind-restore-") as folder:
        root = Path(folder)
        made = ArchivedCluster(root)
        try:
            yield made
        finally:
            await made.stop()
