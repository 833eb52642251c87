"""Let one side do the whole job once, in a database of its own."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.alternatives.competitors import Competitor
from benchmarks.alternatives.job import Job
from benchmarks.alternatives.ours import our_trial
from benchmarks.alternatives.redis_server import Redis
from benchmarks.alternatives.theirs import some_doors, their_trial
from benchmarks.alternatives.trial import Machine, timed
from benchmarks.frame import Reading
from benchmarks.servers import plain_dsn, postmaster, settle
from benchmarks.signatures import items_signed_by, verified_items
from benchmarks.sink import Sink
from tests.support.database import Server
from unbind_broker.base.database import open_engine


@dataclass
class Turns:
    """What all sides share: stores, receivers, cores. Cores are the workers'.

    ``client`` is for those alternatives that leave the choice.
    """

    server: Server
    sink: Sink
    platforms: int
    processes: int
    cores: frozenset[int]
    verifies: bool
    client: str = "aiohttp"
    their_sink: Sink | None = None
    redis: Redis | None = None

    async def ours(self, orders: int, batch: int) -> Reading:
        """Deliver by our worker."""
        async with self.server.fresh() as url, _engine(url) as engine:
            urls = some_doors(self.sink.url, self.platforms).urls
            trial = await our_trial(engine, urls, orders, batch, self.processes)
            await settle(url)
            reading = await timed(trial, self.sink, await self._machine(engine))
            if self.verifies:
                seen = await verified_items(engine, self.sink.kept())
                _check(seen, trial.expected)
            return reading

    async def theirs(
        self, competitor: Competitor, orders: int, at_once: int
    ) -> Reading:
        """Deliver by an alternative."""
        sink = self.their_sink or self.sink
        if self.redis:
            await self.redis.empty()
        async with self.server.empty() as url, _engine(url) as engine:
            doors = some_doors(sink.url, self.platforms)
            job = Job(
                database_url=plain_dsn(url),
                redis_url=self.redis.url if self.redis else "",
                urls=tuple(doors.urls),
                secrets=tuple(doors.secrets),
                orders=orders,
                at_once=at_once,
                client=competitor.client or self.client,
            )
            trial = await their_trial(engine, competitor, job, self.processes)
            await settle(url)
            reading = await timed(trial, sink, await self._machine(engine))
            if self.verifies:
                _check(items_signed_by(doors.signers(), sink.kept()), trial.expected)
            return reading

    async def _machine(self, engine: AsyncEngine) -> Machine:
        stores = [await postmaster(engine)]
        if self.redis:
            stores.append(self.redis.pid)
        return Machine(self.cores, tuple(stores))


@asynccontextmanager
async def _engine(url: str) -> AsyncIterator[AsyncEngine]:
    engine = open_engine(url, pool=2, application="bench")
    try:
        yield engine
    finally:
        await engine.dispose()


def _check(seen: Counter[tuple[str, str]], expected: int) -> None:
    """Every item came, each signed as its receiver knows."""
    if len(seen) != expected:
        raise AssertionError(f"{expected} signed items expected, {len(seen)} came")
