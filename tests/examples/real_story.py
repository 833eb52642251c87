"""A story in which every type of webhook is sent, and what arrived of it.

Everybody calls the API, a whole worker sends, and real endpoints receive.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
from sqlalchemy import Select, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import a_runtime, bearer, in_process
from tests.support.builders import a_carrier, a_key, a_platform
from tests.support.clearings import ndjson, number
from tests.support.guards import OUTSIDE, active_after_cutoff, removed
from tests.support.receiver import Answer, Delivery, Door, Receiver
from tests.support.waiting import eventually
from tests.support.working import working
from unbind_broker.base.clock import SystemClock
from unbind_broker.base.database import open_engine
from unbind_broker.base.ids import Prefix, parse_id
from unbind_broker.base.instants import show_instant
from unbind_broker.deadlines.tables import order_reminders
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.orders.tables import orders

MOBILE, UNICOM = "china-mobile", "china-unicom"
CARRIERS = MOBILE, UNICOM
PROMPT, SILENT = "prompt", "silent"
"""Platforms: one answers with results at once, one only takes what comes."""
CLOCK = SystemClock()
SETTINGS = {
    "lease": timedelta(seconds=15),
    "request_timeout": timedelta(seconds=8),
    "scan_interval": timedelta(seconds=0.2),
    "update_interval": timedelta(seconds=0.2),
}
PATIENCE = 60.0
SPAN = timedelta(days=5)
"""The time that the platform has which lets it pass."""
SINCE, SINCE_LATER = "2025-03-01", "2026-11-01"
QUERIED, OVERDUE, WRONG, CALLED_OFF, DISPUTED, CLEARED = range(1, 7)
ACTIVE = range(10, 15)
"""The numbers' places: what happens to each."""


@dataclass
class Party:
    """A carrier or a platform, as far as it can be seen from outside."""

    http: httpx.AsyncClient
    door: Door
    headers: dict[str, str]

    async def call(self, method: str, path: str, body: object = None) -> Any:
        answer = await self.http.request(method, path, json=body, headers=self.headers)
        assert answer.is_success, answer.text
        return answer.json()

    async def connect(self, *, rotating: bool) -> None:
        """Register the endpoint, prove that it is there, and have it tried."""
        made = await self.call("PUT", "/v1/endpoint", {"url": self.door.url})
        self.door.secrets.append(made["secret"])
        if rotating:
            grace = {"grace_seconds": 3600}
            made = await self.call("POST", "/v1/endpoint/rotate-secret", grace)
            self.door.secrets.append(made["secret"])
        await self.call("POST", "/v1/endpoint/verify")
        await self.call("POST", "/v1/endpoint/test")

    async def ask(self, path: str, place: int, *slugs: str, **changes: str) -> str:
        """Ask these platforms about a number, and give the path of what was made."""
        consent = {"method": "in_store", "at": show_instant(CLOCK.now())}
        basis = {"number": number(place), "owner_since": SINCE, "consent": consent}
        basis["reference"] = f"门店 {place}"
        made = await self.call("POST", path, {**basis, "platforms": slugs, **changes})
        return f"{path}/{made['id']}"

    async def gets(self, event: EventType, times: int = 1) -> None:
        """Wait until that has come so often."""

        def came() -> bool:
            return [one.type for one in self.door.deliveries].count(event) >= times

        try:
            await eventually(came, PATIENCE)
        except AssertionError:
            found = Counter(one.type for one in self.door.deliveries)
            raise AssertionError(f"no {event} among {dict(found)}") from None

    @property
    def received(self) -> list[Delivery]:
        return [*self.door.challenges, *self.door.deliveries]


@dataclass
class Told:
    """What each kind of party received in the story."""

    carriers: list[Party] = field(default_factory=list)
    platforms: list[Party] = field(default_factory=list)


async def tell(url: str, *, rotating: bool) -> Told:
    """Let it all happen on an empty database, with one secret each or with two."""
    engine = open_engine(url, pool=10, application="tests")
    try:
        runtime = a_runtime(engine, CLOCK, **SETTINGS)
        async with Receiver().opened() as receiver, in_process(runtime) as http:
            parties = await _gather(engine, receiver, http)
            for one in parties.values():
                await one.connect(rotating=rotating)
            async with working(runtime):
                await _happen(parties)
                await _run_late(parties, engine)
                await _go_wrong(parties)
    finally:
        await engine.dispose()
    return Told(
        [one for slug, one in parties.items() if slug in CARRIERS],
        [one for slug, one in parties.items() if slug not in CARRIERS],
    )


async def _happen(parties: dict[str, Party]) -> None:
    """Let numbers be asked about, cleared, disputed and called off."""
    mobile, unicom = parties[MOBILE], parties[UNICOM]
    prompt, silent = parties[PROMPT], parties[SILENT]
    prompt.door.usual = Answer(results=_result)
    await mobile.ask("/v1/queries", QUERIED, PROMPT)
    await mobile.ask("/v1/orders", DISPUTED, PROMPT)
    await unicom.ask("/v1/orders", DISPUTED, PROMPT, owner_since=SINCE_LATER)
    called_off = await mobile.ask("/v1/orders", CALLED_OFF, SILENT)
    await silent.gets(EventType.UNBIND_REQUESTED)
    await mobile.call("POST", f"{called_off}/cancel")
    await silent.gets(EventType.UNBIND_CANCELLED)
    await _clear(mobile, [prompt, silent])
    await mobile.gets(EventType.CLEARANCE_COMPLETED)
    for event in (EventType.ORDER_HELD, EventType.ORDER_DISPUTED):
        await unicom.gets(event)


async def _run_late(parties: dict[str, Party], engine: AsyncEngine) -> None:
    """Let a platform be reminded, and let the time pass that it had."""
    mobile, silent = parties[MOBILE], parties[SILENT]
    path = await mobile.ask("/v1/orders", OVERDUE, SILENT)
    await silent.gets(EventType.UNBIND_REQUESTED, 2)
    await mobile.gets(EventType.ORDER_UPDATED)
    late = parse_id(path.rpartition("/")[2], Prefix.ORDER)
    mine, reminder = orders.c.id == late, order_reminders.c.order_id == late

    taken = select(items).where(
        items.c.order_id == late, items.c.status == ItemStatus.ACKNOWLEDGED
    )

    async def is_there(found: Select[Any]) -> bool:
        async with engine.connect() as db:
            return (await db.execute(found)).first() is not None

    # Nobody is reminded of what is not known to be taken.
    for found in (taken, select(order_reminders).where(reminder)):
        await eventually(partial(is_there, found), PATIENCE)
    now = CLOCK.now()
    async with engine.begin() as db:
        times = {"created_at": now - SPAN * 0.6, "deadline": now + SPAN * 0.4}
        await db.execute(update(orders).where(mine).values(times))
        await db.execute(update(order_reminders).where(reminder).values(due_at=now))
    await silent.gets(EventType.UNBIND_REMINDER)
    async with engine.begin() as db:
        await db.execute(update(orders).where(mine).values(deadline=CLOCK.now()))
    await mobile.gets(EventType.ORDER_OVERDUE)


async def _go_wrong(parties: dict[str, Party]) -> None:
    """Let a carrier's dates be wrong until it is stopped."""
    mobile, prompt = parties[MOBILE], parties[PROMPT]
    await mobile.ask("/v1/orders", WRONG, PROMPT)
    await mobile.gets(EventType.ORDER_VIOLATION)
    await prompt.gets(EventType.RESTORE_REQUESTED)
    for place in ACTIVE:
        await mobile.ask("/v1/orders", place, PROMPT)
    await mobile.gets(EventType.CARRIER_BRAKED)


async def _clear(carrier: Party, platforms: list[Party]) -> None:
    """Have a number cleared of which no platform knows anything."""
    made = await carrier.call("POST", "/v1/clearances", {})
    path = f"/v1/clearances/{made['id']}"
    kind = {"Content-Type": "application/x-ndjson", **carrier.headers}
    lines = ndjson([CLEARED])
    put = await carrier.http.put(f"{path}/parts/1", content=lines, headers=kind)
    assert put.is_success, put.text
    await carrier.call("POST", f"{path}/publish", {})
    for one in platforms:
        await one.gets(EventType.CLEARANCE_PUBLISHED)
        await one.call("GET", f"{path}/manifest?wave=1")
        await one.call("POST", f"{path}/findings", {"findings": [], "complete": True})


def _result(item: dict[str, Any]) -> dict[str, object] | None:
    item_id = str(item["id"])
    said = item.get("number", "")
    if said == number(QUERIED):
        return {"id": item_id, "outcome": "not_bound"}
    if said == number(WRONG) and "restores" not in item:
        return removed(item_id, OUTSIDE)
    if said in {number(place) for place in ACTIVE}:
        return active_after_cutoff(item_id)
    return None


async def _gather(
    engine: AsyncEngine, receiver: Receiver, http: httpx.AsyncClient
) -> dict[str, Party]:
    parties = {}
    now = CLOCK.now()
    async with engine.begin() as db:
        for slug in (*CARRIERS, PROMPT, SILENT):
            make = a_carrier if slug in CARRIERS else a_platform
            held = await a_key(db, await make(db, slug, now=now), now=now)
            parties[slug] = Party(http, receiver.door(slug), bearer(held))
    return parties
