"""What does it cost that many carriers watch orders live in one process?

A thousand streams follow an order of 64 platforms each, through the whole of the path
behind HTTP: the shared look, the timeline, the bytes of the events.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from functools import partial
from time import monotonic, perf_counter, process_time
from typing import Any
from uuid import UUID

from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.about import About, Measure, Words
from benchmarks.figures import percentiles
from benchmarks.frame import Case, Reading, a_parser, asked, measure
from benchmarks.processes import resident
from benchmarks.servers import a_server
from tests.support.builders import a_carrier, a_key
from tests.support.order_builders import a_reachable_platform, an_order, many_orders
from unbind_broker.api.order_streams import OrderStream
from unbind_broker.api.watching import Watch, Watching
from unbind_broker.base.clock import SystemClock
from unbind_broker.base.database import INTS, UUIDS, open_engine, sql
from unbind_broker.items.states import ItemStatus
from unbind_broker.keys.service import Caller, find_caller

STEP = 0.1
"""Seconds between two transactions that write results."""
_WRITE = sql(
    f"""
    UPDATE items i SET status = {ItemStatus.NOT_BOUND.code},
        acknowledged_at = now(), finished_at = now()
    FROM unnest(:orders, :platforms) AS n (order_id, platform_id)
    WHERE i.order_id = n.order_id AND i.platform_id = n.platform_id""",  # noqa: S608 - a code
    orders=UUIDS,
    platforms=INTS,
)

PATIENCE = 60.0
ABOUT = About(
    name="watch",
    title=Words("Watching orders live", "实时跟踪订单"),
    question=Words(
        "What do a thousand streams cost, each following one order?",
        "一千条各跟踪一个订单的事件流要花多少资源？",
    ),
    notes=Words(
        "Everything behind HTTP in one process: the shared look at the database, the "
        "timeline, the bytes of the events. Idle: nothing happens. Busy: results are "
        "written at a steady rate, and each is timed from its commit until a stream "
        "tells it. Held: the same while a transaction is held open, which makes every "
        "look find what was found before. The process also writes the results.",
        "在一个进程内运行 HTTP 之后的全部环节：对数据库的共享查询、时间线、事件字节。"
        "idle：什么都不发生。busy：按固定速率写入结果，从提交到事件流发出逐个计时。"
        "held：同上，但有一个事务一直不结束，使每次查询都会再次看到已看过的内容。写入"
        "结果的也是这个进程。",
    ),
    sides={"service": Words("service", "本服务")},
    parameters={"what": Words("what happens", "情形")},
    measures=(
        Measure("processor", Words("% of a core", "占一个核的 %"), 1),
        Measure("p50_ms", Words("told after, p50, ms", "送达 p50，毫秒"), 1),
        Measure("p99_ms", Words("told after, p99, ms", "送达 p99，毫秒"), 1),
        Measure(
            "look_ms", Words("a look at the database, p50, ms", "一次查询 p50，毫秒"), 1
        ),
        Measure("looks_per_second", Words("looks/s", "查询/秒"), 1),
        Measure("rows", Words("rows a look, p50", "每次行数 p50")),
        Measure("events", Words("events told", "送达事件数")),
        Measure("come_seconds", Words("until all are connected, s", "全部接入，秒"), 2),
        Measure("rss_mib", Words("resident, MiB", "常驻内存，MiB")),
    ),
)


class Trial:
    """What is watched, and what was seen of it."""

    def __init__(self, engine: AsyncEngine, orders: list[UUID], items: int) -> None:
        self.engine = engine
        self.orders = orders
        self.left = [(one, place + 1) for one in orders for place in range(items)]
        random.Random(1).shuffle(self.left)  # noqa: S311 - which comes first is no secret
        self.slugs = {f"p-{place:04}": place + 1 for place in range(items)}
        self.start()
        self._listen()

    def start(self) -> None:
        """Begin anew, with all streams still to come."""
        self.waiting = len(self.orders)
        self.begun = asyncio.Event()
        self.clear()

    def clear(self) -> None:
        """Forget what was seen."""
        self.written: dict[tuple[UUID, str], float] = {}
        self.delays: list[float] = []
        self.bytes = 0
        self.looks: list[tuple[float, int]] = []

    async def told(self) -> None:
        """Wait until every result has been told."""
        async with asyncio.timeout(PATIENCE):
            while len(self.delays) < len(self.written):  # noqa: ASYNC110 - counted
                await asyncio.sleep(0.02)

    async def follow(self, order_id: UUID, watch: Watch) -> None:
        """Read a stream to its end, as fast as it comes."""
        async for piece in OrderStream(None).tell(watch):
            self.bytes += len(piece)
            self.waiting -= piece.startswith(b"retry")
            if not self.waiting:
                self.begun.set()
            now = monotonic()
            for line in piece.splitlines():
                if line.startswith(b"data: ") and b'"item.not_bound"' in line:
                    slug = json.loads(line[6:])["item"]["platform"]
                    # Who comes later is told of earlier results first.
                    if written := self.written.get((order_id, slug)):
                        self.delays.append(now - written)

    async def write(self, seconds: float, rate: int) -> None:
        """Write ``rate`` results a second."""
        names = {number: slug for slug, number in self.slugs.items()}
        until = monotonic() + seconds
        while monotonic() < until:
            began = monotonic()
            some = [self.left.pop() for _ in range(int(rate * STEP))]
            async with self.engine.begin() as db:
                await db.execute(
                    _WRITE,
                    {
                        "orders": [order for order, _ in some],
                        "platforms": [number for _, number in some],
                    },
                )
                for order, number in some:
                    self.written[order, names[number]] = monotonic()
            await asyncio.sleep(max(0.0, STEP - (monotonic() - began)))

    def figures(self, seconds: float, used: float) -> dict[str, float]:
        """Say what was seen since it was cleared."""
        took = [one for one, _ in self.looks] or [0.0]
        rows = [one for _, one in self.looks] or [0]
        return {
            "processor": used / seconds * 100,
            "looks_per_second": len(self.looks) / seconds,
            "look_ms": statistics.median(took) * 1000,
            "rows": statistics.median(rows),
            "events": len(self.delays),
            **percentiles(self.delays),
            "rss_mib": resident(os.getpid()) / 2**20,
        }

    def _listen(self) -> None:
        sync = self.engine.sync_engine

        @event.listens_for(sync, "before_cursor_execute")
        def begin(*call: Any) -> None:
            call[4].began = perf_counter()

        @event.listens_for(sync, "after_cursor_execute")
        def end(*call: Any) -> None:
            if "pg_current_snapshot" in call[2]:
                rows = call[1].rowcount
                self.looks.append((perf_counter() - call[4].began, rows))


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read what is asked for."""
    parser = a_parser(ABOUT)
    parser.set_defaults(rounds=2)
    parser.add_argument("--watchers", type=int, default=1000)
    parser.add_argument("--items", type=int, default=64)
    parser.add_argument("--rate", type=int, default=500, help="results a second")
    parser.add_argument("--seconds", type=float, default=15, help="for each case")
    smoke = {"watchers": 5, "items": 20, "rate": 50, "seconds": 0.3}
    return asked(parser, smoke, arguments)


@asynccontextmanager
async def cases(given: argparse.Namespace) -> AsyncIterator[Sequence[Case]]:
    """Name what happens while orders are watched."""
    async with a_server(smoke=given.smoke) as server, server.fresh() as url:
        engine = open_engine(url, pool=10, application="bench")
        try:
            caller, orders = await _past(engine, given)
            trial = Trial(engine, orders, given.items)
            yield [
                Case(
                    {"what": what},
                    {"service": partial(_watched, trial, caller, given, what)},
                )
                for what in ("idle", "busy", "held")
            ]
        finally:
            await engine.dispose()


async def _watched(
    trial: Trial, caller: Caller, given: argparse.Namespace, what: str
) -> Reading:
    """Let all streams come, and watch them while something happens or not."""
    readers = trial.engine.execution_options(isolation_level="AUTOCOMMIT")
    most = (given.watchers, given.watchers)
    watching = Watching(readers, SystemClock(), most)
    trial.start()
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        began = monotonic()
        for order_id in trial.orders:
            watch = await stack.enter_async_context(watching.watch(caller, order_id))
            group.create_task(trial.follow(order_id, watch))
        await trial.begun.wait()
        coming = monotonic() - began
        trial.clear()
        held = _held_open(trial.engine) if what == "held" else nullcontext()
        async with held:
            began, used = monotonic(), process_time()
            if what == "idle":
                await asyncio.sleep(given.seconds)
            else:
                await trial.write(given.seconds, given.rate)
            seconds, used = monotonic() - began, process_time() - used
            await trial.told()
        watching.let_go()
    return {"come_seconds": coming, **trial.figures(seconds, used)}


async def _past(
    engine: AsyncEngine, given: argparse.Namespace
) -> tuple[Caller, list[UUID]]:
    now = SystemClock().now()
    async with engine.begin() as db:
        for place in range(given.items):
            await a_reachable_platform(db, f"p-{place:04}")
        carrier = await a_carrier(db)
        key = await a_key(db, carrier)
        caller = await find_caller(db, now, key.key)
        like = await an_order(db, carrier, now=now)
        orders = await many_orders(db, carrier, given.watchers, like=like)
    async with engine.connect() as db:
        await db.execute(text("ANALYZE"))
        await db.commit()
    assert caller is not None  # noqa: S101 - it was issued just now
    return caller, list(orders)


@asynccontextmanager
async def _held_open(engine: AsyncEngine) -> AsyncIterator[None]:
    async with engine.connect() as db, db.begin() as held:
        await db.execute(text("SELECT pg_current_xact_id()"))
        yield
        await held.rollback()


if __name__ == "__main__":
    measure(ABOUT, options(), cases)
