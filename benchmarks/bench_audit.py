"""How fast is the trail sealed, and what does that cost whoever writes it?

Processes record events, some to a transaction, in turns without and with a sealer
beside them in one more. They are several, so that the database is kept busy, not one
event loop of ours. A backlog is sealed by itself. Every event is of the size that an
accepted order leaves. Read the ratio, not the rates.
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from time import perf_counter

from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.about import About, Measure, Ratio, Words
from benchmarks.audit_writers import Writing, a_fact, write_all
from benchmarks.frame import Case, Reading, a_parser, asked, measure
from benchmarks.processes import computed_by_family
from benchmarks.servers import a_server, postmaster
from tests.support.clock import NOON, FixedClock
from tests.support.sealing import BROKER_KEY
from unbind_broker.audit import store
from unbind_broker.audit.sealing import MOST_EVENTS, seal
from unbind_broker.audit.seals import START
from unbind_broker.audit.trail import record
from unbind_broker.base.database import open_engine
from unbind_broker.worker.seal_clock import SealClock

ABOUT = About(
    name="audit",
    title=Words("Sealing the trail", "审计封签"),
    question=Words(
        "What does sealing cost whoever writes the trail, and how fast is it?",
        "封签给写入审计的一方带来多少开销？它本身有多快？",
    ),
    notes=Words(
        "Connections record events of the size that an accepted order leaves, some to "
        "a transaction, without and with a sealer beside them in a process of its own. "
        "Postgres's CPU beside a sealer includes what the sealer has it do. The "
        "backlog is sealed by itself, nobody writes meanwhile.",
        "若干连接写入与受理订单同样大小的事件，每个事务写几条；对照为旁边另有一个进程在"
        "封签，此时 Postgres CPU 包含封签方所用。“backlog” "
        "一行是无人写入时单独封签的速度。",
    ),
    sides={
        "alone": Words("nobody seals", "无人封签"),
        "beside": Words("beside a sealer", "旁边在封签"),
        "sealer": Words("a sealer alone", "只有封签"),
    },
    parameters={"what": Words("what", "内容")},
    measures=(
        Measure("events_per_second", Words("events/s", "条/秒")),
        Measure(
            "postgres_us_per_event",
            Words(
                "Postgres's CPU, sealing included, µs an event",
                "Postgres CPU（含封签），微秒/条",
            ),
        ),
        Measure("unsealed", Words("unsealed at the end, events", "结束时未封，条")),
    ),
    ratios=(
        Ratio(
            "beside",
            Words("beside a sealer to without", "有封签与无封签之比"),
            "events_per_second",
            "beside",
            "alone",
        ),
    ),
)


def main() -> None:
    """Measure, and keep what was read; or be the sealer of another one."""
    given = options()
    if given.sealer:
        asyncio.run(_seal_until_told(given.sealer))
    else:
        measure(ABOUT, given, cases)


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read what is asked for."""
    parser = a_parser(ABOUT)
    parser.add_argument("--backlog", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=5.0, help="of writing")
    parser.add_argument("--writers", type=int, default=2, help="processes")
    parser.add_argument("--clients", type=int, default=4, help="connections of each")
    parser.add_argument("--facts", type=int, default=5, help="per transaction")
    parser.add_argument("--sealer", help=argparse.SUPPRESS)
    return asked(parser, {"backlog": 200, "seconds": 0.2, "clients": 2}, arguments)


@asynccontextmanager
async def cases(given: argparse.Namespace) -> AsyncIterator[Sequence[Case]]:
    """Name what is done; all of it in one database."""
    async with a_server(smoke=given.smoke) as server, server.fresh() as url:
        engine = open_engine(url, pool=2, application="bench")
        try:
            yield [
                Case(
                    {"what": "written"},
                    {
                        "alone": partial(_written, engine, given, url),
                        "beside": partial(_written_beside, engine, given, url),
                    },
                ),
                Case(
                    {"what": "backlog"},
                    {"sealer": partial(_sealed, engine, given.backlog)},
                ),
            ]
        finally:
            await engine.dispose()


async def _written(engine: AsyncEngine, given: argparse.Namespace, url: str) -> Reading:
    figures = await _write(engine, given, url)
    await _seal_all(engine)
    return figures


async def _written_beside(
    engine: AsyncEngine, given: argparse.Namespace, url: str
) -> Reading:
    async with _sealer(url):
        figures = await _write(engine, given, url)
        left = await _unsealed(engine)
    await _seal_all(engine)
    return {**figures, "unsealed": left}


async def _sealed(engine: AsyncEngine, backlog: int) -> Reading:
    return {"events_per_second": await _backlog_rate(engine, backlog)}


async def _backlog_rate(engine: AsyncEngine, events: int) -> float:
    """Fill the trail, then seal it; events per second of sealing."""
    for first in range(0, events, 10_000):
        some = min(10_000, events - first)
        async with engine.begin() as db:
            await record(db, NOON, *(a_fact() for _ in range(some)))
    started = perf_counter()
    sealed = await _seal_all(engine)
    if sealed != events:
        raise AssertionError(f"{events} events expected, {sealed} were sealed")
    return sealed / (perf_counter() - started)


async def _seal_all(engine: AsyncEngine) -> int:
    sealed = 0
    while await _unsealed(engine):
        async with engine.begin() as db:
            made = await seal(db, NOON, BROKER_KEY, MOST_EVENTS)
        sealed += made.events if made else 0
    return sealed


async def _unsealed(engine: AsyncEngine) -> int:
    async with engine.connect() as db:
        last = await store.load_last_seal(db)
        return await store.count_behind(db, last.last if last else START)


async def _write(engine: AsyncEngine, given: argparse.Namespace, url: str) -> Reading:
    writing = Writing(url, given.clients, given.facts, given.seconds)
    father = await postmaster(engine)
    spent = computed_by_family(father)
    wrote = await asyncio.to_thread(write_all, writing, given.writers)
    spent = computed_by_family(father) - spent
    return {
        "events_per_second": wrote.events / (wrote.ended - wrote.began),
        "postgres_us_per_event": spent / wrote.events * 1e6,
    }


@asynccontextmanager
async def _sealer(url: str) -> AsyncIterator[None]:
    """Run a sealer in a process of its own, as a worker is."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.bench_audit",
        "--sealer",
        url,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    pipes = process.stdin, process.stdout
    if pipes[0] is None or pipes[1] is None:
        raise AssertionError("a process without its pipes")
    await pipes[1].readline()
    try:
        yield
    finally:
        pipes[0].close()
        await process.wait()


async def _seal_until_told(url: str) -> None:
    """Seal every second, as a worker does, until the standard input ends."""
    engine = open_engine(url, pool=1, application="bench sealer")
    clock = SealClock(engine, FixedClock(), BROKER_KEY, timedelta(seconds=1))
    over = asyncio.ensure_future(asyncio.to_thread(sys.stdin.read))
    print("ready", flush=True)
    while not over.done():
        pause = await clock.step()
        await asyncio.wait([over], timeout=pause)
    await engine.dispose()


if __name__ == "__main__":
    main()
