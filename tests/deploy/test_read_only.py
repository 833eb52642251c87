"""What the processes write to: nothing, so that their root may be read-only.

They run with an audit hook (PEP 578) that tells of every file that is opened for
writing, made, renamed or removed.
"""

import os
import signal
from pathlib import Path

import pytest

from tests.journeys.processes import Process, Processes, processes
from tests.support.database import Server
from unbind_broker.base.sealing import generate_key

pytestmark = pytest.mark.journey

MARK = "written:"
HOOK = f"""
import os, sys

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
CHANGING = {{"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.link",
    "os.chmod", "os.chown", "os.truncate", "os.utime", "sqlite3.connect",
    "tempfile.mkstemp", "tempfile.mkdtemp"}}

def hook(event, told):
    if event == "open":
        path, mode, flags = told
        if flags & WRITING and path != os.devnull:
            print("{MARK} opened", path, file=sys.stderr)
    elif event in CHANGING:
        print("{MARK}", event, told[0], file=sys.stderr)

sys.addaudithook(hook)
"""


async def test_serve_worker_and_migrate_write_no_file(
    tmp_path: Path, server: Server
) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "sitecustomize.py").write_text(HOOK)
    async with (
        server.empty() as url,
        processes(
            tmp_path,
            PYTHONPATH=os.pathsep.join((str(hooks), os.environ.get("PYTHONPATH", ""))),
            PYTHONDONTWRITEBYTECODE="1",
            UNBIND_DATABASE_URL=url.replace("+asyncpg", ""),
            UNBIND_SECRET_KEYS=generate_key(),
            UNBIND_INDEX_KEY=generate_key(),
        ) as commands,
    ):
        assert await told_by_the_hook(commands)
        ran = await commands.start("migrate")
        assert await ran.ended() == 0, ran.log
        started = [
            await commands.start("serve", "--port", "0"),
            await commands.start("worker", "--port", "0"),
        ]
        for process in started:
            await process.line()
            assert await process.stop(signal.SIGTERM) == 0, process.log
        for process in (ran, *started):
            assert written(process) == []


async def told_by_the_hook(commands: Processes) -> list[str]:
    """Have a command write a file, to see that it would be told."""
    writes = await commands.start("openapi", "--output", "openapi.json")
    assert await writes.ended() == 0, writes.log
    return written(writes)


def written(process: Process) -> list[str]:
    return [line for line in process.log.splitlines() if line.startswith(MARK)]
