"""Callers of the API who ask as fast as they are answered."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from time import monotonic

import aiohttp

from benchmarks.frame import Reading
from benchmarks.order_body import a_number, order_body
from benchmarks.processes import running_on
from unbind_broker.base.clock import SystemClock

CALLERS = 8
WARMING = 1 / 8
"""Of the seconds, before them: processes may be new to their database."""


@dataclass
class Callers:
    """Some at once; their calls count once they have been at it for a moment.

    While they call, this process runs on ``cores``.
    """

    url: str
    key: str
    seconds: float
    cores: frozenset[int] = frozenset()
    numbers: Iterator[int] = field(default_factory=lambda: count(10**7))

    async def accept(self) -> Reading:
        """Place orders, each about a number of its own."""
        consented_at = SystemClock().now()

        async def place(http: aiohttp.ClientSession) -> None:
            body = order_body(a_number(next(self.numbers)), consented_at)
            async with http.post("/v1/orders", json=body) as answer:
                await _expect(answer, 202)

        return await self._all(place)

    async def read(self, paths: Iterator[str]) -> Reading:
        """Read one after the other."""

        async def read(http: aiohttp.ClientSession) -> None:
            async with http.get(next(paths)) as answer:
                await _expect(answer, 200)

        return await self._all(read)

    async def _all(
        self, call: Callable[[aiohttp.ClientSession], Awaitable[None]]
    ) -> Reading:
        headers = {"Authorization": f"Bearer {self.key}"}
        async with aiohttp.ClientSession(self.url, headers=headers) as http:

            async def calls(seconds: float) -> float:
                done, began = 0, monotonic()

                async def caller() -> None:
                    nonlocal done
                    while monotonic() - began < seconds:
                        await call(http)
                        done += 1

                await asyncio.gather(*(caller() for _ in range(CALLERS)))
                return done / (monotonic() - began)

            with running_on(self.cores):
                await calls(self.seconds * WARMING)
                return {"per_second": await calls(self.seconds)}


async def _expect(answer: aiohttp.ClientResponse, status: int) -> None:
    said = await answer.read()
    if answer.status != status:
        raise AssertionError(f"{status} expected, {answer.status} came: {said[:200]!r}")
