"""Run a whole worker beside a block."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from unbind_broker.base.ids import WorkerId
from unbind_broker.runtime.opening import Runtime
from unbind_broker.worker.process import run_worker


@asynccontextmanager
async def working(
    runtime: Runtime, dead: Collection[WorkerId] = ()
) -> AsyncIterator["asyncio.Task[None]"]:
    """Run a worker of this runtime, and stop it gracefully in the end."""
    stopping = asyncio.Event()
    task = asyncio.create_task(run_worker(runtime, stopping, dead_predecessors=dead))
    try:
        yield task
    finally:
        stopping.set()
        await task
