"""``unbind-broker up``: the whole broker on one machine."""

import socket
from functools import partial

import typer

from unbind_broker.app.server import reserve, url_of
from unbind_broker.cli.broker import announce, run_both
from unbind_broker.cli.database import database_faults_told, prepare
from unbind_broker.cli.database_watch import ending_with_database
from unbind_broker.cli.fitting_keys import require_fitting_keys
from unbind_broker.cli.loop import Stop, run_on_loop
from unbind_broker.cli.options import (
    DEFAULT_PORT,
    LOOPBACK,
    AsJson,
    DataDir,
    Host,
    Port,
)
from unbind_broker.runtime.installation import Installation, open_installation
from unbind_broker.runtime.opening import Runtime, open_runtime
from unbind_broker.schema.migrate import migrate
from unbind_broker.settings import Settings

app = typer.Typer(add_completion=False)


@app.command()
def up(
    data_dir: DataDir = None,
    host: Host = LOOPBACK,
    port: Port = DEFAULT_PORT,
    as_json: AsJson = False,
) -> None:
    """Run everything on this machine: database, API and worker.

    The database is a private Postgres in the data folder (or the server that
    UNBIND_DATABASE_URL names). The registry is empty to begin with: add carriers,
    platforms and keys with the commands of these names, in another terminal.
    Ctrl-C (or SIGTERM) ends it in good order: calls and webhooks under way are
    finished, what came of them is written down. Again, it ends at once; what was not
    written down is sent again later. The exit code is 0 either way.
    """
    settings = prepare()
    with (
        reserve(host, port) as listener,
        open_installation(settings, data_dir) as installation,
    ):
        run_on_loop(_up(settings, installation, listener, as_json=as_json))


async def _up(
    settings: Settings,
    installation: Installation,
    listener: socket.socket,
    *,
    as_json: bool,
) -> None:
    stop = Stop.on_signals()
    opened = open_runtime(settings, installation, application="unbind-broker up")
    async with opened as runtime:
        with database_faults_told():
            if not await stop.lets_finish(_make_fit(runtime)):
                return
        ready = partial(
            announce, url_of(listener), installation.data_dir, as_json=as_json
        )
        async with ending_with_database(installation.data_dir, stop):
            await run_both(runtime, installation.data_dir, listener, stop, ready)


async def _make_fit(runtime: Runtime) -> None:
    await migrate(runtime.engine)
    await require_fitting_keys(runtime)
