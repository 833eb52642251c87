"""Twenty times the capacity over 5,000 connections: does the service stay up?

The capacity is what one closed-loop burst gets accepted per second. Then come, all
open-loop: a crowd of ``--times`` as much, with reads and readiness beside it, and right
after it half the capacity, to see how soon everything is as before. The callers run on
the last core, everything else on the others.

Its report has steps of one story, no sides that take turns: it stands outside the frame
and the page, and docs/launch-day.md tells what was found.
"""

import argparse
import asyncio
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from sqlalchemy import text

from benchmarks.figures import machine, merged, of_status, percentiles, summary, write
from benchmarks.frame import add_smoke, asked
from benchmarks.open_loop import STARTING, Answers, Load, run_loads
from benchmarks.processes import leave_last_cores
from benchmarks.stack import Shape, Stack, a_stack
from unbind_broker.orders.states import OrderKind
from unbind_broker.orders.views import show_order_id

READS = 20.0
NORMAL_P99 = 1.0


async def main() -> None:
    """Measure, and write one JSON document."""
    given = _options()
    cores = leave_last_cores(smoke=given.smoke)
    report: dict[str, Any] = {"what": "crowd", **machine(), **vars(given)}
    shape = Shape(given.platforms, given.serves)
    async with a_stack(shape, smoke=given.smoke) as stack:
        base = Load(
            *(stack.urls, stack.keys, 0, 0, min(64, given.connections)),
            cores=cores,
            starting=given.starting,
        )
        capacity = await _capacity(base, given.burst)
        report["capacity_per_second"] = capacity
        report |= await _crowd(stack, base, given, capacity)
        report["memory_mib"] = stack.memory()
        report["processes_alive"] = [one.returncode is None for one in stack.serves]
    write("crowd", report, smoke=given.smoke)


def _options() -> argparse.Namespace:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--times", type=float, default=20.0)
    arguments.add_argument("--seconds", type=float, default=15.0)
    arguments.add_argument("--connections", type=int, default=5000)
    arguments.add_argument("--platforms", type=int, default=64)
    arguments.add_argument("--serves", type=int, default=2)
    arguments.add_argument("--burst", type=float, default=6.0, help="seconds")
    arguments.add_argument("--after", type=float, default=15.0, help="seconds")
    arguments.add_argument("--starting", type=float, default=STARTING, help="seconds")
    add_smoke(arguments)
    few = {"times": 2.0, "seconds": 0.3, "connections": 10, "platforms": 3, "serves": 1}
    return asked(arguments, {**few, "burst": 0.1, "after": 0.3, "starting": 0.3})


async def _capacity(base: Load, seconds: float) -> float:
    """Ask for more than can be had for some seconds; what was accepted is capacity."""
    burst = replace(base, rate=400.0, seconds=seconds)
    (answers,) = await asyncio.to_thread(run_loads, [burst])
    return round(len(of_status(answers, 202)) / burst.seconds, 1)


async def _crowd(
    stack: Stack, base: Load, given: argparse.Namespace, capacity: float
) -> dict[str, Any]:
    crowd = replace(
        base,
        rate=capacity * given.times,
        seconds=given.seconds,
        connections=given.connections,
        numbers_from=10**6,
    )
    beside = replace(base, rate=READS, seconds=given.seconds, connections=16)
    reading = replace(
        beside, is_read=True, path=await _some_order(stack), keys=stack.keys[:1]
    )
    readiness = replace(beside, is_read=True, path="/readyz", rate=4.0)
    loads = [crowd, reading, readiness]
    answers, reads, ready = await asyncio.to_thread(run_loads, loads)
    after = replace(
        base, rate=capacity / 2, seconds=given.after, numbers_from=5 * 10**6
    )
    (later,) = await asyncio.to_thread(run_loads, [after])
    return {
        "crowd": summary(answers, given.seconds),
        "crowd_refused": percentiles(of_status(answers, 429, 503)),
        "reads_meanwhile": summary(reads, given.seconds),
        "readiness_meanwhile": summary(ready, given.seconds),
        "after": summary(merged([later]), given.after),
        "seconds_until_normal": _normal_from(later, given),
    }


def _normal_from(answers: Answers, given: argparse.Namespace) -> float | None:
    """Give the second from which on all is accepted in time; None: never.

    What the callers need to start is counted.
    """
    bad = [
        int(due)
        for due, took, status in zip(
            answers.due, answers.latency, answers.status, strict=True
        )
        if status != HTTPStatus.ACCEPTED or took >= NORMAL_P99
    ]
    first = max(bad, default=-1) + 1
    return None if first >= given.after else first + given.starting


async def _some_order(stack: Stack) -> str:
    first = text(
        "SELECT id FROM orders WHERE carrier_id = (SELECT min(id) FROM carriers) "
        "ORDER BY id LIMIT 1"
    )
    async with stack.engine.connect() as db:
        order_id = (await db.execute(first)).scalar_one()
    return f"/v1/orders/{show_order_id(OrderKind.UNBIND, order_id)}"


if __name__ == "__main__":
    asyncio.run(main())
