"""``unbind-broker serve``: the API alone."""

import socket
from functools import partial

import typer

from unbind_broker.app.server import reserve, url_of
from unbind_broker.cli.broker import announce, run_api_part
from unbind_broker.cli.database import database_faults_told, prepare
from unbind_broker.cli.database_watch import ending_with_database
from unbind_broker.cli.fitting_keys import require_fit
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
from unbind_broker.runtime.opening import open_runtime
from unbind_broker.settings import Settings

app = typer.Typer(add_completion=False)


@app.command()
def serve(
    data_dir: DataDir = None,
    host: Host = LOOPBACK,
    port: Port = DEFAULT_PORT,
    as_json: AsJson = False,
) -> None:
    """Run the API. It needs a worker beside it, and a database that was migrated."""
    settings = prepare()
    with (
        reserve(host, port) as listener,
        open_installation(settings, data_dir) as installation,
    ):
        run_on_loop(_serve(settings, installation, listener, as_json=as_json))


async def _serve(
    settings: Settings,
    installation: Installation,
    listener: socket.socket,
    *,
    as_json: bool,
) -> None:
    stop = Stop.on_signals()
    opened = open_runtime(settings, installation, application="unbind-broker serve")
    async with opened as runtime:
        with database_faults_told():
            if not await stop.lets_finish(require_fit(runtime)):
                return
        ready = partial(
            announce, url_of(listener), installation.data_dir, as_json=as_json
        )
        async with ending_with_database(installation.data_dir, stop):
            notice = settings.drain_notice
            await run_api_part(runtime, listener, stop, ready, notice=notice)
