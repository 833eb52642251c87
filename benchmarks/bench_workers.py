"""Do several workers deliver more than one?

Each reading: a fresh database, workers that share the endpoints evenly, then a backlog
that falls due in one transaction. Time runs from the receiver's first request to the
last record.
"""

import argparse
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from uuid import UUID

from benchmarks import backlog
from benchmarks.about import About, Measure, Ratio, Target, Words
from benchmarks.frame import Case, Reading, a_parser, asked, measure
from benchmarks.servers import a_server
from benchmarks.sink import Sink, a_sink
from benchmarks.workers import delivered, some_workers, watched
from tests.support.database import Server
from unbind_broker.base.database import open_engine

ABOUT = About(
    name="workers",
    title=Words("Several workers", "多个工作进程"),
    question=Words(
        "How much more do two and four workers deliver than one?",
        "两个、四个工作进程比一个多投递多少？",
    ),
    notes=Words(
        "Workers, Postgres and the receiver share the cores of one machine; the kernel "
        "places them. Where the machine's busy cores come near to all it has, more "
        "workers cannot help. Those that wait for disk wait for the "
        "write-ahead log, too. Each batch size has a backlog of its own length; every "
        "item is acknowledged and none is answered with a result.",
        "工作进程、Postgres 和接收端共用一台机器的核，由内核调度。当整机忙碌的核数接近"
        "总核数时，再加工作进程也无济于事。“等磁盘”包括等预写日志。每种批量各有"
        "自己的积压长度；每个明细都只被确认收到，不带结果。",
    ),
    sides={
        "workers_1": Words("1 worker", "1 个工作进程"),
        "workers_2": Words("2 workers", "2 个工作进程"),
        "workers_4": Words("4 workers", "4 个工作进程"),
    },
    parameters={"batch": Words("max_batch", "max_batch")},
    measures=(
        Measure("items_per_second", Words("items/s", "条/秒")),
        Measure("worker_cores", Words("workers' cores", "工作进程用核"), 2),
        Measure("postgres_cores", Words("Postgres's cores", "Postgres 用核"), 2),
        Measure("receiver_cores", Words("receiver's cores", "接收端用核"), 2),
        Measure("machine_cores", Words("all busy cores", "整机忙碌核数"), 2),
        Measure(
            "backends_running",
            Words("Postgres backends at work, mean", "在算的 Postgres 后端，平均"),
            2,
        ),
        Measure(
            "backends_writing",
            Words("backends that wait for disk, mean", "等磁盘的后端，平均"),
            2,
        ),
        Measure(
            "backends_locked",
            Words("backends that wait for locks, mean", "等锁的后端，平均"),
            2,
        ),
    ),
    ratios=(
        Ratio(
            "two",
            Words("2 workers to 1", "2 个与 1 个之比"),
            "items_per_second",
            "workers_2",
            "workers_1",
        ),
        Ratio(
            "four",
            Words("4 workers to 1", "4 个与 1 个之比"),
            "items_per_second",
            "workers_4",
            "workers_1",
        ),
    ),
    targets=(Target("four", 3.0),),
)
SECONDS = 120.0


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read what is asked for."""
    parser = a_parser(ABOUT)
    parser.set_defaults(rounds=3, minutes=6.0)
    parser.add_argument("--endpoints", type=int, default=40)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 50])
    parser.add_argument("--orders", type=int, default=1000, help="at batch 1")
    parser.add_argument("--times", type=int, default=8, help="as many above batch 1")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    smoke = {"endpoints": 4, "orders": 5, "times": 1, "batches": [50]}
    return asked(parser, {**smoke, "workers": [2]}, arguments)


@asynccontextmanager
async def cases(given: argparse.Namespace) -> AsyncIterator[Sequence[Case]]:
    """Name the batch sizes, each with a side for every number of workers."""
    async with a_server(smoke=given.smoke) as server:
        with a_sink() as sink:
            yield [
                Case(
                    {"batch": batch},
                    {
                        f"workers_{many}": partial(
                            _deliver, server, sink, given, batch, many
                        )
                        for many in given.workers
                    },
                )
                for batch in given.batches
            ]


async def _deliver(
    server: Server, sink: Sink, given: argparse.Namespace, batch: int, many: int
) -> Reading:
    orders = given.orders * (given.times if batch > 1 else 1)
    async with server.fresh() as url:
        engine = open_engine(url, pool=4, application="bench")
        try:
            urls = [f"{sink.url}/p/{place}" for place in range(given.endpoints)]
            carrier, _ = await backlog.register(engine, urls, batch)
            model = await backlog.a_model(engine, carrier)
            sink.reset()
            async with some_workers(engine, many, {}) as pids:
                await delivered(engine, sink, given.endpoints, model, SECONDS)
                sink.reset()
                async with watched(engine, pids, sink.pid) as load:
                    await backlog.release(engine, model, 1, orders)
                    first = UUID(int=model.int + 1)
                    expected = orders * given.endpoints
                    ended = await delivered(engine, sink, expected, first, SECONDS)
        finally:
            await engine.dispose()
    seconds = ended - sink.read()["first"]
    return {"items_per_second": expected / seconds, **load.figures}


if __name__ == "__main__":
    measure(ABOUT, options(), cases)
