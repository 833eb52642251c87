"""End a lasting command when the embedded database has ended under it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from unbind_broker.cli.loop import Stop
from unbind_broker.runtime.embedded import EmbeddedPostgresError
from unbind_broker.runtime.embedded.folder import DataFolder
from unbind_broker.runtime.embedded.server import is_running

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
PATIENCE = 5
"""Looks without a server before it counts as ended: a restart takes less."""


@asynccontextmanager
async def ending_with_database(
    data_dir: Path | None, stop: Stop, look_seconds: float = LOOK_SECONDS
) -> AsyncIterator[None]:
    """Ask the command to stop when its embedded server is gone, then raise.

    Nothing would start it again while this command holds its share, so serving on
    would mean refusing for ever. Raises ``EmbeddedPostgresError``. A database named by
    its URL may come back: it is not watched.
    """
    if data_dir is None:
        yield
        return
    watching = asyncio.create_task(_watch(DataFolder(data_dir), stop, look_seconds))
    try:
        yield
    finally:
        has_ended = not watching.cancel()
    if has_ended:
        await watching
        raise EmbeddedPostgresError(
            f"the database in {data_dir} has ended (log: {DataFolder(data_dir).log}); "
            "start this command again, and it is started again too"
        )


async def _watch(folder: DataFolder, stop: Stop, look_seconds: float) -> None:
    missed = 0
    while missed < PATIENCE:
        await asyncio.sleep(look_seconds)
        missed = 0 if is_running(folder.cluster) else missed + 1
    log.error("embedded_database_ended")
    stop.ask()
