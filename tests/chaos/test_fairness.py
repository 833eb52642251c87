"""Endpoints that hang or fail, however much waits for them, delay no other."""

import asyncio
import os
import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic

import pytest

from tests.chaos.judging import Item, verified
from tests.chaos.overdue import fall_behind
from tests.chaos.results import publish
from tests.chaos.scene import CLOCK, Scene, a_scene
from tests.chaos.sink import Behaviour, Request
from tests.support.joining import a_number
from tests.support.order_builders import an_order, asked
from unbind_broker.base.database import Db
from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.endpoints import service
from unbind_broker.endpoints.endpoint import Endpoint, Owner
from unbind_broker.endpoints.states import PausedBy

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(500)]

Turning = Callable[[Db, datetime, Owner, PausedBy, str], Awaitable[Endpoint]]

HEALTHY = 198
OVERDUE = int(os.environ.get("UNBIND_CHAOS_OVERDUE", "200000"))
ORDERS_PER_SECOND = 2.0
ROUNDS = 4
PHASE = 12.0
SETTLING = 3.0
"""Seconds until the change of scene is in force, and is measured no longer."""
TIMES_SLOWER = 2.0


@dataclass
class Phase:
    """A stretch of time in which the two bad endpoints are there, or paused."""

    with_bad: bool
    committed: dict[str, float] = field(default_factory=dict)
    p50: float = 0.0
    p99: float = 0.0


async def test_bad_endpoints_with_a_long_past_delay_no_other() -> None:
    began = monotonic()
    async with a_scene(sink_processes=2) as scene:
        bad = await _set_up(scene)
        async with asyncio.timeout(420), scene.commands(**_environment(scene)) as all_:
            for _ in range(2):
                url = scene.postgres.url(scheme="postgresql")
                worker = await all_.start("worker", UNBIND_DATABASE_URL=url)
                await worker.line()
            phases = [
                await _phase(scene, bad, place, with_bad=bool(place % 2))
                for place in range(ROUNDS * 2)
            ]
            await asyncio.sleep(SETTLING)
        seen = await scene.sinks.seen()
        for phase in phases:
            _measure(phase, seen)
        good, wrong, total = verified(seen)
        without, beside = (
            _median(phases, with_bad=False),
            _median(phases, with_bad=True),
        )
        counts = Counter(request.door for request in seen if request.door in bad)
        publish(
            "fairness",
            postgres=scene.version,
            seconds=monotonic() - began,
            overdue_at_each_bad_endpoint=OVERDUE,
            items_per_second=ORDERS_PER_SECOND * HEALTHY,
            p99_ms_without=round(without * 1000, 1),
            p99_ms_with=round(beside * 1000, 1),
            times_slower=round(beside / without, 2),
            phases=[
                [one.with_bad, round(one.p50 * 1000, 1), round(one.p99 * 1000, 1)]
                for one in phases
            ],
            requests_to_hanging=counts[bad[0]],
            requests_to_failing=counts[bad[1]],
            verified=f"{good} of {total}",
        )
    assert wrong == 0
    assert beside <= TIMES_SLOWER * without


async def _set_up(scene: Scene) -> tuple[int, int]:
    for _ in range(HEALTHY):
        await scene.add_door(Behaviour("", delay=0.02))
    hanging = await scene.add_door(Behaviour("", hang=True))
    failing = await scene.add_door(Behaviour("", delay=0.02, fail=1.0))
    await scene.open_doors()
    await fall_behind(scene, (hanging, failing), OVERDUE)
    return hanging, failing


def _environment(scene: Scene) -> dict[str, str]:
    return {
        "UNBIND_DATABASE_URL": scene.postgres.url(scheme="postgresql"),
        "UNBIND_LEASE": "20s",
        "UNBIND_REQUEST_TIMEOUT": "5s",
        "UNBIND_RETRY_PLAN": "5s,5m,30m",
    }


async def _phase(
    scene: Scene, bad: tuple[int, int], place: int, *, with_bad: bool
) -> Phase:
    """Accept orders at an even pace, whatever becomes of them (an open loop)."""
    await _turn(scene, bad, service.resume if with_bad else service.pause)
    phase, start = Phase(with_bad), monotonic()
    for turn in range(int((PHASE + SETTLING) * ORDERS_PER_SECOND)):
        await asyncio.sleep(max(0.0, start + turn / ORDERS_PER_SECOND - monotonic()))
        async with scene.engine.begin() as db:
            now = CLOCK.now()
            wanted = asked(number=a_number(place * 500 + turn), now=now)
            order = await an_order(db, scene.carrier, wanted, now=now)
        if monotonic() - start > SETTLING:
            phase.committed[format_id(Prefix.ORDER, order)] = time.time()
    return phase


async def _turn(scene: Scene, bad: tuple[int, int], verb: Turning) -> None:
    async with scene.engine.begin() as db:
        for door in bad:
            owner = Owner(f"platform-{door}", platform_id=scene.platforms[door])
            await verb(db, CLOCK.now(), owner, PausedBy.OWNER, "the test")


def _measure(phase: Phase, seen: list[Request]) -> None:
    """Take the time from commit to first arrival; what never came took for ever."""
    first: dict[Item, float] = {}
    for request in seen:
        for order in request.ids:
            if order in phase.committed and request.door < HEALTHY:
                first.setdefault(Item(request.door, order), request.arrived)
    waits = [
        max(0.0, first.get(Item(door, order), float("inf")) - committed)
        for order, committed in phase.committed.items()
        for door in range(HEALTHY)
    ]
    waits.sort()
    phase.p50 = waits[len(waits) // 2]
    phase.p99 = waits[int(len(waits) * 0.99)]


def _median(phases: list[Phase], *, with_bad: bool) -> float:
    return statistics.median(
        phase.p99 for phase in phases if phase.with_bad is with_bad
    )
