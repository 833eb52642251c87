"""Open what every process stands on: database, keys, clock."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from unbind_broker.base.clock import Clock, SystemClock
from unbind_broker.base.database import open_engine
from unbind_broker.base.sealing import BlindIndex, Sealer, parse_keys
from unbind_broker.runtime.installation import Installation
from unbind_broker.settings import Settings


@dataclass(frozen=True)
class Runtime:
    """The parts of one process that features are handed piece by piece."""

    settings: Settings
    engine: AsyncEngine
    clock: Clock
    sealer: Sealer
    blind_index: BlindIndex


@asynccontextmanager
async def open_runtime(
    settings: Settings, installation: Installation, *, application: str
) -> AsyncIterator[Runtime]:
    """Open the pool and the keys; close the pool in the end.

    ``application`` is what Postgres shows in ``pg_stat_activity``.
    """
    engine = open_engine(
        installation.database_url, pool=settings.database_pool, application=application
    )
    try:
        yield Runtime(
            settings=settings,
            engine=engine,
            clock=SystemClock(),
            sealer=Sealer(parse_keys(installation.secret_keys)),
            blind_index=BlindIndex(parse_keys(installation.index_key)[0]),
        )
    finally:
        await engine.dispose()
