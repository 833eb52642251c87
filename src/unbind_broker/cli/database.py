"""Open the database for one command, and say plainly when that does not work."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy.exc import DBAPIError

from unbind_broker.base.database import AWAY
from unbind_broker.base.errors import BrokerError
from unbind_broker.cli.loop import run_on_loop
from unbind_broker.runtime.installation import Installation, open_installation
from unbind_broker.runtime.logs import set_up_logs
from unbind_broker.runtime.opening import Runtime, open_runtime
from unbind_broker.schema.migrate import SchemaOutdated, migrate, require_current
from unbind_broker.settings import Settings, load_settings

ACTOR = "command-line"
"""Whom the audit trail names for what is done by command."""

Value = TypeVar("Value")


class DatabaseUnusable(BrokerError):
    """The database does not answer, or not as it should."""

    code = "database-unavailable"
    title = "The database cannot be used"


def use_database(
    data_dir: Path | None, work: Callable[[Runtime], Awaitable[Value]]
) -> Value:
    """Do ``work`` on a current schema.

    In an embedded installation the schema is made current first; on a shared server
    that is left to whoever runs ``migrate``.
    """
    settings = prepare()
    with open_installation(settings, data_dir) as installation:
        return run_on_loop(_use(settings, installation, work))


def prepare() -> Settings:
    """Read the settings and set up the logs as they say."""
    settings = load_settings()
    set_up_logs(settings.log_format, settings.log_level)
    return settings


@contextmanager
def database_faults_told() -> Iterator[None]:
    """Turn the many ways in which a database is away into one readable error."""
    try:
        yield
    except AWAY as error:
        raise DatabaseUnusable(f"the database cannot be used: {_why(error)}") from error


async def _use(
    settings: Settings,
    installation: Installation,
    work: Callable[[Runtime], Awaitable[Value]],
) -> Value:
    opened = open_runtime(
        settings, installation, application="unbind-broker command line"
    )
    async with opened as runtime:
        with database_faults_told():
            await _make_current(runtime, embedded=installation.data_dir is not None)
            return await work(runtime)


async def _make_current(runtime: Runtime, *, embedded: bool) -> None:
    try:
        await require_current(runtime.engine)
    except SchemaOutdated:
        if not embedded:
            raise
        await migrate(runtime.engine)


def _why(error: Exception) -> str:
    if isinstance(error, DBAPIError):
        return str(error.orig).partition("\n")[0]
    if isinstance(error, OSError):
        return error.strerror or str(error) or "it does not answer"
    return "every connection is taken"
