"""An upgrade under traffic: old and new API and workers on one database, migrated."""

import asyncio
import signal
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.journeys.outsider import Outsider, is_completed
from tests.journeys.processes import Process, processes
from tests.journeys.upgrading import (
    AT_ONCE,
    BATCH,
    ORDERS,
    PLATFORMS,
    REPORTS,
    Upgrade,
    accepted,
    once_flaky,
    reporting,
    unbound,
)
from tests.support.database import Server, open_patient_engine
from tests.support.previous_release import REVISION, unpack_previous
from tests.support.receiver import Answer, Receiver
from tests.support.waiting import eventually
from unbind_broker.base.sealing import generate_key
from unbind_broker.schema import migrate as schema
from unbind_broker.schema.migrate import head, migrate

pytestmark = pytest.mark.journey

API = ("serve", "--port", "0", "--json")

WRITTEN_BY_NEW_CODE = (
    """
    INSERT INTO deliveries
        (endpoint_id, due_at, event, order_id, attempt, occasion, replay)
    SELECT e.id, now(), 2, o.id, 1, gen_random_uuid(), true FROM endpoints e, orders o
    """,
    "UPDATE attempts SET outcome = 10 WHERE outcome IN (4, 5)",
    """
    INSERT INTO endpoint_health (endpoint_id, condition, since, opened, failures)
    SELECT id, 2, now(), 1, 20 FROM endpoints
    """,
)
"""Replays, an outcome that old code does not know, and the health of endpoints."""

MOST_TWICE = PLATFORMS * BATCH * AT_ONCE
"""What can be in flight, or answered and not recorded, when a worker is killed."""


async def reach(engine: AsyncEngine, revision: str) -> None:
    """Bring an empty database to an older revision."""

    def upgrade(connection: Connection) -> None:
        config = schema._config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    async with engine.connect() as db:
        await db.run_sync(upgrade)
        await db.commit()


async def test_nothing_is_lost_while_old_and_new_work_side_by_side(
    tmp_path: Path, server: Server, receiver: Receiver
) -> None:
    old = unpack_previous(tmp_path / "old")
    async with server.empty() as url:
        engine = open_patient_engine(url, pool=4, application="tests")
        await reach(engine, REVISION)
        plain = make_url(url).set(drivername="postgresql")
        async with processes(
            tmp_path,
            UNBIND_DATABASE_URL=plain.render_as_string(hide_password=False),
            UNBIND_SECRET_KEYS=generate_key(),
            UNBIND_INDEX_KEY=generate_key(),
        ) as commands:
            await upgrade(Upgrade(engine, commands, old, receiver))
        await engine.dispose()


async def upgrade(at: Upgrade) -> None:
    old_api = await at.commands.start(*API, **at.old)
    old_worker = await at.commands.start("worker", **at.old)
    old_url = (await old_api.told())["url"]
    await enrol_all(at, old_url)
    await old_worker.line()

    async with reporting(at, old_url):
        new_api = await migrate_under_traffic(at, old_url)
        await old_code_goes_on_alone(at, old_url)
        assert "loop_fault" not in old_worker.log, old_worker.log[-3000:]

        new_worker = await at.commands.start("worker")
        new_url = (await new_api.told())["url"]
        await eventually(lambda: _share(at))
        await asyncio.gather(at.order(old_url), at.order(new_url), at.clear(new_url))
        before = len(at.receiver.deliveries)
        traffic = asyncio.create_task(at.order(new_url))
        await eventually(lambda: len(at.receiver.deliveries) > before)
        await old_worker.stop(signal.SIGKILL)
        await traffic
        await eventually(at.is_done)
        await eventually(at.is_cleared)
        await _check(at, new_url)
    for process in (new_worker, new_api, old_api):
        assert await process.stop() == 0, process.log


async def enrol_all(at: Upgrade, url: str) -> None:
    keys = await at.register(url)
    for slug in keys:
        door = at.receiver.door(slug)
        results = None if slug == REPORTS else unbound
        door.usual = Answer(results=results, delay=0.05)
        once_flaky(door)
    await asyncio.gather(*(at.enrol(url, *one) for one in keys.items()))
    at.platform_key = keys[REPORTS]


async def migrate_under_traffic(at: Upgrade, old_url: str) -> Process:
    """Change the schema while old code accepts and sends; then start a new API."""
    traffic = asyncio.create_task(at.order(old_url, 2 * ORDERS))
    await eventually(lambda: at.receiver.deliveries)
    assert await migrate(at.engine) == head() != REVISION
    new_api = await at.commands.start(*API)
    await traffic
    return new_api


async def old_code_goes_on_alone(at: Upgrade, old_url: str) -> None:
    """Let old code find what only new code writes; it passes over it."""
    await eventually(at.is_done)
    async with at.engine.begin() as db:
        for statement in WRITTEN_BY_NEW_CODE:
            await db.execute(text(statement))
    platform = Outsider(old_url, at.platform_key)
    for verb in ("pause", "resume"):
        await platform.call("POST", f"/v1/endpoint/{verb}")
    assert (await platform.call("GET", "/v1/endpoint"))["status"] == "active"
    await platform.close()
    await at.order(old_url)
    await eventually(at.is_done)


async def _share(at: Upgrade) -> bool:
    return sorted((await at.holders()).values()) == [PLATFORMS // 2] * 2


async def _check(at: Upgrade, url: str) -> None:
    twice = 0
    for door in at.receiver.doors.values():
        taken = accepted(door)
        assert taken.keys() == set(at.placed)
        assert door.rejected == 0
        twice += taken.total() - len(taken)
    assert twice <= MOST_TWICE
    carrier = Outsider(url, at.carrier_key)
    paths = [f"/v1/orders/{order_id}" for order_id in at.placed]
    for order in await asyncio.gather(*(carrier.call("GET", path) for path in paths)):
        assert is_completed(order)
        assert order["summary"] == {"total": PLATFORMS, "unbound": PLATFORMS}
    await carrier.close()
