"""``unbind-broker worker``: the sending part alone."""

import typer

from unbind_broker.cli.broker import run_worker_part
from unbind_broker.cli.database import database_faults_told, prepare
from unbind_broker.cli.database_watch import ending_with_database
from unbind_broker.cli.fitting_keys import require_fitting_keys
from unbind_broker.cli.loop import Stop, run_on_loop
from unbind_broker.cli.options import DataDir
from unbind_broker.runtime.installation import Installation, open_installation
from unbind_broker.runtime.opening import open_runtime
from unbind_broker.schema.migrate import require_current
from unbind_broker.settings import Settings

app = typer.Typer(add_completion=False)


@app.command()
def worker(data_dir: DataDir = None) -> None:
    """Run a worker: it sends, and keeps the deadlines.

    Any number of workers may run on one database; they share the endpoints.
    """
    settings = prepare()
    with open_installation(settings, data_dir) as installation:
        run_on_loop(_worker(settings, installation))


async def _worker(settings: Settings, installation: Installation) -> None:
    stop = Stop.on_signals()
    opened = open_runtime(settings, installation, application="unbind-broker worker")
    async with opened as runtime:
        with database_faults_told():
            await require_current(runtime.engine)
            await require_fitting_keys(runtime)
        print("unbind-broker worker is running", flush=True)
        async with ending_with_database(installation.data_dir, stop):
            await run_worker_part(runtime, installation.data_dir, stop)
