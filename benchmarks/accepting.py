"""Orders that another process accepts at a steady rate."""

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.processes import spawned_without_main
from tests.support.builders import a_carrier
from tests.support.order_builders import an_order, asked
from unbind_broker.base.clock import SystemClock
from unbind_broker.base.database import open_engine
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.carriers.service import Carrier


@contextmanager
def accepting(url: str, rate: int) -> Iterator[Any]:
    """Accept orders in a process of its own; it ends with the block."""
    spawn = multiprocessing.get_context("spawn")
    accepted = spawn.Value("i", 0)
    process = spawn.Process(target=_accept, args=(url, rate, accepted), daemon=True)
    with spawned_without_main():
        process.start()
    try:
        yield accepted
    finally:
        process.terminate()
        process.join(5)


def _accept(url: str, rate: int, accepted: Any) -> None:
    asyncio.run(_accept_at(url, rate, accepted))


async def _accept_at(url: str, rate: int, accepted: Any) -> None:
    engine = open_engine(url, pool=4, application="bench-accepting")
    async with engine.begin() as db:
        carrier = await a_carrier(db)
    began = monotonic()
    while True:
        for _ in range(int((monotonic() - began) * rate) - accepted.value):
            await _accept_one(engine, carrier, accepted.value)
            accepted.value += 1
        await asyncio.sleep(1 / rate)


async def _accept_one(engine: AsyncEngine, carrier: Carrier, place: int) -> None:
    """Accept an order; up to 10,000 are each about a number of their own."""
    now = SystemClock().now()
    number = PhoneNumber(f"+861380000{place % 10_000:04}")
    async with engine.begin() as db:
        await an_order(db, carrier, asked(number=number, now=now), now=now)
