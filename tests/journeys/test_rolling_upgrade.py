"""An upgrade under traffic: old and new API and workers on one database, migrated."""

import asyncio
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.journeys.outsider import Outsider, asking, is_completed
from tests.journeys.processes import Process, Processes, processes
from tests.support.database import Server, open_patient_engine
from tests.support.previous_release import REVISION, unpack_previous
from tests.support.receiver import Answer, Delivery, Door, Receiver
from tests.support.waiting import eventually
from unbind_broker.base.sealing import generate_key
from unbind_broker.schema import migrate as schema
from unbind_broker.schema.migrate import head, migrate

pytestmark = pytest.mark.journey

PLATFORMS = 6
API = ("serve", "--port", "0", "--json")
BATCH, AT_ONCE = 5, 2
ORDERS = 8
"""Orders that each stretch of the upgrade begins with."""

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


class Upgrade:
    """A broker that is being upgraded, its carrier, and what platforms were sent."""

    def __init__(
        self, engine: AsyncEngine, commands: Processes, old: Path, receiver: Receiver
    ) -> None:
        self.engine = engine
        self.commands = commands
        self.receiver = receiver
        self.old = {"PYTHONPATH": str(old)}
        self.carrier_key = self.platform_key = ""
        self.placed: list[str] = []

    async def register(self, url: str) -> dict[str, str]:
        """Register a carrier and platforms at that API; return the platforms' keys."""
        issue = ("keys", "issue", "--role", "admin")
        issued = await self.commands.start(*issue, **self.old)
        admin = Outsider(url, (await issued.rest()).strip())
        slugs = [f"platform-{place}" for place in range(PLATFORMS)]
        self.carrier_key = await _registered(admin, "carrier", "china-mobile")
        keys = {slug: await _registered(admin, "platform", slug) for slug in slugs}
        await admin.close()
        return keys

    async def enrol(self, url: str, slug: str, key: str) -> None:
        """Let a platform register its endpoint at the API of that URL, and verify."""
        door, platform = self.receiver.door(slug), Outsider(url, key)
        body = {"url": door.url, "max_batch": BATCH, "max_concurrency": AT_ONCE}
        made = await platform.call("PUT", "/v1/endpoint", body, expect=201)
        door.secrets.append(made["secret"])
        await platform.call("POST", "/v1/endpoint/verify")
        await platform.close()

    async def order(self, url: str, count: int = ORDERS) -> None:
        """Place orders at the API of that URL, each about a number of its own."""
        carrier = Outsider(url, self.carrier_key)
        for _ in range(count):
            body = asking(len(self.placed))
            self.placed.append("")
            made = await carrier.call("POST", "/v1/orders", body, expect=202)
            self.placed[self.placed.index("")] = made["id"]
        await carrier.close()

    async def holders(self) -> Counter[Any]:
        """How many endpoints each worker owns."""
        async with self.engine.connect() as db:
            owned = "SELECT holder FROM endpoint_leases WHERE lease_until > now()"
            return Counter((await db.execute(text(owned))).scalars())

    async def is_done(self) -> bool:
        """Look whether every order that was accepted is complete."""
        async with self.engine.connect() as db:
            states = text("SELECT count(*) FROM orders WHERE status <> 3")
            return not (await db.execute(states)).scalar_one()


async def _registered(admin: Outsider, role: str, slug: str) -> str:
    """Register somebody and issue a key."""
    await admin.call("POST", f"/v1/admin/{role}s", {"slug": slug}, expect=201)
    named = {"role": role, role: slug}
    issued = await admin.call("POST", "/v1/admin/keys", named, expect=201)
    return str(issued["key"])


def flaky(delivery: Delivery) -> Answer | None:
    """Refuse one request in four for the moment."""
    return Answer(503) if delivery.webhook_id[-1] in "048c" else None


def once_flaky(door: Door) -> None:
    """Let the door refuse some requests, but none of them twice."""
    refused: set[str] = set()

    def judge(delivery: Delivery) -> Answer | None:
        if delivery.webhook_id in refused:
            return None
        refused.add(delivery.webhook_id)
        return flaky(delivery)

    door.judge = judge


def unbound(item: dict[str, Any]) -> dict[str, object]:
    at = "2024-05-01T00:00:00Z"
    return {"id": item["id"], "outcome": "unbound", "removed": 1, "last_bound_at": at}


def accepted(door: Door) -> Counter[str]:
    """How often each item came in a request that was not refused."""
    seen: set[str] = set()
    taken: Counter[str] = Counter()
    for delivery in door.deliveries:
        first = delivery.webhook_id not in seen
        seen.add(delivery.webhook_id)
        if not (first and flaky(delivery)):
            taken.update(delivery.item_ids)
    return taken


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

    new_api = await migrate_under_traffic(at, old_url)
    await old_code_goes_on_alone(at, old_url)
    assert "loop_fault" not in old_worker.log, old_worker.log[-3000:]

    new_worker = await at.commands.start("worker")
    new_url = (await new_api.told())["url"]
    await eventually(lambda: _share(at))
    await asyncio.gather(at.order(old_url), at.order(new_url))
    before = len(at.receiver.deliveries)
    traffic = asyncio.create_task(at.order(new_url))
    await eventually(lambda: len(at.receiver.deliveries) > before)
    await old_worker.stop(signal.SIGKILL)
    await traffic
    await eventually(at.is_done)
    await _check(at, new_url)
    for process in (new_worker, new_api, old_api):
        assert await process.stop() == 0, process.log


async def enrol_all(at: Upgrade, url: str) -> None:
    keys = await at.register(url)
    for slug in keys:
        door = at.receiver.door(slug)
        door.usual = Answer(results=unbound, delay=0.05)
        once_flaky(door)
    await asyncio.gather(*(at.enrol(url, *one) for one in keys.items()))
    at.platform_key = keys[slug]


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
