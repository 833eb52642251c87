"""Run the API in this process, or all of the broker, and end it in good order."""

import asyncio
import json
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from fastapi import FastAPI

from unbind_broker.api.health import PulseOf
from unbind_broker.api.quick_refusals import QuickRefusals
from unbind_broker.app.factory import create_app
from unbind_broker.app.server import DRAINING, ApiServer
from unbind_broker.cli.loop import Stop
from unbind_broker.cli.working import run_worker_part
from unbind_broker.metrics.exposition import Exposition
from unbind_broker.runtime.garbage import spare_what_stays
from unbind_broker.runtime.open_files import raise_open_files
from unbind_broker.runtime.opening import Runtime
from unbind_broker.worker.liveness import Liveness

NO_NOTICE = timedelta(0)

log = logging.getLogger(__name__)


async def run_both(
    runtime: Runtime,
    data_dir: Path | None,
    listener: socket.socket,
    stop: Stop,
    on_ready: Callable[[], None],
) -> None:
    """Run the API and a worker; the worker ends when the API has drained."""
    stop_worker, liveness = Stop(), Liveness(runtime.settings.liveness_limit)
    exposition = Exposition(runtime)
    exposition.show_pulse(liveness.pulse)
    worker = asyncio.create_task(
        run_worker_part(runtime, data_dir, stop_worker, liveness, exposition)
    )
    worker.add_done_callback(lambda _: stop.asked.set())
    hurry = asyncio.create_task(_pass_on(stop.hurried, stop_worker.hurried))
    try:
        await run_api_part(
            runtime, listener, stop, on_ready, beside=(liveness.pulse, exposition)
        )
    finally:
        stop_worker.asked.set()
        await worker
        hurry.cancel()


def announce(url: str, data_dir: Path | None, *, as_json: bool) -> None:
    """Tell that requests are served now, and where."""
    if as_json:
        folder = None if data_dir is None else str(data_dir)
        print(json.dumps({"url": url, "data_dir": folder}), flush=True)
    else:
        print(f"unbind-broker is ready at {url}", flush=True)


async def run_api_part(
    runtime: Runtime,
    listener: socket.socket,
    stop: Stop,
    on_ready: Callable[[], None],
    *,
    beside: tuple[PulseOf, Exposition] | None = None,
    notice: timedelta = NO_NOTICE,
) -> None:
    """Serve the API until asked to stop, give ``notice`` of it, then drain.

    ``beside``: how the worker in the same process fares, and what it counts.
    """
    _shout(runtime)
    raise_open_files()
    app = create_app(runtime, *(beside or ()))
    server = ApiServer(
        app,
        on_ready,
        refusals=QuickRefusals(app.state.context.door, runtime.clock),
        most_connections=runtime.settings.max_connections,
    )
    spare_what_stays()
    serving = asyncio.create_task(server.serve_on(listener))
    watching = asyncio.create_task(_end_server(server, app, stop, notice))
    try:
        await serving
    finally:
        watching.cancel()


async def _end_server(
    server: ApiServer, app: FastAPI, stop: Stop, notice: timedelta
) -> None:
    """End the server once asked to, in bounded time, whatever it still does."""
    await stop.asked.wait()
    try:
        app.state.context.door.closing = True
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.hurried.wait(), notice.total_seconds())
        app.state.context.let_go()
    finally:
        server.drain()
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.hurried.wait(), 2 * DRAINING)
    server.drop()


async def _pass_on(heard: asyncio.Event, told: asyncio.Event) -> None:
    await heard.wait()
    told.set()


def _shout(runtime: Runtime) -> None:
    if runtime.settings.allow_private_endpoints:
        log.warning("private_endpoints_allowed")
