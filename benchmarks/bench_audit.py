"""How fast is the trail sealed, and what does that cost whoever writes it?

First a backlog is sealed by itself. Then connections record events, some to a
transaction, in turns without and with a sealer beside them in another process. Every
event is of the size that an accepted order leaves. Read the ratio, not the rates.
"""

import argparse
import asyncio
import json
import platform
import statistics
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from time import perf_counter

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.clock import NOON, FixedClock
from tests.support.database import open_server
from tests.support.sealing import BROKER_KEY
from unbind_broker.audit import store
from unbind_broker.audit.sealing import MOST_EVENTS, seal
from unbind_broker.audit.seals import START
from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import open_engine
from unbind_broker.base.ids import new_uuid7
from unbind_broker.worker.seal_clock import SealClock

INDEX = bytes(range(32))
FACTS = {
    "kind": "unbind",
    "scope": "previous_owner",
    "action": "detach",
    "owner_since": "2025-03-01",
    "consent": {"method": "sms_otp", "at": "2026-11-20T04:00:00+00:00"},
    "recheck": False,
    "held": False,
    "items": 64,
}


async def main() -> None:
    """Measure, and print one JSON document."""
    given = _arguments()
    if given.sealer:
        await _seal_until_told(given.sealer)
        return
    async with open_server() as server, server.fresh() as url:
        engine = open_engine(url, pool=given.clients, application="bench")
        alone = await _backlog_rate(engine, given.backlog)
        without: list[float] = []
        beside: list[float] = []
        left: list[int] = []
        for turn in range(given.rounds):
            load = engine, given.seconds, given.clients, given.facts
            # Whatever drifts meanwhile befalls either way as often.
            for is_beside in (turn % 2 == 1, turn % 2 == 0):
                if is_beside:
                    async with _sealer(url):
                        beside.append(await _write_rate(*load))
                        left.append(await _unsealed(engine))
                else:
                    without.append(await _write_rate(*load))
                await _seal_all(engine)
        async with engine.connect() as db:
            version = await db.scalar(text("SHOW server_version"))
        await engine.dispose()
    ratios = [one / other for one, other in zip(beside, without, strict=True)]
    report = {
        "sealed_per_second_alone": round(alone),
        "written_per_second_without_sealer": round(statistics.median(without)),
        "written_per_second_beside_sealer": round(statistics.median(beside)),
        "beside_to_without": round(statistics.median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
        "unsealed_at_the_end_of_a_round": max(left),
        "facts_per_transaction": given.facts,
        "clients": given.clients,
        "rounds": given.rounds,
        "seconds": given.seconds,
        "postgres": version,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    print(json.dumps(report, indent=2))


def _arguments() -> argparse.Namespace:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--backlog", type=int, default=100_000)
    arguments.add_argument("--seconds", type=float, default=5.0, help="per round")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--clients", type=int, default=4)
    arguments.add_argument("--facts", type=int, default=5, help="per transaction")
    arguments.add_argument("--sealer", help=argparse.SUPPRESS)
    return arguments.parse_args()


async def _backlog_rate(engine: AsyncEngine, events: int) -> float:
    """Fill the trail, then seal it; events per second of sealing."""
    for _ in range(events // 10_000):
        async with engine.begin() as db:
            await record(db, NOON, *(_fact() for _ in range(10_000)))
    started = perf_counter()
    sealed = await _seal_all(engine)
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


async def _write_rate(
    engine: AsyncEngine, seconds: float, clients: int, facts: int
) -> float:
    written = 0
    until = perf_counter() + seconds

    async def client() -> None:
        nonlocal written
        while perf_counter() < until:
            async with engine.begin() as db:
                await record(db, NOON, *(_fact() for _ in range(facts)))
            written += facts

    started = perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return written / (perf_counter() - started)


def _fact() -> Fact:
    order_id = new_uuid7(NOON)
    return Fact("carrier:china-mobile", "order.accepted", order_id, INDEX, FACTS)


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
    asyncio.run(main())
