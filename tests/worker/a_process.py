"""A worker that can be killed."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.waiting import PATIENCE
from tests.worker.stage import PATIENT_LEASE

PROGRAM = Path(__file__).with_name("worker_program.py")


@asynccontextmanager
async def a_process(
    database_url: str, lease: float = PATIENT_LEASE
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker in a process of its own; whatever is left of it is killed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(PROGRAM), database_url, str(lease)),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def says_that_it_stops(process: asyncio.subprocess.Process) -> None:
    """Wait until the worker has heard that it is to stop."""
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), PATIENCE) == b"stopping\n"
