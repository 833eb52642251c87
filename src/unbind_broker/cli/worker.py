"""``unbind-broker worker``: the sending part alone."""

import socket
from contextlib import AbstractContextManager, nullcontext
from typing import Annotated

import typer

from unbind_broker.app.server import reserve, url_of
from unbind_broker.cli.database import database_faults_told, prepare
from unbind_broker.cli.database_watch import ending_with_database
from unbind_broker.cli.fitting_keys import require_fit
from unbind_broker.cli.loop import Stop, run_on_loop
from unbind_broker.cli.options import LOOPBACK, DataDir, Host
from unbind_broker.cli.working import run_worker_part, telling_health
from unbind_broker.metrics.exposition import Exposition
from unbind_broker.runtime.garbage import spare_what_stays
from unbind_broker.runtime.installation import Installation, open_installation
from unbind_broker.runtime.opening import open_runtime
from unbind_broker.settings import Settings
from unbind_broker.worker.liveness import Liveness

HealthPort = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=65535,
        help="Serve GET /healthz and /metrics on this port; 0 takes any free one. "
        "Default: none.",
    ),
]

app = typer.Typer(add_completion=False)


@app.command()
def worker(
    data_dir: DataDir = None, host: Host = LOOPBACK, port: HealthPort = None
) -> None:
    """Run a worker: it sends, and keeps the deadlines.

    Any number of workers may run on one database; they share the endpoints.

    SIGTERM or Ctrl-C ends it in good order: webhooks under way are finished, what came
    of them is written down, its endpoints are given to the other workers. Again, it
    ends at once: what was not written down is sent again, and its endpoints are free
    when its lease has run out. The exit code is 0 either way.
    """
    settings = prepare()
    place: AbstractContextManager[socket.socket | None]
    place = nullcontext() if port is None else reserve(host, port)
    with place as listener, open_installation(settings, data_dir) as installation:
        run_on_loop(_worker(settings, installation, listener))


async def _worker(
    settings: Settings, installation: Installation, listener: socket.socket | None
) -> None:
    stop, liveness = Stop.on_signals(), Liveness(settings.liveness_limit)
    opened = open_runtime(settings, installation, application="unbind-broker worker")
    async with opened as runtime:
        with database_faults_told():
            if not await stop.lets_finish(require_fit(runtime)):
                return
        exposition = Exposition(runtime)
        async with telling_health(runtime.clock, listener, liveness, exposition):
            where = "" if listener is None else f", see {url_of(listener)}/healthz"
            print(f"unbind-broker worker is running{where}", flush=True)
            spare_what_stays()
            async with ending_with_database(installation.data_dir, stop):
                await run_worker_part(
                    runtime, installation.data_dir, stop, liveness, exposition
                )
