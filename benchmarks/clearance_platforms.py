"""Platforms read a clearance's manifest and report; its carrier reads the results."""

import asyncio
import random
from collections.abc import Sequence
from statistics import quantiles
from time import perf_counter
from typing import Any

import httpx
from sqlalchemy import text

from benchmarks.stack import Stack
from tests.support.builders import a_key
from unbind_broker.base.clock import SystemClock
from unbind_broker.platforms import service

FOUND = 4 / 239
"""Of the numbers, at one platform: about four bindings are found for each number."""
LINES = 1000
Headers = dict[str, str]


async def measure_platforms(
    stack: Stack, http: httpx.AsyncClient, path: str, readers: int, page: int
) -> dict[str, Any]:
    """Let some platforms read everything at once, then report, then read results."""
    keys = await _keys(stack, readers)
    started = perf_counter()
    read = await asyncio.gather(*(_read(http, path, key, page) for key in keys))
    reading = perf_counter() - started
    manifests = [numbers for numbers, _ in read]
    waits = sorted(wait for _, its in read for wait in its)
    started = perf_counter()
    counts = await asyncio.gather(
        *(
            _report(http, path, key, _some(numbers, seed))
            for seed, (key, numbers) in enumerate(zip(keys, manifests, strict=True))
        )
    )
    reporting = perf_counter() - started
    lines, size, streaming = await _results(http, path)
    return {
        "manifest_readers": readers,
        "manifest_numbers_per_second": round(sum(map(len, manifests)) / reading),
        "manifest_page_ms": {
            "p50": round(waits[len(waits) // 2] * 1000, 1),
            "p99": round(quantiles(waits, n=100)[98] * 1000, 1),
        },
        "findings": sum(counts),
        "findings_per_second": round(sum(counts) / reporting),
        "bytes_per_finding": await _bytes_per_finding(stack),
        "results_lines_per_second": round(lines / streaming),
        "results_mib": size >> 20,
    }


async def _keys(stack: Stack, readers: int) -> list[Headers]:
    now = SystemClock().now()
    async with stack.engine.begin() as db:
        chosen = (await service.list_page(db, None, readers))[:readers]
        keys = [await a_key(db, one, now=now) for one in chosen]
    return [{"Authorization": f"Bearer {key.key}"} for key in keys]


async def _read(
    http: httpx.AsyncClient, path: str, key: Headers, page: int
) -> tuple[list[str], list[float]]:
    numbers: list[str] = []
    waits: list[float] = []
    query: dict[str, str | int] = {"limit": page}
    while True:
        started = perf_counter()
        answer = await http.get(f"{path}/manifest", params=query, headers=key)
        waits.append(perf_counter() - started)
        answer.raise_for_status()
        told = answer.json()
        numbers += [one["number"] for one in told["data"]]
        if told["next_cursor"] is None:
            return numbers, waits
        query["cursor"] = told["next_cursor"]


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


async def _report(
    http: httpx.AsyncClient, path: str, key: Headers, findings: Sequence[object]
) -> int:
    for start in range(0, len(findings), LINES):
        some = findings[start : start + LINES]
        body = {"findings": some, "complete": start + LINES >= len(findings)}
        answer = await http.post(f"{path}/findings", json=body, headers=key)
        answer.raise_for_status()
    return len(findings)


async def _results(http: httpx.AsyncClient, path: str) -> tuple[int, int, float]:
    lines = size = 0
    started = perf_counter()
    async with http.stream("GET", f"{path}/results") as answer:
        answer.raise_for_status()
        async for piece in answer.aiter_raw():
            lines += piece.count(b"\n")
            size += len(piece)
    return lines, size, perf_counter() - started


async def _bytes_per_finding(stack: Stack) -> float:
    asked = text(
        "SELECT pg_total_relation_size('clearance_findings') /"
        " greatest(count(*), 1)::float FROM clearance_findings"
    )
    async with stack.engine.connect() as db:
        return round(float((await db.execute(asked)).scalar_one()), 1)
