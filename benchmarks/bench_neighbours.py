"""Do healthy endpoints pay for sick ones beside them?

Each reading: a fresh database and one worker; orders fall due at a steady rate. In the
one side all endpoints are well, in the other one hangs and one fails beside as many
healthy ones. An item's delay runs from the writing of its
order, just before that is committed, to its request's start.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from time import monotonic
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks import backlog
from benchmarks.about import About, Measure, Ratio, Target, Words
from benchmarks.frame import Case, Reading, a_parser, asked, measure
from benchmarks.servers import a_server
from benchmarks.sink import a_sink
from benchmarks.workers import some_workers
from tests.support.database import Server
from unbind_broker.base.database import INTS, open_engine, sql
from unbind_broker.base.database import UUID as UUID_TYPE

ABOUT = About(
    name="neighbours",
    title=Words("Beside sick endpoints", "与故障端点为邻"),
    question=Words(
        "How long do items for healthy endpoints wait beside one endpoint that hangs "
        "and one that fails?",
        "旁边有一个挂起、一个报错的端点时，健康端点的明细要等多久？",
    ),
    notes=Words(
        "One worker. Orders fall due one by one at a steady rate, whatever becomes of "
        "them; each has an item at every endpoint. The one that hangs takes "
        "connections and answers nothing, until the worker's time limit of 10 s; the "
        "one that fails answers 500 at once. Delays are those of the healthy endpoints "
        "alone, from when its order is written, just before that is committed, to "
        "the start of its request.",
        "一个工作进程。订单按固定速率逐个到期，不等前面的结果；每个订单在每个端点都有一"
        "个明细。挂起的端点接受连接但从不应答，直到工作进程的 10 秒超时；报错的端点立即"
        "返回 500。延迟只计健康端点：从订单写入（提交之前片刻）到请求发出。",
    ),
    sides={
        "well": Words("all well", "全部健康"),
        "sick": Words("beside two sick ones", "旁边有两个故障端点"),
    },
    parameters={"batch": Words("max_batch", "max_batch")},
    measures=(
        Measure("p50_ms", Words("p50, ms", "p50，毫秒"), 1),
        Measure("p99_ms", Words("p99, ms", "p99，毫秒"), 1),
        Measure("most_ms", Words("longest, ms", "最长，毫秒"), 1),
        Measure("items", Words("items of healthy ones", "健康端点明细数")),
    ),
    ratios=(
        Ratio(
            "p99",
            Words("p99 beside sick ones to p99 without", "p99 之比：有故障与无故障"),
            "p99_ms",
            "sick",
            "well",
        ),
    ),
    targets=(Target("p99", 2.0, is_most=True),),
)
WARM_UP = 1.0
"""Seconds of the load that are not measured: connections are opened in them."""
PATIENCE = 60.0


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read what is asked for."""
    parser = a_parser(ABOUT)
    parser.set_defaults(minutes=7.0)
    parser.add_argument("--endpoints", type=int, default=20, help="healthy ones")
    parser.add_argument("--rate", type=int, default=40, help="orders a second")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 50])
    parser.add_argument("--patience", default="10s", help="the worker's, per request")
    smoke = {"endpoints": 3, "rate": 10, "seconds": 1.0, "batches": [10]}
    return asked(parser, {**smoke, "patience": "1s"}, arguments)


@asynccontextmanager
async def cases(given: argparse.Namespace) -> AsyncIterator[Sequence[Case]]:
    """Name the batch sizes, each with and without sick endpoints."""
    async with a_server(smoke=given.smoke) as server:
        with a_sink() as well, a_sink(fails_one_in=1) as failing:
            async with _hanging() as hanging:
                healthy = [f"{well.url}/p/{place}" for place in range(given.endpoints)]
                others = {
                    "well": [f"{well.url}/p/{name}" for name in ("hangs", "fails")],
                    "sick": [f"{hanging}/p/hangs", f"{failing.url}/p/fails"],
                }
                yield [
                    Case(
                        {"batch": batch},
                        {
                            name: partial(_read, server, given, healthy + rest, batch)
                            for name, rest in others.items()
                        },
                    )
                    for batch in given.batches
                ]


@asynccontextmanager
async def _hanging() -> AsyncIterator[str]:
    """Run a receiver that takes connections and never answers; give its URL."""
    over = asyncio.Event()

    async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0, backlog=1024)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        over.set()
        server.close()


async def _read(
    server: Server, given: argparse.Namespace, urls: Sequence[str], batch: int
) -> Reading:
    async with server.fresh() as url, AsyncExitStack() as ending:
        engine = open_engine(url, pool=4, application="bench")
        ending.push_async_callback(engine.dispose)
        carrier, ids = await backlog.register(engine, urls, batch)
        model = await backlog.a_model(engine, carrier)
        healthy = ids[: given.endpoints]
        settings = {"UNBIND_REQUEST_TIMEOUT": given.patience}
        await ending.enter_async_context(some_workers(engine, 1, settings))
        skipped = int(given.rate * WARM_UP)
        count = skipped + int(given.rate * given.seconds)
        await _fall_due(engine, model, count, given.rate)
        first = UUID(int=model.int + 1 + skipped)
        expected = (count - skipped) * len(healthy)
        async with asyncio.timeout(PATIENCE), engine.connect() as db:
            while True:
                asked_for = {"first": first, "endpoints": healthy}
                found = (await db.execute(_DELAYS, asked_for)).one()
                if found.items >= expected:
                    break
                await db.rollback()
                await asyncio.sleep(0.1)
    p50, p99, most = (seconds * 1000 for seconds in found.delays)
    return {"p50_ms": p50, "p99_ms": p99, "most_ms": most, "items": found.items}


async def _fall_due(engine: AsyncEngine, model: UUID, count: int, rate: int) -> None:
    """Let orders fall due at their times, whatever became of those before."""
    began = monotonic()
    for place in range(1, count + 1):
        await asyncio.sleep(max(0.0, began + place / rate - monotonic()))
        await backlog.release(engine, model, place, 1)


_DELAYS = sql(
    """
    SELECT count(*) AS items, percentile_cont(ARRAY[0.5, 0.99, 1.0]) WITHIN GROUP (
        ORDER BY extract(epoch FROM a.started_at - o.created_at)::float8) AS delays
    FROM attempts a, unnest(a.order_ids) AS n (id), orders o
    WHERE o.id = n.id AND o.id >= :first AND a.endpoint_id = ANY(:endpoints)""",
    first=UUID_TYPE,
    endpoints=INTS,
)

if __name__ == "__main__":
    measure(ABOUT, options(), cases)
