"""Hours in minutes: under steady load nothing grows."""

import asyncio
import json
import os
import statistics
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic

import pytest
from sqlalchemy import text

from tests.chaos.results import publish
from tests.chaos.scene import CLOCK, KEYS, Scene, a_scene
from tests.chaos.sink import Behaviour
from tests.chaos.sinks import REPOSITORY
from tests.support.joining import a_number
from tests.support.order_builders import an_order, asked
from unbind_broker.items.states import ItemStatus

MINUTES = float(os.environ.get("UNBIND_CHAOS_MINUTES", "10"))
pytestmark = [pytest.mark.chaos, pytest.mark.timeout(int(MINUTES * 60) + 120)]

ENDPOINTS = 50
ORDERS_PER_SECOND = 3.0
WARMING_UP = 0.2
"""The part of the time that is not looked at: pools and caches fill up."""
NUMBERS = 9_000
_DATABASE = """
    SELECT
        (SELECT count(*) FROM deliveries) AS deliveries,
        (SELECT count(*) FROM order_log) AS order_log,
        (SELECT count(*) FROM pg_stat_activity
            WHERE application_name = 'soaked worker') AS connections
"""
_TAKEN = f"""
    SELECT count(*) FILTER (WHERE status = {ItemStatus.QUEUED.code}) AS queued,
        count(*) AS items
    FROM items
"""  # noqa: S608 - a code
Series = dict[str, list[float]]
GROWTH = {
    # What the second half may have more than the first: per cent, and so many.
    "rss_kb": (0.08, 4_096),
    "fds": (0.1, 4),
    "tasks": (0.2, 10),
    "connections": (0.2, 3),
    "deliveries": (0.25, 40),
    "order_log": (0.25, 100),
}


@dataclass
class Samples:
    """What was seen each second, by what it is of."""

    series: Series = field(default_factory=lambda: {name: [] for name in GROWTH})

    def halves(self, name: str) -> tuple[float, float]:
        """Give the median of the first and of the second half, without warming up."""
        found = self.series[name][int(len(self.series[name]) * WARMING_UP) :]
        middle = len(found) // 2
        return statistics.median(found[:middle]), statistics.median(found[middle:])


async def test_nothing_grows_under_steady_load() -> None:
    began, samples = monotonic(), Samples()
    async with a_scene() as scene:
        for door in range(ENDPOINTS):
            behaviour = Behaviour("", delay=0.03, fail=0.05, results=door % 2 == 0)
            await scene.add_door(behaviour)
        await scene.open_doors()
        async with _workers(scene, samples):
            await _load(scene, samples, MINUTES * 60)
            await asyncio.sleep(5)
        async with scene.engine.connect() as db:
            taken = (await db.execute(text(_TAKEN))).one()
        halves = {name: samples.halves(name) for name in GROWTH}
        publish(
            "soak",
            postgres=scene.version,
            seconds=monotonic() - began,
            minutes=MINUTES,
            items=taken.items,
            items_per_second=ENDPOINTS * ORDERS_PER_SECOND,
            queued_in_the_end=taken.queued,
            first_and_second_half=halves,
            highest={name: max(found) for name, found in samples.series.items()},
        )
    assert taken.queued <= ENDPOINTS
    for name, (first, second) in halves.items():
        share, least = GROWTH[name]
        assert second <= first + max(first * share, least), name


async def _load(scene: Scene, samples: Samples, seconds: float) -> None:
    """Accept orders at an even pace, and look at the tables every second."""
    start = monotonic()
    for turn in range(int(seconds * ORDERS_PER_SECOND)):
        await asyncio.sleep(max(0.0, start + turn / ORDERS_PER_SECOND - monotonic()))
        async with scene.engine.begin() as db:
            now = CLOCK.now()
            wanted = asked(number=a_number(turn % NUMBERS), now=now)
            await an_order(db, scene.carrier, wanted, now=now)
        if turn % int(ORDERS_PER_SECOND) == 0:
            async with scene.engine.connect() as db:
                row = (await db.execute(text(_DATABASE))).one()
            for name, value in row._mapping.items():
                samples.series[name].append(value)


@asynccontextmanager
async def _workers(
    scene: Scene, samples: Samples, count: int = 2
) -> AsyncIterator[None]:
    started, reading = [], []
    environment = {
        **{name: value for name, value in os.environ.items() if "UNBIND" not in name},
        **{name: key.decode() for name, key in KEYS.items()},
        "UNBIND_DATABASE_URL": scene.postgres.url(scheme="postgresql"),
        "UNBIND_ALLOW_PRIVATE_ENDPOINTS": "1",
        "UNBIND_RETRY_PLAN": "1s,5s",
    }
    try:
        for _ in range(count):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.chaos.soak_worker"),
                stdout=asyncio.subprocess.PIPE,
                env=environment,
                cwd=REPOSITORY,
            )
            started.append(process)
            reading.append(asyncio.create_task(_read(process, samples)))
        yield
    finally:
        for process in started:
            process.terminate()
            await asyncio.wait_for(process.wait(), 30)
        await asyncio.gather(*reading)


async def _read(process: asyncio.subprocess.Process, samples: Samples) -> None:
    assert process.stdout is not None
    while line := await process.stdout.readline():
        for name, value in json.loads(line).items():
            samples.series[name].append(value)
