"""What does it cost that many carriers watch orders live in one process?

A thousand streams follow an order of 64 platforms each, through the whole of the path
behind HTTP: the shared look, the timeline, the bytes of the events. First nothing
happens; then results are written at a steady rate, and each is timed from its commit
until a stream tells it; at last they are written again while a transaction is held
open, which makes every look find what was found before.
"""

import argparse
import asyncio
import json
import random
import resource
import statistics
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import monotonic, perf_counter, process_time
from typing import Any
from uuid import UUID

from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.figures import machine, write
from tests.support.builders import a_carrier, a_key
from tests.support.database import open_server
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

Figures = dict[str, Any]


class Trial:
    """What is watched, and what was seen of it."""

    def __init__(self, engine: AsyncEngine, orders: list[UUID], items: int) -> None:
        self.engine = engine
        self.left = [(one, place + 1) for one in orders for place in range(items)]
        random.Random(1).shuffle(self.left)  # noqa: S311 - which comes first is no secret
        self.slugs = {f"p-{place:04}": place + 1 for place in range(items)}
        self.written: dict[tuple[UUID, str], float] = {}
        self.delays: list[float] = []
        self.bytes = 0
        self.waiting = len(orders)
        self.begun = asyncio.Event()
        self.looks: list[tuple[float, int]] = []
        self.statements = 0
        self._listen()

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
                    self.delays.append(now - self.written[order_id, slug])

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

    def figures(self, seconds: float, used: float) -> Figures:
        """Say what was seen since the last time, and begin anew."""
        took = [one for one, _ in self.looks] or [0.0]
        rows = [one for _, one in self.looks] or [0]
        found = {
            "looks_a_second": round(len(self.looks) / seconds, 1),
            "look_ms_p50": round(statistics.median(took) * 1000, 1),
            "look_ms_max": round(max(took) * 1000, 1),
            "rows_a_look_p50": statistics.median(rows),
            "rows_a_look_max": max(rows),
            "other_statements": self.statements,
            "processor_share": round(used / seconds, 2),
            "events_told": len(self.delays),
            "told_after_ms": _spread(self.delays),
            "mib_told": round(self.bytes / 2**20, 2),
            "rss_mib": round(_resident() / 2**20),
        }
        self.looks, self.delays = [], []
        self.statements = self.bytes = 0
        return found

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
            elif "UPDATE items" not in call[2]:
                self.statements += 1


async def main() -> None:
    """Measure, and print one JSON document."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--watchers", type=int, default=1000)
    arguments.add_argument("--items", type=int, default=64)
    arguments.add_argument("--rate", type=int, default=500, help="results a second")
    arguments.add_argument("--seconds", type=float, default=20, help="for each case")
    given, run = arguments.parse_args(), machine()
    async with open_server() as server, server.fresh() as url:
        engine = open_engine(url, pool=10, application="bench")
        found = await _cases(engine, given)
        await engine.dispose()
    write("watch", {"cases": found, "given": vars(given), "run": run})


async def _cases(engine: AsyncEngine, given: argparse.Namespace) -> Figures:
    caller, orders = await _past(engine, given)
    trial = Trial(engine, orders, given.items)
    readers = engine.execution_options(isolation_level="AUTOCOMMIT")
    most = (given.watchers, given.watchers)
    watching = Watching(readers, SystemClock(), most)
    found = {}
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        began, used = monotonic(), process_time()
        for order_id in orders:
            watch = await stack.enter_async_context(watching.watch(caller, order_id))
            group.create_task(trial.follow(order_id, watch))
        await trial.begun.wait()
        seconds = monotonic() - began
        found["all_come_at_once"] = {
            "seconds": round(seconds, 2),
            **trial.figures(seconds, process_time() - used),
        }
        found["idle"] = await _measured(trial, given, rate=0)
        found["busy"] = await _measured(trial, given, rate=given.rate)
        async with _held_open(engine):
            found["transaction_held_open"] = await _measured(
                trial, given, rate=given.rate
            )
        watching.let_go()
    return found


async def _measured(trial: Trial, given: argparse.Namespace, rate: int) -> Figures:
    began, used = monotonic(), process_time()
    if rate:
        await trial.write(given.seconds, rate)
    else:
        await asyncio.sleep(given.seconds)
    return trial.figures(monotonic() - began, process_time() - used)


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


def _resident() -> int:
    pages = Path("/proc/self/statm").read_text("ascii").split()[1]
    return int(pages) * resource.getpagesize()


def _spread(delays: list[float]) -> Figures | None:
    if not delays:
        return None
    ordered = sorted(delays)
    return {
        name: round(ordered[int(part * (len(ordered) - 1))] * 1000)
        for name, part in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
    }


if __name__ == "__main__":
    asyncio.run(main())
