"""How fast do a million numbers go in, and what do they cost to keep?

A process of its own serves over loopback on a real Postgres. Numbers are uploaded in
parts, then published to all platforms at once; some of them read the manifest and
report, and the carrier reads the results. Memory is the most that the serving process
ever held, bytes are those of the tables with their indexes.
"""

import argparse
import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx
from sqlalchemy import text

from benchmarks.clearance_platforms import measure_platforms
from benchmarks.figures import machine, write
from benchmarks.stack import Shape, Stack, a_stack

GONE_ON = "2026-08-20"
HEADS = ("130", "135", "138", "139", "150", "158", "176", "186", "188", "199")
LINES_AT_ONCE = 2000
TABLES = ("clearance_numbers", "clearance_parts", "clearance_platforms")


async def main() -> None:
    """Measure, print one JSON document and keep it."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--numbers", type=int, default=1_000_000)
    arguments.add_argument("--platforms", type=int, default=239)
    arguments.add_argument("--part", type=int, default=100_000, help="numbers in one")
    arguments.add_argument("--at-once", type=int, default=1, help="parts uploaded")
    arguments.add_argument("--readers", type=int, default=8, help="platforms at once")
    arguments.add_argument("--page", type=int, default=5000, help="of the manifest")
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    settings = {"UNBIND_CLEARANCE_FIRST_WAVE": str(given.numbers)}
    shape = Shape(given.platforms, serves=1, workers=0, settings=settings)
    numbers = some_numbers(given.numbers, given.seed)
    async with a_stack(shape) as stack:
        host, port = stack.urls[0]
        headers = {"Authorization": f"Bearer {stack.keys[0]}"}
        async with httpx.AsyncClient(
            base_url=f"http://{host}:{port}", headers=headers, timeout=600
        ) as http:
            report = await _measure(stack, http, numbers, given)
    report |= {"given": vars(given), "run": machine()}
    write(f"clearance-{given.numbers}", report)


def some_numbers(how_many: int, seed: int) -> list[str]:
    """Draw as many different mobile numbers, each time the same."""
    dice = random.Random(seed)  # noqa: S311 - the same draw in every run
    every = dice.sample(range(len(HEADS) * 10**8), how_many)
    return [f"+86{HEADS[n // 10**8]}{n % 10**8:08}" for n in every]


async def _measure(
    stack: Stack,
    http: httpx.AsyncClient,
    numbers: Sequence[str],
    given: argparse.Namespace,
) -> dict[str, Any]:
    path = (await http.post("/v1/clearances", json={})).headers["location"]
    idle = _peak(stack)
    empty = await _bytes(stack)
    started = perf_counter()
    accepted = await _upload(http, path, numbers, given.part, given.at_once)
    uploading = perf_counter() - started
    whole = await _bytes(stack)
    started = perf_counter()
    published = await http.post(f"{path}/publish", json={})
    published.raise_for_status()
    publishing = perf_counter() - started
    started = perf_counter()
    await http.get(path)
    reading = perf_counter() - started
    uploaded = _peak(stack)
    platforms = await measure_platforms(stack, http, path, given.readers, given.page)
    return {
        "accepted": accepted,
        "upload_seconds": round(uploading, 2),
        "numbers_per_second": round(accepted / uploading),
        "publish_seconds": round(publishing, 2),
        "read_ms": round(reading * 1000, 1),
        "serve_peak_mib": {
            "before": idle,
            "uploaded": uploaded,
            "after": _peak(stack),
        },
        "bytes_per_number": round((whole - empty) / max(accepted, 1), 1),
        **platforms,
    }


async def _upload(
    http: httpx.AsyncClient,
    path: str,
    numbers: Sequence[str],
    part: int,
    at_once: int,
) -> int:
    places = asyncio.Semaphore(at_once)

    async def put(n: int) -> int:
        some = numbers[(n - 1) * part : n * part]
        async with places:
            answer = await http.put(
                f"{path}/parts/{n}",
                content=_ndjson(some),
                headers={"Content-Type": "application/x-ndjson"},
            )
        answer.raise_for_status()
        return int(answer.json()["accepted"])

    parts = -(-len(numbers) // part)
    return sum(await asyncio.gather(*(put(n) for n in range(1, parts + 1))))


async def _ndjson(numbers: Sequence[str]) -> AsyncIterator[bytes]:
    for start in range(0, len(numbers), LINES_AT_ONCE):
        yield "".join(
            f'{{"number":"{number}","disconnected_on":"{GONE_ON}"}}\n'
            for number in numbers[start : start + LINES_AT_ONCE]
        ).encode()


async def _bytes(stack: Stack) -> int:
    total = 0
    async with stack.engine.connect() as db:
        for table in TABLES:
            asked = text("SELECT pg_total_relation_size(CAST(:table AS regclass))")
            total += (await db.execute(asked, {"table": table})).scalar_one()
    return total


def _peak(stack: Stack) -> int:
    """Give the most memory that the serving process ever held, in MiB."""
    status = Path(f"/proc/{stack.serves[0].pid}/status").read_text(encoding="ascii")
    line = next(one for one in status.splitlines() if one.startswith("VmHWM:"))
    return int(line.split()[1]) // 1024


if __name__ == "__main__":
    asyncio.run(main())
