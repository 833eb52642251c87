"""Read an order of 200 items: how long does it take, how many a second per process?

One process serves; 16 callers ask as fast as they are answered (the rate per process),
then open-loop at half of that rate (what a reader waits). The callers run on the last
core, everything else on the others.
"""

import argparse
import asyncio
import os
from dataclasses import replace
from typing import Any

from sqlalchemy import text

from benchmarks.figures import machine, of_status, percentiles, summary, write
from benchmarks.open_loop import Load, run_loads
from benchmarks.stack import Shape, a_stack
from unbind_broker.orders.states import OrderKind
from unbind_broker.orders.views import show_order_id

MORE_THAN_CAN_BE = 2000.0


async def main() -> None:
    """Measure, and write one JSON document."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--items", type=int, default=200)
    arguments.add_argument("--seconds", type=float, default=8.0)
    given = arguments.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(0, set(cores[:-1]))
    report: dict[str, Any] = {"what": "read", **machine(), **vars(given)}
    async with a_stack(Shape(given.items, serves=1, workers=0)) as stack:
        base = Load(stack.urls, stack.keys[:1], 1.0, 2.0, 4, core=cores[-1])
        await asyncio.to_thread(run_loads, [base])
        async with stack.engine.connect() as db:
            first = text("SELECT id FROM orders LIMIT 1")
            order_id = (await db.execute(first)).scalar_one()
        path = f"/v1/orders/{show_order_id(OrderKind.UNBIND, order_id)}"
        reading = replace(base, path=path, is_read=True, seconds=given.seconds)
        busy = replace(reading, rate=MORE_THAN_CAN_BE, connections=16, seconds=2.0)
        (answers,) = await asyncio.to_thread(run_loads, [busy])
        took = max(d + s for d, s in zip(answers.due, answers.latency, strict=True))
        report["per_second_and_process"] = round(len(of_status(answers, 200)) / took, 1)
        half = report["per_second_and_process"] / 2
        calm = replace(reading, rate=half, connections=64)
        (answers,) = await asyncio.to_thread(run_loads, [calm])
        report["rate"] = half
        report["read"] = percentiles(of_status(answers, 200))
        report["all"] = summary(answers, given.seconds)
    write("read", report)


if __name__ == "__main__":
    asyncio.run(main())
