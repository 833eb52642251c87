"""The command ``worker``, on a stage's database, with a request under way."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import URL

from tests.journeys.processes import Process, Processes, processes
from tests.support.receiver import Answer
from tests.support.waiting import eventually
from tests.worker.stage import Stage

KEYS = {
    "UNBIND_SECRET_KEYS": base64.b64encode(b"a sealing key of thirty-two byte"),
    "UNBIND_INDEX_KEY": base64.b64encode(b"an index key of thirty-two bytes"),
}
SOON = 60.0
"""Seconds; far less than what is not waited for, far more than what is."""


@asynccontextmanager
async def commands(folder: Path, url: URL, **changes: str) -> AsyncIterator[Processes]:
    """Start commands with the keys that builders use."""
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    keys = {name: key.decode() for name, key in KEYS.items()}
    named = {"UNBIND_DATABASE_URL": plain, **keys, **changes}
    async with processes(folder, **named) as started:
        yield started


async def a_busy_worker(stage: Stage, started: Processes) -> Process:
    """A worker of two endpoints, one of which does not answer."""
    await stage.add_platforms(2, max_batch=5)
    stage.doors[0].usual = Answer(hang=True)
    await stage.order(3)
    worker = await started.start("worker", "--port", "0")
    await eventually(lambda: all(door.deliveries for door in stage.doors))
    return worker
