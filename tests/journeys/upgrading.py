"""A broker that is being upgraded: who calls it, and what platforms were sent."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.journeys.outsider import Outsider, asking
from tests.journeys.processes import Processes
from tests.support.clearings import ndjson
from tests.support.receiver import Answer, Delivery, Door, Receiver

PLATFORMS = 6
BATCH, AT_ONCE = 5, 2
ORDERS = 8
"""Orders that each stretch of the upgrade begins with."""
CLEARANCE = "clearance.published"
CLEARED = 4321
"""The number that is cleared, among the made-up ones; no order is about it."""
REPORTS = f"platform-{PLATFORMS - 1}"
"""It gives no results in its answers, but reports them."""


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

    async def clear(self, url: str) -> None:
        """Have a number cleared by the API of that URL."""
        carrier = Outsider(url, self.carrier_key)
        made = await carrier.call("POST", "/v1/clearances", {}, expect=201)
        path = f"/v1/clearances/{made['id']}"
        await carrier.put(f"{path}/parts/1", ndjson([CLEARED]))
        await carrier.call("POST", f"{path}/publish", {})
        await carrier.close()

    async def is_cleared(self) -> bool:
        """Look whether every platform was told of the clearance."""
        sent = [door.deliveries for door in self.receiver.doors.values()]
        return all(any(one.type == CLEARANCE for one in its) for its in sent)

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


@asynccontextmanager
async def reporting(at: Upgrade, url: str) -> AsyncIterator[None]:
    """Let one platform report at the API of that URL whatever it has taken."""
    task = asyncio.create_task(_report(at, Outsider(url, at.platform_key)))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _report(at: Upgrade, platform: Outsider) -> None:
    told: set[str] = set()
    try:
        while True:
            fresh = sorted(accepted(at.receiver.door(REPORTS)).keys() - told)
            if fresh:
                body = {"results": [unbound({"id": one}) for one in fresh]}
                answer = await platform.call("POST", "/v1/results", body)
                became = {line["status"] for line in answer["results"]}
                assert became <= {"recorded", "duplicate"}, answer
            told |= set(fresh)
            await asyncio.sleep(0.1)
    finally:
        await platform.close()
