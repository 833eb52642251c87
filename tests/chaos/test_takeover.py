"""What an endpoint's owner allows holds at the receiver while ownership moves."""

import asyncio
import random
from collections.abc import Mapping
from time import monotonic
from typing import Any

import pytest
from sqlalchemy import text

from tests.chaos.blows import again
from tests.chaos.judging import most_in_any, most_in_flight, verified
from tests.chaos.results import publish
from tests.chaos.scene import CLOCK, Scene, a_scene
from tests.chaos.sink import Behaviour, Request
from tests.chaos.squad import Squad
from tests.chaos.witness import FORBIDDEN, call_witness, hear_witness
from tests.support.joining import a_number
from tests.support.order_builders import an_order, asked
from unbind_broker.items.states import ItemStatus

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

Limits = dict[str, Any]
CHOSEN: tuple[Limits, ...] = (
    {"max_concurrency": 1, "max_rate": None, "max_batch": 3},
    {"max_concurrency": 2, "max_rate": 20.0, "max_batch": 1},
    {"max_concurrency": 4, "max_rate": None, "max_batch": 2},
    {"max_concurrency": 3, "max_rate": 10.0, "max_batch": 5},
)
DOORS = 16
ORDERS = 800
RAGES = 45.0
LEASE = 3.0
_QUEUED = f"SELECT count(*) FROM items WHERE status = {ItemStatus.QUEUED.code}"  # noqa: S608 - a code
_MOVES = "SELECT sum(epoch) FROM endpoint_leases"


async def test_limits_hold_at_the_receiver_while_ownership_moves() -> None:
    began = monotonic()
    async with a_scene() as scene:
        for door in range(DOORS):
            await scene.add_door(Behaviour("", delay=0.08, fail=0.05), **_limits(door))
        await scene.open_doors()
        await call_witness(scene.engine)
        await _orders(scene)
        async with asyncio.timeout(240):
            befell = await _let_it_move(scene)
        seen = await scene.sinks.seen()
        worst = [_worst(seen, limits) for limits in CHOSEN]
        async with scene.engine.connect() as db:
            moves = (await db.execute(text(_MOVES))).scalar_one()
        witness = await hear_witness(scene.engine)
        good, bad, total = verified(seen)
        publish(
            "takeover",
            postgres=scene.version,
            seconds=monotonic() - began,
            befell=befell,
            ownership_moved=int(moves) - DOORS,
            verified=f"{good} of {total}",
            at_receiver=[
                {"limits": limits, "worst": most}
                for limits, most in zip(CHOSEN, worst, strict=True)
            ],
        )
    assert bad == 0
    assert moves > DOORS * 3
    for limits, most in zip(CHOSEN, worst, strict=True):
        assert most["at_once"] <= limits["max_concurrency"]
        assert most["together"] <= limits["max_batch"]
        # One may need longer on its way than the next: one more in that second.
        assert most["in_a_second"] <= (limits["max_rate"] or float("inf")) + 1
    assert [one for one in FORBIDDEN if witness[one]] == []


def _limits(door: int) -> Limits:
    return CHOSEN[door % len(CHOSEN)]


async def _orders(scene: Scene) -> None:
    """Accept so many that every endpoint is busy all the time."""
    for place in range(ORDERS):
        async with scene.engine.begin() as db:
            now = CLOCK.now()
            wanted = asked(number=a_number(place), now=now)
            await an_order(db, scene.carrier, wanted, now=now)


async def _let_it_move(scene: Scene) -> Mapping[str, int]:
    dice = random.Random(11)  # noqa: S311 - chaos
    environment = {
        "UNBIND_DATABASE_URL": scene.postgres.url(scheme="postgresql"),
        "UNBIND_LEASE": f"{LEASE:g}s",
        "UNBIND_REQUEST_TIMEOUT": "1500ms",
        "UNBIND_RETRY_PLAN": "200ms,500ms",
    }
    async with scene.commands(**environment) as commands:
        squad = Squad(commands, scene.postgres, dice)
        for _ in range(3):
            await squad.enlist()
        await squad.stand(3)
        async with asyncio.TaskGroup() as together:
            together.create_task(again(squad.kill, 4, RAGES))
            together.create_task(again(squad.stop, 5, RAGES))
            together.create_task(again(lambda: squad.freeze(LEASE * 1.5), 3, RAGES))
        while await _queued(scene):  # noqa: ASYNC110 - it is in the database
            await asyncio.sleep(0.2)
        return dict(squad.befell)


async def _queued(scene: Scene) -> int:
    async with scene.engine.connect() as db:
        return int((await db.execute(text(_QUEUED))).scalar_one())


def _worst(seen: list[Request], limits: Limits) -> dict[str, int]:
    mine = [one for one in seen if _limits(one.door) is limits]
    return {
        "at_once": max(most_in_flight(mine).values()),
        "together": max(len(one.ids) for one in mine),
        "in_a_second": max(most_in_any(1.0, mine).values()),
    }
