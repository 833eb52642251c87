"""A worker that can be killed."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, update

from tests.support.waiting import PATIENCE
from tests.worker.stage import PATIENT_LEASE, Stage
from unbind_broker.endpoints.tables import endpoint_leases, workers

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


async def kill(process: asyncio.subprocess.Process, stage: Stage) -> None:
    """Kill the only worker, and let its leases run out at once."""
    process.kill()
    await process.wait()
    past = func.clock_timestamp() - timedelta(hours=2)
    async with stage.engine.begin() as db:
        await db.execute(update(endpoint_leases).values(lease_until=past))
        await db.execute(update(workers).values(seen_at=past))


async def says_that_it_stops(process: asyncio.subprocess.Process) -> None:
    """Wait until the worker has heard that it is to stop."""
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), PATIENCE) == b"stopping\n"
