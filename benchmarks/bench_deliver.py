"""How fast does one worker deliver, at several batch sizes, beside its bare client?

Both sides post to the same receiver in turns in one run: a whole worker (reads, signs,
sends, records) and a bare aiohttp client that posts bodies of the same size. Time runs
from the receiver's first request to the last record, or answer. Read the ratios.
"""

import argparse
import asyncio
import json
import platform
import statistics
from time import monotonic

import aiohttp
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.sink import Sink, a_sink
from tests.support.app import a_runtime
from tests.support.builders import a_carrier, a_platform, an_endpoint
from tests.support.database import Server, open_server
from tests.support.order_builders import an_order, asked, many_orders
from unbind_broker.base.clock import SystemClock
from unbind_broker.base.database import open_engine
from unbind_broker.endpoints.tables import endpoint_leases
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.worker.process import run_worker

CONCURRENCY = 4
ITEM_BYTES = 330
HEADERS = {"content-type": "application/json", "user-agent": "bench"}


async def main() -> None:
    """Measure, and print one JSON document."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--endpoints", type=int, default=20)
    arguments.add_argument("--orders", type=int, default=1000)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--batches", type=int, nargs="+", default=[1, 10, 50])
    given = arguments.parse_args()
    found: dict[int, list[tuple[float, float]]] = {size: [] for size in given.batches}
    with a_sink() as sink:
        async with open_server() as server:
            for _ in range(given.rounds):
                for size in given.batches:
                    items_sent = await _worker(server, sink, given, size)
                    requests = given.endpoints * given.orders // size
                    bare = await _bare(sink, given.endpoints, requests, size)
                    found[size].append((items_sent, bare))
    first = statistics.median(rate for rate, _ in found[given.batches[0]])
    report = {
        "rows": [
            {
                "max_batch": size,
                "worker_items_per_second": round(
                    statistics.median(rate for rate, _ in rates)
                ),
                "of_bare_client": round(
                    statistics.median(rate / bare for rate, bare in rates), 2
                ),
                "of_first_row": round(
                    statistics.median(rate for rate, _ in rates) / first, 1
                ),
            }
            for size, rates in found.items()
        ],
        "endpoints": given.endpoints,
        "orders": given.orders,
        "rounds": given.rounds,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    print(json.dumps(report, indent=2))


async def _worker(
    server: Server, sink: Sink, given: argparse.Namespace, size: int
) -> float:
    """Let a worker deliver a backlog; return items per second."""
    async with server.fresh() as url:
        engine = open_engine(url, pool=10, application="bench")
        expected = await _backlog(engine, sink, given, size)
        sink.reset()
        stopping = asyncio.Event()
        runtime = a_runtime(engine, SystemClock())
        working = asyncio.create_task(run_worker(runtime, stopping))
        try:
            async with asyncio.timeout(60):
                while await _queued(engine):  # noqa: ASYNC110 - it is in the database
                    await asyncio.sleep(0.02)
            recorded_at = monotonic()
        finally:
            stopping.set()
            await working
            await engine.dispose()
    seen = sink.read()
    if seen["items"] < expected:
        raise AssertionError(f"{expected} items expected, {seen['items']} came")
    return expected / (recorded_at - seen["first"])


async def _backlog(
    engine: AsyncEngine, sink: Sink, given: argparse.Namespace, size: int
) -> int:
    now = SystemClock().now()
    async with engine.begin() as db:
        for place in range(given.endpoints):
            await an_endpoint(
                db,
                await a_platform(db, f"platform-{place}"),
                f"{sink.url}/p/{place}",
                max_batch=size,
                max_concurrency=CONCURRENCY,
                now=now,
            )
        carrier = await a_carrier(db)
        model = await an_order(db, carrier, asked(now=now), now=now)
        await many_orders(db, carrier, given.orders - 1, like=model)
        # The copies stand at the very beginning of the log.
        await db.execute(update(endpoint_leases).values(cursor_xid=0))
    return int(given.endpoints * given.orders)


async def _queued(engine: AsyncEngine) -> int:
    queued = items.c.status == ItemStatus.QUEUED
    async with engine.connect() as db:
        statement = select(func.count()).select_from(items).where(queued)
        return int((await db.execute(statement)).scalar_one())


async def _bare(sink: Sink, endpoints: int, requests: int, size: int) -> float:
    """Post as many bodies of the same size; return items per second."""
    sink.reset()
    body = b" " * (ITEM_BYTES * size)
    left = iter(range(requests))
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), headers=HEADERS
    ) as session:

        async def client(place: int) -> None:
            for _ in left:
                async with session.post(f"{sink.url}/p/{place}", data=body) as answer:
                    await answer.read()

        clients = range(endpoints * CONCURRENCY)
        await asyncio.gather(*(client(place % endpoints) for place in clients))
    return requests * size / (monotonic() - sink.read()["first"])


if __name__ == "__main__":
    asyncio.run(main())
