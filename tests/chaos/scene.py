"""What scenarios stand on: a durable Postgres, receivers, platforms, a carrier."""

import tempfile
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from tests.chaos.own_postgres import OwnPostgres, own_postgres
from tests.chaos.sink import Behaviour
from tests.chaos.sinks import Sinks, sinks
from tests.journeys.processes import Processes, processes
from tests.support.builders import a_carrier, a_key, a_platform, an_endpoint
from unbind_broker.base.clock import SystemClock
from unbind_broker.base.database import open_engine
from unbind_broker.base.ids import EndpointId, PlatformId
from unbind_broker.carriers.service import Carrier

CLOCK = SystemClock()
KEYS = {
    "UNBIND_SECRET_KEYS": urlsafe_b64encode(b"a sealing key of thirty-two byte"),
    "UNBIND_INDEX_KEY": urlsafe_b64encode(b"an index key of thirty-two bytes"),
}
"""Those of ``tests.support.sealing``, as settings take them."""


@dataclass
class Scene:
    """A place of the lists is called a door: one platform's endpoint."""

    folder: Path
    postgres: OwnPostgres
    version: str
    engine: AsyncEngine
    sinks: Sinks
    carrier: Carrier
    carrier_key: str
    platforms: list[PlatformId] = field(default_factory=list)
    endpoints: list[EndpointId] = field(default_factory=list)
    behaviours: list[Behaviour] = field(default_factory=list)

    async def add_door(self, behaviour: Behaviour, **limits: Any) -> int:
        """Add a platform whose endpoint answers so; its secret is filled in."""
        door = len(self.platforms)
        async with self.engine.begin() as db:
            platform = await a_platform(db, f"platform-{door}", now=CLOCK.now())
            made = await an_endpoint(
                db, platform, self.sinks.url(door), now=CLOCK.now(), **limits
            )
        self.platforms.append(platform.id)
        self.endpoints.append(made.endpoint.id)
        self.behaviours.append(replace(behaviour, secret=made.secret))
        return door

    async def open_doors(self) -> None:
        """Let the receivers answer as was told, from now on."""
        await self.sinks.behave(dict(enumerate(self.behaviours)))

    @asynccontextmanager
    async def commands(self, **environment: str) -> AsyncIterator[Processes]:
        """Commands of the broker on this database."""
        keys = {name: key.decode() for name, key in KEYS.items()}
        async with processes(self.folder, **keys, **environment) as made:
            yield made


@asynccontextmanager
async def a_scene(*, sink_processes: int = 1) -> AsyncIterator[Scene]:
    """Set the scene: no platforms yet, one carrier."""
    with tempfile.TemporaryDirectory(prefix="unbind-scene-") as name:
        folder = Path(name)
        async with own_postgres() as postgres, sinks(folder, sink_processes) as sunk:
            version = await postgres.prepare()
            engine = open_engine(postgres.url(), pool=4, application="the test")
            try:
                async with engine.begin() as db:
                    carrier = await a_carrier(db, now=CLOCK.now())
                    key = await a_key(db, carrier, now=CLOCK.now())
                yield Scene(folder, postgres, version, engine, sunk, carrier, key.key)
            finally:
                await engine.dispose()
