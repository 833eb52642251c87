"""Read an order of 200 items: how long does it take, how many a second per process?

One process serves; 16 callers ask as fast as they are answered (the rate per process),
then open-loop at half of that rate (what a reader waits). The callers run on the last
core, everything else on the others.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from sqlalchemy import text

from benchmarks.about import About, Measure, Words
from benchmarks.figures import of_status, percentiles
from benchmarks.frame import Case, Reading, a_parser, asked, measure
from benchmarks.open_loop import STARTING, Answers, Load, run_loads
from benchmarks.processes import leave_last_cores
from benchmarks.stack import Shape, a_stack
from unbind_broker.orders.states import OrderKind
from unbind_broker.orders.views import show_order_id

ABOUT = About(
    name="read",
    title=Words("Reading an order", "读取订单"),
    question=Words(
        "How often can one process show an order with all its items?",
        "一个服务进程每秒能完成多少次订单读取（含全部明细）？",
    ),
    notes=Words(
        "One serving process. First sixteen callers ask as fast as they are answered; "
        "then requests fall due at half of that rate, whatever comes back, and what "
        "they took counts from when they were due.",
        "一个服务进程。先由十六个调用方不间断地请求，再按该速率的一半定时发出请求（不等前"
        "面的应答），耗时从应发出的时刻算起。",
    ),
    sides={"service": Words("service", "本服务")},
    parameters={"items": Words("items of the order", "订单明细数")},
    measures=(
        Measure("reads_per_second", Words("reads/s", "次/秒")),
        Measure("p50_ms", Words("p50 at half of it, ms", "半速 p50，毫秒"), 1),
        Measure("p99_ms", Words("p99 at half of it, ms", "半速 p99，毫秒"), 1),
    ),
)
MORE_THAN_CAN_BE = 2000.0
BUSY = 2.0
"""Seconds for which more is asked than can be answered."""


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read what is asked for."""
    parser = a_parser(ABOUT)
    parser.set_defaults(rounds=3)
    parser.add_argument("--items", type=int, nargs="+", default=[64, 200])
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--busy", type=float, default=BUSY, help="seconds")
    parser.add_argument("--starting", type=float, default=STARTING, help="seconds")
    smoke = {"items": [3], "seconds": 0.5, "busy": 0.02, "starting": 0.3}
    return asked(parser, smoke, arguments)


@asynccontextmanager
async def cases(given: argparse.Namespace) -> AsyncIterator[Sequence[Case]]:
    """Name the sizes of an order."""
    cores = leave_last_cores(smoke=given.smoke)
    yield [
        Case({"items": items}, {"service": partial(_read, given, items, cores)})
        for items in given.items
    ]


async def _read(
    given: argparse.Namespace, items: int, cores: frozenset[int]
) -> Reading:
    shape = Shape(items, serves=1, workers=0)
    async with a_stack(shape, smoke=given.smoke) as stack:
        base = Load(
            *(stack.urls, stack.keys[:1], 1.0, 2.0, 4),
            cores=cores,
            starting=given.starting,
        )
        await asyncio.to_thread(run_loads, [base])
        async with stack.engine.connect() as db:
            first = text("SELECT id FROM orders LIMIT 1")
            order_id = (await db.execute(first)).scalar_one()
        path = f"/v1/orders/{show_order_id(OrderKind.UNBIND, order_id)}"
        reading = replace(base, path=path, is_read=True, seconds=given.seconds)
        busy = replace(
            reading, rate=MORE_THAN_CAN_BE, connections=16, seconds=given.busy
        )
        (answers,) = await asyncio.to_thread(run_loads, [busy])
        took = max(d + s for d, s in zip(answers.due, answers.latency, strict=True))
        rate = len(_shown(answers)) / took
        calm = replace(reading, rate=rate / 2, connections=64)
        (answers,) = await asyncio.to_thread(run_loads, [calm])
    spread = percentiles(_shown(answers))
    return {
        "reads_per_second": rate,
        "p50_ms": spread["p50_ms"],
        "p99_ms": spread["p99_ms"],
    }


def _shown(answers: Answers) -> list[float]:
    """Give what reads took; every one of them is answered."""
    found = of_status(answers, 200)
    if len(found) != len(answers.status) or not found:
        raise AssertionError(f"{len(answers.status) - len(found)} reads failed")
    return found


if __name__ == "__main__":
    measure(ABOUT, options(), cases)
