"""Let a storm rage over workers, connections and Postgres while orders come in."""

import asyncio
import random
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.chaos.blows import again
from tests.chaos.scene import Scene
from tests.chaos.sink import Behaviour
from tests.chaos.squad import Squad
from tests.chaos.witness import call_witness
from tests.journeys.outsider import asking
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.states import OrderStatus

BATCH = 5
CONCURRENCY = 2
LEASE = 3.0
REQUEST = 1.5
_TERMINATE = """
    SELECT count(pg_terminate_backend(pid)) FROM (
        SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'unbind-broker%'
        ORDER BY random() LIMIT 3
    ) AS chosen
"""
_OPEN = f"SELECT count(*) FROM orders WHERE status <> {OrderStatus.COMPLETED.code}"  # noqa: S608 - a code
_WAITING = f"""
    SELECT count(*) FROM items
    WHERE status = {ItemStatus.QUEUED.code} AND platform_id <> :hanging
"""  # noqa: S608 - a code
_RACING = 8


@dataclass(frozen=True)
class Force:
    """How hard it blows. Times are seconds.

    ``deadline`` is what platforms have for an order; without it, time is up as soon as
    all but the hanging one have taken everything. ``limit`` ends it all.
    """

    endpoints: int
    orders: int
    rages: float
    deadline: float | None
    limit: float
    workers: int = 3
    kill_every: float = 2.0
    freeze_every: float = 5.0
    frozen_for: float = LEASE * 1.5
    terminate_every: float = 1.5
    crash: bool = True


@dataclass
class Toll:
    """What was done, and what the carrier was answered."""

    befell: Counter[str] = field(default_factory=Counter)
    accepted: set[str] = field(default_factory=set)
    answers: Counter[str] = field(default_factory=Counter)


async def set_up(scene: Scene, force: Force) -> int:
    """Make the platforms; return the door of the one that hangs.

    Every second one answers with a result, the others only that they took the items.
    """
    for place in range(force.endpoints):
        behaviour = Behaviour("", delay=0.03, fail=0.1, results=place % 2 == 0)
        limits = {"max_batch": BATCH, "max_concurrency": CONCURRENCY}
        await scene.add_door(behaviour, **limits)
    hanging = force.endpoints - 1
    scene.behaviours[hanging].hang = True
    await scene.open_doors()
    await call_witness(scene.engine)
    return hanging


def environment(scene: Scene, force: Force) -> dict[str, str]:
    """Give the settings: every clock short."""
    return {
        "UNBIND_DATABASE_URL": scene.postgres.url(scheme="postgresql"),
        "UNBIND_LEASE": f"{LEASE:g}s",
        "UNBIND_REQUEST_TIMEOUT": f"{REQUEST:g}s",
        "UNBIND_RETRY_PLAN": "200ms,500ms,1s",
        "UNBIND_ORDER_DEADLINE": f"{force.deadline or 900:g}s",
        "UNBIND_SCAN_INTERVAL": "500ms",
    }


async def rage(scene: Scene, force: Force, dice: random.Random) -> Toll:
    """Accept orders through the storm, then wait in fair weather for all to be settled.

    Raises ``TimeoutError`` when the limit is passed.
    """
    toll = Toll()
    async with (
        asyncio.timeout(force.limit),
        scene.commands(**environment(scene, force)) as commands,
    ):
        serve = await commands.start("serve", "--port", "0", "--json")
        url = (await serve.told())["url"]
        squad = Squad(commands, scene.postgres, dice)
        toll.befell = squad.befell
        for _ in range(force.workers):
            await squad.enlist()
        await squad.stand(force.workers)
        async with asyncio.TaskGroup() as together:
            together.create_task(_accept(scene, url, force, toll))
            for blow in _blows(scene, squad, force):
                together.create_task(blow)
        if force.deadline is None:
            await _until(scene, squad, _WAITING)
            async with scene.engine.begin() as db:
                await db.execute(text("UPDATE orders SET deadline = now()"))
        await _until(scene, squad, _OPEN)
    return toll


def _blows(scene: Scene, squad: Squad, force: Force) -> list[Coroutine[Any, Any, None]]:
    async def freeze() -> None:
        await squad.freeze(force.frozen_for)

    async def terminate() -> None:
        with suppress(DBAPIError, OSError):
            async with scene.engine.begin() as db:
                cut = (await db.execute(text(_TERMINATE))).scalar_one()
            squad.befell["terminated"] += cut

    async def crash() -> None:
        squad.befell["crashed"] += 1
        await scene.postgres.crash()
        await asyncio.sleep(1)
        await scene.postgres.start()

    blows = [
        again(squad.replace_ended, 0.5, force.rages),
        again(squad.kill, force.kill_every, force.rages),
        again(freeze, force.freeze_every, force.rages),
        again(terminate, force.terminate_every, force.rages),
    ]
    if force.crash:
        blows.append(again(crash, force.rages / 2, force.rages * 0.7))
    return blows


async def _accept(scene: Scene, url: str, force: Force, toll: Toll) -> None:
    """Place orders at an even pace, several at once if one is kept waiting."""
    gate = asyncio.Semaphore(_RACING)
    headers = {"Authorization": f"Bearer {scene.carrier_key}"}
    async with (
        httpx.AsyncClient(
            base_url=url, headers=headers, timeout=10, trust_env=False
        ) as carrier,
        asyncio.TaskGroup() as together,
    ):
        for place in range(force.orders):
            await gate.acquire()
            placing = together.create_task(_place(carrier, place, toll))
            placing.add_done_callback(lambda _: gate.release())
            await asyncio.sleep(force.rages / force.orders)


async def _place(carrier: httpx.AsyncClient, place: int, toll: Toll) -> None:
    """Ask until it is accepted; the key makes sure that it is accepted once."""
    body, key = asking(place), {"Idempotency-Key": f"order-{place}"}
    while True:
        try:
            answer = await carrier.post("/v1/orders", json=body, headers=key)
        except httpx.TransportError as error:
            toll.answers[type(error).__name__] += 1
        else:
            toll.answers[str(answer.status_code)] += 1
            if answer.status_code == 202:
                toll.accepted.add(answer.json()["id"])
                return
        await asyncio.sleep(0.3)


async def _until(scene: Scene, squad: Squad, count: str) -> None:
    """Wait until nothing is counted any more."""
    while True:
        await squad.replace_ended()
        async with scene.engine.connect() as db:
            values = {"hanging": scene.platforms[-1]} if ":hanging" in count else {}
            if not (await db.execute(text(count), values)).scalar_one():
                return
        await asyncio.sleep(0.2)
