"""What does a worker cost that has nothing to do?"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from benchmarks import backlog
from benchmarks.about import About, Measure, Target, Words
from benchmarks.frame import Case, Reading, a_parser, asked, measure
from benchmarks.processes import computed, computed_by_family, resident
from benchmarks.servers import a_server, postmaster
from benchmarks.sink import Sink, a_sink
from benchmarks.workers import delivered, some_workers, transactions
from tests.support.database import Server
from unbind_broker.base.database import open_engine

ABOUT = About(
    name="idle",
    title=Words("An idle worker", "空闲的工作进程"),
    question=Words(
        "How much of a core does an idle worker take?",
        "没有东西可投递时，一个工作进程占用多少核？",
    ),
    notes=Words(
        "One worker that owns all endpoints. Each has got one item before, so that "
        "connections were used; nothing falls due while it is watched. Settings as "
        "they come: clocks, sealing, polling and the renewal of leases go on. What "
        "Postgres computes for it, its own upkeep included, stands beside it.",
        "一个工作进程持有全部端点。每个端点事先各收到过一个明细，连接都用过；观察期间没有"
        "任何明细到期。设置均为默认：时钟、封签、轮询和租约续期照常进行。旁边列出 "
        "Postgres 同期的用量（含其自身维护）。",
    ),
    sides={"worker": Words("a worker", "一个工作进程")},
    parameters={"endpoints": Words("endpoints", "端点数")},
    measures=(
        Measure("of_a_core", Words("% of a core", "占一个核的 %"), 2),
        Measure("postgres", Words("Postgres, % of a core", "Postgres 占 %"), 2),
        Measure("transactions", Words("transactions/s", "事务/秒"), 1),
        Measure("rss_mib", Words("resident, MiB", "常驻内存，MiB"), 1),
    ),
    targets=(Target("worker.of_a_core", 2.0, {"endpoints": 500}, is_most=True),),
)
CALM = 5.0
"""Seconds after the last delivery before it counts as idle."""


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read what is asked for."""
    parser = a_parser(ABOUT)
    parser.set_defaults(rounds=3, minutes=8.0)
    parser.add_argument("--endpoints", type=int, nargs="+", default=[1, 500])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--calm", type=float, default=CALM, help="seconds before")
    smoke = {"endpoints": [3], "seconds": 0.5, "calm": 0.0}
    return asked(parser, smoke, arguments)


@asynccontextmanager
async def cases(given: argparse.Namespace) -> AsyncIterator[Sequence[Case]]:
    """Name the numbers of endpoints."""
    async with a_server(smoke=given.smoke) as server:
        with a_sink() as sink:
            yield [
                Case(
                    {"endpoints": many},
                    {"worker": partial(_watch, server, sink, given, many)},
                )
                for many in given.endpoints
            ]


async def _watch(
    server: Server, sink: Sink, given: argparse.Namespace, many: int
) -> Reading:
    async with server.fresh() as url, AsyncExitStack() as ending:
        engine = open_engine(url, pool=2, application="bench")
        ending.push_async_callback(engine.dispose)
        urls = [f"{sink.url}/p/{place}" for place in range(many)]
        carrier, _ = await backlog.register(engine, urls, 50)
        sink.reset()
        model = await backlog.a_model(engine, carrier)
        (pid,) = await ending.enter_async_context(some_workers(engine, 1, {}))
        await delivered(engine, sink, many, model, 60.0)
        father = await postmaster(engine)
        await asyncio.sleep(given.calm)
        before, spent = computed(pid), computed_by_family(father)
        committed = await transactions(engine)
        await asyncio.sleep(given.seconds)
        used, spent = computed(pid) - before, computed_by_family(father) - spent
        committed = await transactions(engine) - committed
        return {
            "of_a_core": used / given.seconds * 100,
            "postgres": spent / given.seconds * 100,
            "transactions": committed / given.seconds,
            "rss_mib": resident(pid) / 2**20,
        }


if __name__ == "__main__":
    measure(ABOUT, options(), cases)
