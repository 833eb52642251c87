"""Does a worker's memory stay flat while a million items are due?"""

import argparse
import asyncio
import statistics
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from uuid import UUID

from benchmarks import backlog
from benchmarks.about import About, Measure, Target, Words
from benchmarks.frame import Case, Reading, a_parser, asked, measure
from benchmarks.processes import resident
from benchmarks.servers import a_server
from benchmarks.sink import Sink, a_sink
from benchmarks.workers import delivered, some_workers
from tests.support.database import Server
from unbind_broker.base.database import open_engine

ABOUT = About(
    name="memory",
    title=Words("Memory under a backlog", "积压时的内存"),
    question=Words(
        "How much memory does a worker take while a million items are due?",
        "一百万个明细到期时，一个工作进程占用多少内存？",
    ),
    notes=Words(
        "One worker delivers the whole backlog; its resident memory is read every "
        "half second. The slope is that of a straight line through the later half of "
        "the readings, in MiB for each 100,000 items delivered: what it would keep.",
        "一个工作进程投递全部积压，每半秒读一次常驻内存。斜率取后半段读数的拟合直线，单位为"
        "每投递十万明细增加的 MiB，即它会留住的内存。",
    ),
    sides={"worker": Words("a worker", "一个工作进程")},
    parameters={"items": Words("items due", "到期明细")},
    measures=(
        Measure("most_mib", Words("most, MiB", "峰值，MiB"), 1),
        Measure("before_mib", Words("before, MiB", "之前，MiB"), 1),
        Measure("middle_mib", Words("half-way, MiB", "中途，MiB"), 1),
        Measure("after_mib", Words("at the end, MiB", "结束时，MiB"), 1),
        Measure("slope", Words("MiB per 100,000 items", "MiB／十万条"), 2),
        Measure("items_per_second", Words("items/s", "条/秒")),
    ),
    targets=(
        Target("worker.most_mib", 200.0, is_most=True),
        Target("worker.slope", 1.0, is_most=True),
    ),
)
LOOK = 0.5
AT_ONCE = 10_000
"""Orders that one transaction lets fall due."""


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read what is asked for."""
    parser = a_parser(ABOUT)
    parser.set_defaults(rounds=1, minutes=10.0)
    parser.add_argument("--items", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--endpoints", type=int, default=50)
    parser.add_argument("--batch", type=int, default=50)
    smoke = {"items": [100], "endpoints": 4}
    return asked(parser, smoke, arguments)


@asynccontextmanager
async def cases(given: argparse.Namespace) -> AsyncIterator[Sequence[Case]]:
    """Name the lengths of the backlog."""
    async with a_server(smoke=given.smoke) as server:
        with a_sink() as sink:
            yield [
                Case(
                    {"items": many},
                    {"worker": partial(_deliver, server, sink, given, many)},
                )
                for many in given.items
            ]


async def _deliver(
    server: Server, sink: Sink, given: argparse.Namespace, many: int
) -> Reading:
    async with server.fresh() as url, AsyncExitStack() as ending:
        engine = open_engine(url, pool=4, application="bench")
        ending.push_async_callback(engine.dispose)
        urls = [f"{sink.url}/p/{place}" for place in range(given.endpoints)]
        carrier, _ = await backlog.register(engine, urls, given.batch)
        sink.reset()
        model = await backlog.a_model(engine, carrier)
        first, orders = UUID(int=model.int + 1), many // given.endpoints
        (pid,) = await ending.enter_async_context(some_workers(engine, 1, {}))
        await delivered(engine, sink, given.endpoints, model, 60.0)
        before = resident(pid)
        sink.reset()
        looks: list[tuple[float, float]] = []
        looking = asyncio.create_task(_look(pid, sink, looks))
        try:
            for place in range(1, orders + 1, AT_ONCE):
                count = min(AT_ONCE, orders + 1 - place)
                await backlog.release(engine, model, place, count)
            expected = orders * given.endpoints
            seconds = given.minutes * 60
            ended = await delivered(engine, sink, expected, first, seconds)
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
        looks.append((expected, resident(pid)))
        later = looks[len(looks) // 2 :]
        return {
            "most_mib": max(held for _, held in looks) / 2**20,
            "before_mib": before / 2**20,
            "middle_mib": later[0][1] / 2**20,
            "after_mib": looks[-1][1] / 2**20,
            "slope": _slope(later) / 2**20 * 100_000,
            "items_per_second": expected / (ended - sink.read()["first"]),
        }


async def _look(pid: int, sink: Sink, looks: list[tuple[float, float]]) -> None:
    while True:
        looks.append((sink.read()["items"], resident(pid)))
        await asyncio.sleep(LOOK)


def _slope(looks: Sequence[tuple[float, float]]) -> float:
    """Give bytes by item; 0 where there is nothing to draw a line through."""
    sent, held = zip(*looks, strict=True)
    return statistics.linear_regression(sent, held).slope if len(set(sent)) > 1 else 0.0


if __name__ == "__main__":
    measure(ABOUT, options(), cases)
