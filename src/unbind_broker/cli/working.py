"""Run a worker in this process, and end it in good order."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from unbind_broker.app.health import create_health_app
from unbind_broker.app.server import ApiServer
from unbind_broker.base.clock import Clock
from unbind_broker.base.ids import WorkerId, new_uuid7
from unbind_broker.cli.loop import Stop
from unbind_broker.metrics.exposition import Exposition
from unbind_broker.runtime.opening import Runtime
from unbind_broker.runtime.worker_locks import hold_worker_lock
from unbind_broker.worker.liveness import Liveness
from unbind_broker.worker.process import run_worker


@asynccontextmanager
async def telling_health(
    clock: Clock,
    listener: socket.socket | None,
    liveness: Liveness,
    exposition: Exposition | None = None,
) -> AsyncIterator[None]:
    """Serve ``/healthz`` and ``/metrics`` of a worker beside the block.

    Without a ``listener`` nowhere. Raises ``CannotListen``.
    """
    if listener is None:
        yield
        return
    ready = asyncio.Event()
    if exposition is not None:
        exposition.show_pulse(liveness.pulse)
    app = create_health_app(clock, liveness.pulse, exposition)
    server = ApiServer(app, ready.set)
    serving = asyncio.create_task(server.serve_on(listener))
    serving.add_done_callback(lambda _: ready.set())
    await ready.wait()
    if serving.done():
        await serving  # it could not begin
    try:
        yield
    finally:
        server.drop()
        await serving


async def run_worker_part(
    runtime: Runtime,
    data_dir: Path | None,
    stop: Stop,
    liveness: Liveness | None = None,
    exposition: Exposition | None = None,
) -> None:
    """Work until asked to stop, then give the leases back."""
    worker_id = WorkerId(new_uuid7(runtime.clock.now()))
    with hold_worker_lock(data_dir, worker_id) as dead:
        working = asyncio.create_task(
            run_worker(
                runtime,
                stop.asked,
                worker_id=worker_id,
                dead_predecessors=dead,
                liveness=liveness,
                exposition=exposition,
            )
        )
        hurry = asyncio.create_task(_cancel_when(stop.hurried, working))
        try:
            with suppress(asyncio.CancelledError):
                await working
        finally:
            hurry.cancel()


async def _cancel_when(event: asyncio.Event, task: asyncio.Task[None]) -> None:
    await event.wait()
    task.cancel()
