"""Lasting commands do not outlive their embedded database."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from unbind_broker.cli.database_watch import PATIENCE, ending_with_database
from unbind_broker.cli.loop import Stop
from unbind_broker.runtime.embedded import EmbeddedPostgresError, open_embedded
from unbind_broker.runtime.embedded.folder import DataFolder
from unbind_broker.runtime.embedded.pidfile import read_pid_file

LOOK = 0.02


async def end_server(data_dir: Path, pid: int, stop: Stop) -> None:
    """End the server under a command that waits to be asked to stop."""
    async with ending_with_database(data_dir, stop, LOOK):
        os.kill(pid, signal.SIGINT)
        await asyncio.wait_for(stop.asked.wait(), 60)


async def test_command_is_asked_to_stop_when_its_server_has_ended(
    tmp_path: Path,
) -> None:
    stop = Stop()
    with open_embedded(tmp_path, durable=False) as database:
        served = read_pid_file(DataFolder(database.data_dir).cluster)
        assert served is not None
        with pytest.raises(EmbeddedPostgresError, match="has ended") as raised:
            await end_server(database.data_dir, served.pid, stop)

    assert str(DataFolder(tmp_path).log) in raised.value.detail
    assert not stop.hurried.is_set()


async def test_command_whose_server_lives_ends_as_it_likes(tmp_path: Path) -> None:
    stop = Stop()
    with open_embedded(tmp_path, durable=False) as database:
        async with ending_with_database(database.data_dir, stop, LOOK):
            await asyncio.sleep(LOOK * (PATIENCE + 2))

    assert not stop.asked.is_set()


async def test_database_named_by_its_url_is_not_watched() -> None:
    stop = Stop()
    async with ending_with_database(None, stop, LOOK):
        await asyncio.sleep(LOOK * (PATIENCE + 2))

    assert not stop.asked.is_set()
