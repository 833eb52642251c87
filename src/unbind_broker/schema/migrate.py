"""Bring a database to the newest schema, or refuse to work on an older one."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

import unbind_broker
from unbind_broker.base.database import open_engine
from unbind_broker.base.errors import BrokerError
from unbind_broker.schema.transaction_count import catch_up

ONE_MIGRATION_AT_A_TIME = 0x756E62696E64  # "unbind": the advisory lock of migrations


class SchemaOutdated(BrokerError):
    """The database is older than this program."""

    code = "schema-outdated"
    title = "The database schema is older than this program"


async def migrate(engine: AsyncEngine) -> str:
    """Run every outstanding migration and return the revision reached.

    A cluster that was loaded from a dump counts its transactions on to where the rows
    left off; raises ``TransactionsBehind`` where that is too far.
    Waits for another migration of the same database to end; gives up on any lock that
    traffic holds for more than 5 s, so that a migration never queues up the traffic.
    """
    # Large tables take their time, and so does waiting for one's turn.
    patient = open_engine(
        engine.url, pool=1, application="unbind-broker migration", answer_limit=None
    )
    try:
        async with patient.connect() as db:
            await _migrate(db)
    finally:
        await patient.dispose()
    return head()


async def _migrate(db: AsyncConnection) -> None:
    await db.execute(
        text("SELECT pg_advisory_lock(:key)"), {"key": ONE_MIGRATION_AT_A_TIME}
    )
    await db.execute(text("SET lock_timeout = '5s'"))
    await db.execute(text("SET statement_timeout = '15min'"))
    await db.commit()
    try:
        await db.run_sync(_upgrade)
        await db.commit()
        await catch_up(await db.execution_options(isolation_level="AUTOCOMMIT"))
    finally:
        await db.rollback()
        await db.invalidate()


def head() -> str:
    """Return the newest revision that this program knows."""
    revision = _script().get_current_head()
    if revision is None:
        raise SchemaOutdated("this installation has no migrations")
    return revision


async def require_current(engine: AsyncEngine) -> None:
    """Raise ``SchemaOutdated`` if the database lacks a migration of this program.

    A revision that this program has never heard of is newer and accepted: old and new
    programs run side by side during an upgrade.
    """
    async with engine.connect() as db:
        found = await db.run_sync(
            lambda connection: MigrationContext.configure(
                connection
            ).get_current_revision()
        )
    if found is not None and (found == head() or found not in _known()):
        return
    raise SchemaOutdated(
        f"the database has {f'schema {found}' if found else 'no schema yet'}, this "
        f"program needs {head()}; run: unbind-broker migrate (with the same --data-dir "
        "or UNBIND_DATABASE_URL)"
    )


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _known() -> set[str]:
    return {script.revision for script in _script().walk_revisions()}


def _script() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_migrations()))
    return config


def _migrations() -> Path:
    package = Path(unbind_broker.__file__).parent
    packaged = package / "_migrations"
    return packaged if packaged.is_dir() else package.parents[1] / "migrations"
