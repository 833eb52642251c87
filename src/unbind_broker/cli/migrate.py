"""``unbind-broker migrate``: the newest schema."""

import json

import typer

from unbind_broker.cli.database import database_faults_told, prepare
from unbind_broker.cli.loop import run_on_loop
from unbind_broker.cli.options import AsJson, DataDir
from unbind_broker.runtime.installation import Installation, open_installation
from unbind_broker.runtime.opening import open_runtime
from unbind_broker.schema import migrate as schema
from unbind_broker.settings import Settings

app = typer.Typer(add_completion=False)


@app.command()
def migrate(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Bring the database to the newest schema and tell its revision.

    May be run at any time, by several at once, and while the broker works. Run it
    after a dump was loaded into a new cluster too, before anything else starts there.
    """
    settings = prepare()
    with open_installation(settings, data_dir) as installation:
        revision = run_on_loop(_migrate(settings, installation))
    print(json.dumps({"revision": revision}) if as_json else revision)


async def _migrate(settings: Settings, installation: Installation) -> str:
    opened = open_runtime(settings, installation, application="unbind-broker migrate")
    async with opened as runtime:
        with database_faults_told():
            return await schema.migrate(runtime.engine)
