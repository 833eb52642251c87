"""Platforms read a clearance's manifest and report; its carrier reads the results."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import httpx

from benchmarks.stack import Stack
from tests.support.builders import a_key
from unbind_broker.base.clock import SystemClock
from unbind_broker.platforms import service

FOUND = 4 / 239
"""Of the numbers, at one platform: about four bindings are found for each number."""
LINES = 1000
Headers = dict[str, str]


@dataclass
class Platforms:
    """Some platforms that do the same at once, by their keys."""

    http: httpx.AsyncClient
    keys: Sequence[Headers]
    manifests: list[list[str]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    async def read(self, path: str, page: int) -> int:
        """Let each read the whole manifest; return how many numbers were told."""
        self.waits = []
        reading = (self._read(path, key, page) for key in self.keys)
        self.manifests = list(await asyncio.gather(*reading))
        return sum(map(len, self.manifests))

    async def report(self, path: str) -> int:
        """Let each report what it found in what it has read; return how much."""
        every = zip(self.keys, self.manifests, strict=True)
        reporting = (
            self._report(path, key, _some(numbers, seed))
            for seed, (key, numbers) in enumerate(every)
        )
        return sum(await asyncio.gather(*reporting))

    async def _read(self, path: str, key: Headers, page: int) -> list[str]:
        numbers: list[str] = []
        query: dict[str, str | int] = {"limit": page}
        while True:
            started = perf_counter()
            answer = await self.http.get(f"{path}/manifest", params=query, headers=key)
            self.waits.append(perf_counter() - started)
            answer.raise_for_status()
            told = answer.json()
            numbers += [one["number"] for one in told["data"]]
            if told["next_cursor"] is None:
                return numbers
            query["cursor"] = told["next_cursor"]

    async def _report(self, path: str, key: Headers, findings: Sequence[object]) -> int:
        for start in range(0, len(findings), LINES):
            some = findings[start : start + LINES]
            body = {"findings": some, "complete": start + LINES >= len(findings)}
            answer = await self.http.post(f"{path}/findings", json=body, headers=key)
            answer.raise_for_status()
        return len(findings)


async def some_platforms(
    stack: Stack, http: httpx.AsyncClient, readers: int
) -> Platforms:
    """Give keys to so many of the platforms that there are."""
    now = SystemClock().now()
    async with stack.engine.begin() as db:
        chosen = (await service.list_page(db, None, readers))[:readers]
        keys = [await a_key(db, one, now=now) for one in chosen]
    return Platforms(http, [{"Authorization": f"Bearer {key.key}"} for key in keys])


async def read_results(http: httpx.AsyncClient, path: str) -> int:
    """Read all results as the carrier; return how many lines came."""
    lines = 0
    async with http.stream("GET", f"{path}/results") as answer:
        answer.raise_for_status()
        async for piece in answer.aiter_raw():
            lines += piece.count(b"\n")
    return lines


def _some(numbers: Sequence[str], seed: int) -> list[dict[str, Any]]:
    """Find bindings of a few numbers; of twenty findings one is a refusal."""
    dice = random.Random(seed)  # noqa: S311 - the same draw in every run
    chosen = dice.sample(numbers, max(1, round(len(numbers) * FOUND)))
    unbound = {"outcome": "unbound", "last_bound_at": "2023-06-01T09:30:00Z"}
    refused = {"outcome": "refused", "reason": "assets_or_liabilities_open"}
    return [
        {"number": number, **(unbound if place % 20 else refused)}
        for place, number in enumerate(chosen)
    ]
