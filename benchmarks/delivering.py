"""One case of delivering: a worker with a backlog, and clients that only post."""

import argparse
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from time import monotonic
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks import backlog
from benchmarks.bare_clients import Client, Posting, Sample
from benchmarks.frame import Reading
from benchmarks.processes import computed, computed_by_family
from benchmarks.servers import postmaster
from benchmarks.signatures import verified_items
from benchmarks.sink import Sink
from benchmarks.workers import delivered, some_workers
from tests.support.database import Server
from unbind_broker.base.database import open_engine
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items

MOST_ORDERS = 12_000
"""More take too long to be made; a single endpoint has no more items than that."""
SECONDS = 120.0


@dataclass
class Trial:
    server: Server
    sink: Sink
    given: argparse.Namespace
    size: int
    endpoints: int
    certificate: Path | None
    sample: Sample | None = None

    @property
    def orders(self) -> int:
        """Make so many orders that there is something to send in each request."""
        wanted: int = min(self.given.requests * self.size, self.given.items)
        return min(max(1, ceil(wanted / self.endpoints)), MOST_ORDERS)

    @property
    def paths(self) -> list[str]:
        """Name where the endpoints are."""
        return [f"/p/{place}" for place in range(self.endpoints)]

    async def work(self) -> Reading:
        """Let a worker deliver a backlog."""
        async with self.server.fresh() as url:
            engine = open_engine(url, pool=4, application="bench", answer_limit=SECONDS)
            try:
                return await self._work(engine)
            finally:
                await engine.dispose()

    async def _work(self, engine: AsyncEngine) -> Reading:
        urls = [self.sink.url + path for path in self.paths]
        carrier, _ = await backlog.register(engine, urls, self.size)
        self.sink.reset()
        model = await backlog.a_model(engine, carrier)
        trusted = {"SSL_CERT_FILE": str(self.certificate)} if self.certificate else {}
        expected, warm = self.orders * self.endpoints, backlog.CONCURRENCY
        first = UUID(int=model.int + warm)
        async with some_workers(engine, 1, trusted) as pids:
            # As many orders as an endpoint gets requests at once: one by connection.
            await backlog.release(engine, model, 1, warm - 1)
            warming = self.endpoints * warm
            await delivered(engine, self.sink, warming, model, SECONDS)
            self.sink.reset()
            before, father = computed(*pids), await postmaster(engine)
            with _used(self.sink) as used:
                await backlog.release(engine, model, warm, self.orders)
                spent = computed_by_family(father)
                ended = await delivered(engine, self.sink, expected, first, SECONDS)
            spent = computed_by_family(father) - spent
            working = computed(*pids) - before
        await self._check(engine, first, expected)
        seen = self.sink.read()
        return {
            "items_per_second": expected / (ended - seen["first"]),
            "cpu_us_per_item": working / expected * 1e6,
            "postgres_us_per_item": spent / expected * 1e6,
            "receiver_cores": used[0] / (ended - seen["first"]),
            "items_per_request": expected / seen["requests"],
        }

    async def _check(self, engine: AsyncEngine, first: UUID, expected: int) -> None:
        """Account for every row, verify what was kept, make the largest the sample."""
        requests = self.sink.kept()
        seen = await verified_items(engine, requests)
        self.sample = max(map(Sample.of, requests), key=lambda one: one.items)
        if self.given.smoke and (len(seen) != expected or seen.total() != expected):
            raise AssertionError(f"{expected} items expected, {seen.total()} came")
        taken = (
            select(func.count())
            .select_from(items)
            .where(items.c.order_id >= first)
            .where(items.c.status == ItemStatus.ACKNOWLEDGED)
            .where(items.c.attempts == 1)
        )
        async with engine.connect() as db:
            recorded = (await db.execute(taken)).scalar_one()
        if recorded != expected:
            raise AssertionError(f"{expected} items expected, {recorded} recorded")

    async def post(self, client: Client) -> Reading:
        """Let a client post the worker's own request."""
        if self.sample is None:
            raise AssertionError("the worker has its turn first")
        count = self.sample.items
        trust = str(self.certificate) if self.certificate else None
        tls = ssl.create_default_context(cafile=trust) if trust else None
        posting = Posting(
            self.sink.url,
            self.sample,
            self.given.seconds,
            self.paths,
            self.endpoints * backlog.CONCURRENCY,
            tls,
            self.sink.reset,
        )
        with _used(self.sink) as used:
            posted = await client(posting)
            ended = monotonic()
        seen, sent = self.sink.read(), posted.requests * count
        if seen["requests"] != posted.requests or seen["items"] != sent:
            raise AssertionError(f"{posted} expected, {seen} came")
        return {
            "items_per_second": sent / (ended - seen["first"]),
            "cpu_us_per_item": posted.computed / sent * 1e6,
            "receiver_cores": used[0] / (ended - seen["first"]),
            "items_per_request": float(count),
        }


@contextmanager
def _used(sink: Sink) -> Iterator[list[float]]:
    """Fill in the seconds that the receiver has computed in the block."""
    before, found = computed(sink.pid), [0.0]
    yield found
    found[0] = computed(sink.pid) - before
