"""Open what every process stands on: database, keys, clock."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from sqlalchemy.ext.asyncio import AsyncEngine

from unbind_broker.base.broker_key import BrokerKey
from unbind_broker.base.clock import Clock, SystemClock
from unbind_broker.base.database import close_engine, open_engine
from unbind_broker.base.name_lookup import LookUp, look_up
from unbind_broker.base.sealing import (
    BlindIndex,
    Sealer,
    SecretKey,
    SecretKeyInvalid,
    parse_keys,
)
from unbind_broker.base.tracing import NO_TRACES, Tracer
from unbind_broker.runtime.installation import Installation
from unbind_broker.runtime.tracing import open_tracer
from unbind_broker.settings import Settings, SettingsWrong

FIGURES_LIMIT = 2.0
"""Seconds after which the server gives up a statement that reads figures."""


@dataclass(frozen=True)
class Runtime:
    """The parts of one process that features are handed piece by piece."""

    settings: Settings
    engine: AsyncEngine
    clock: Clock
    sealer: Sealer
    blind_index: BlindIndex
    broker_key: BrokerKey
    look_up: LookUp = look_up
    readers: AsyncEngine | None = None
    """Connections that writers cannot take; None: reads use those of the writers."""
    probes: AsyncEngine | None = None
    """The one by which the process finds out whether the database is there."""
    lookups: AsyncEngine | None = None
    """The one that keys are looked up by: reads and writes cannot take it."""
    figures: AsyncEngine | None = None
    """The one by which Prometheus' figures are read; slow statements are given up."""
    tracer: Tracer = NO_TRACES


@asynccontextmanager
async def open_runtime(
    settings: Settings, installation: Installation, *, application: str
) -> AsyncIterator[Runtime]:
    """Open the pools and the keys; close the pools in the end.

    ``application`` is what Postgres shows in ``pg_stat_activity``.
    """
    sealer = Sealer(_keys("UNBIND_SECRET_KEYS", installation.secret_keys))
    index_key = _keys("UNBIND_INDEX_KEY", installation.index_key)[0]
    opened = partial(open_engine, installation.database_url, application=application)
    engine = opened(pool=settings.database_pool)
    readers = opened(pool=settings.database_read_pool, autocommit=True)
    probes, lookups = (opened(pool=1, autocommit=True) for _ in range(2))
    figures = opened(pool=1, autocommit=True, statement_limit=FIGURES_LIMIT)
    try:
        async with open_tracer(settings, application.replace(" ", "-")) as tracer:
            yield Runtime(
                settings=settings,
                engine=engine,
                clock=SystemClock(),
                sealer=sealer,
                blind_index=BlindIndex(index_key),
                broker_key=_broker_key(settings, index_key),
                readers=readers,
                probes=probes,
                lookups=lookups,
                figures=figures,
                tracer=tracer,
            )
    finally:
        for pool in (figures, lookups, probes, readers, engine):
            await close_engine(pool)


def _broker_key(settings: Settings, index_key: SecretKey) -> BrokerKey:
    if settings.signing_key is None:
        return BrokerKey.derived(index_key)
    text = settings.signing_key.get_secret_value()
    return BrokerKey(_keys("UNBIND_SIGNING_KEY", text)[0])


def _keys(setting: str, text: str) -> tuple[SecretKey, ...]:
    try:
        return parse_keys(text)
    except SecretKeyInvalid as wrong:
        raise SettingsWrong(f"{setting}: {wrong.detail}") from None
