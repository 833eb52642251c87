"""What does it cost the readers that somebody keeps an old snapshot open?

A worker delivers what other processes accept and answer, one request in five failing
at first: (a) undisturbed, (b) beside a read-only REPEATABLE READ transaction and (c)
beside a transaction that has an id, both open for the whole time. Each is measured on a
database of its own, in the second half of its time: the reads of the order log and of
``deliveries``, as the worker waits for them, and beside them a statement that reads no
table. Its times say how busy the machine was; the ratios to (a) are cleared of that.

Those ratios are of two readings at a time, by which the frame and the page do not
divide: the report stands for itself.
"""

import argparse
import asyncio
import json
import platform
import statistics
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from time import monotonic, perf_counter
from typing import Any

from sqlalchemy import event, func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.accepting import accepting
from benchmarks.frame import add_smoke, asked
from benchmarks.sink import Sink, a_sink
from tests.support.app import a_runtime
from tests.support.builders import a_platform, an_endpoint
from tests.support.database import Server, open_server
from unbind_broker.base.clock import SystemClock
from unbind_broker.base.database import open_engine
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.worker.process import run_worker

HELD = {
    "undisturbed": (),
    "snapshot_held": (
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        "SELECT count(*) FROM platforms",
    ),
    "transaction_open": ("SELECT pg_current_xact_id()",),
}
YARDSTICK = "SELECT count(*) FROM generate_series(1, 5000) AS yardstick"
READS = {
    "FROM order_log": "log",
    "FROM deliveries r": "deliveries",
    "AS yardstick": "yardstick",
}
PLAN = (timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=4))

Figures = dict[str, Any]
Times = dict[str, list[tuple[float, float]]]
"""For each kind of read: when it ended, and the seconds it took."""


async def main() -> None:
    """Measure, and print one JSON document."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=120, help="for each case")
    arguments.add_argument("--rate", type=int, default=30, help="orders a second")
    arguments.add_argument("--endpoints", type=int, default=20)
    add_smoke(arguments)
    given = asked(arguments, {"seconds": 2.5, "endpoints": 2})
    found = {}
    with a_sink(fails_one_in=5) as sink:
        async with open_server() as server:
            for name in HELD:
                found[name] = await _case(server, sink, given, name)
    base = found["undisturbed"]
    report = {
        "cases": found,
        "ratios": {
            name: {
                read: {
                    part: _ratio(case, base, read, part)
                    for part in ("p50_ms", "p95_ms")
                }
                for read in ("log", "deliveries")
            }
            for name, case in found.items()
            if case is not base
        },
        **vars(given),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    print(json.dumps(report, indent=2))


async def _case(
    server: Server, sink: Sink, given: argparse.Namespace, name: str
) -> Figures:
    async with server.fresh() as url:
        engine = open_engine(url, pool=10, application="bench")
        await _registry(engine, sink, given.endpoints)
        times = _timed(engine)
        stopping = asyncio.Event()
        settings = {"retry_plan": PLAN, "query_retry_plan": PLAN}
        runtime = a_runtime(engine, SystemClock(), **settings)
        async with _held(url, name):
            working = asyncio.create_task(run_worker(runtime, stopping))
            with accepting(url, given.rate) as accepted:
                began = monotonic()
                while monotonic() < began + given.seconds:
                    await _measure_by_yardstick(engine)
                ended = monotonic()
            left = await _queued(engine)
        stopping.set()
        await working
        await engine.dispose()
    middle = (began + ended) / 2
    return {
        **{read: _figures(rows, middle, ended) for read, rows in times.items()},
        "orders_accepted": accepted.value,
        "items_queued_at_the_end": left,
    }


def _ratio(case: Figures, base: Figures, read: str, part: str) -> float:
    busy = case["yardstick"]["p50_ms"] / base["yardstick"]["p50_ms"]
    ratio: float = case[read][part] / base[read][part] / busy
    return round(ratio, 2)


async def _measure_by_yardstick(engine: AsyncEngine) -> None:
    async with engine.connect() as db:
        await db.execute(text(YARDSTICK))
    await asyncio.sleep(0.1)


def _timed(engine: AsyncEngine) -> Times:
    times: Times = defaultdict(list)

    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def begin(*call: Any) -> None:
        call[4].began = perf_counter()

    @event.listens_for(engine.sync_engine, "after_cursor_execute")
    def end(*call: Any) -> None:
        for mark, read in READS.items():
            if mark in call[2] and call[2].lstrip().startswith("SELECT"):
                times[read].append((monotonic(), perf_counter() - call[4].began))
                break

    return times


def _figures(
    rows: list[tuple[float, float]], first: float, last: float
) -> dict[str, float]:
    took = sorted(seconds * 1000 for at, seconds in rows if first <= at <= last)
    cuts = statistics.quantiles(took, n=20)
    return {
        "reads": len(took),
        "p50_ms": round(cuts[9], 3),
        "p95_ms": round(cuts[18], 3),
    }


async def _registry(engine: AsyncEngine, sink: Sink, endpoints: int) -> None:
    now = SystemClock().now()
    async with engine.begin() as db:
        for place in range(endpoints):
            await an_endpoint(
                db,
                await a_platform(db, f"platform-{place}"),
                f"{sink.url}/p/{place}",
                now=now,
            )


@asynccontextmanager
async def _held(url: str, name: str) -> AsyncIterator[None]:
    engine = open_engine(url, pool=1, application="bench-held")
    try:
        async with engine.connect() as db:
            for statement in HELD[name]:
                await db.execute(text(statement))
            if HELD[name]:
                await db.execute(text("SET idle_in_transaction_session_timeout = 0"))
            yield
            await db.rollback()
    finally:
        await engine.dispose()


async def _queued(engine: AsyncEngine) -> int:
    queued = items.c.status == ItemStatus.QUEUED
    async with engine.connect() as db:
        statement = select(func.count()).select_from(items).where(queued)
        return int((await db.execute(statement)).scalar_one())


if __name__ == "__main__":
    asyncio.run(main())
