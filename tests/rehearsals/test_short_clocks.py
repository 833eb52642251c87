"""A rehearsal is not a week long; nothing real is any shorter for it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.rehearsals.scene import CHAT, NAMED
from tests.support.app import bearer
from tests.support.builders import PAST, a_key
from tests.support.clearings import a_published
from tests.support.clock import NOON, FixedClock
from tests.support.order_api import Scene, a_scene, order_body
from tests.support.rehearsals import an_admin
from unbind_broker.carriers.twins import find_or_make_twin
from unbind_broker.platforms.rehearsed import ensure_rehearsed

NUMBER = NAMED["before"].number(3).e164


@pytest.fixture
async def real(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock, "weibo", sandbox_deadline="20m") as scene:
        yield scene


@pytest.fixture
async def twin(real: Scene) -> Scene:
    async with real.engine.begin() as db:
        made = await find_or_make_twin(db, NOON, real.carrier.id, PAST)
        await ensure_rehearsed(db, NOON, PAST)
        holder = replace(real.carrier, id=made)
        headers = bearer(await a_key(db, holder))
    return replace(real, carrier=holder, carrier_headers=headers)


async def lasts(scene: Scene, what: str, field: str, **changes: object) -> timedelta:
    """How long after it was made an order is due, or let go."""
    answer = await scene.post(f"/v1/{what}", order_body(number=NUMBER, **changes))
    assert answer.status_code == 202, answer.text
    return datetime.fromisoformat(answer.json()[field]) - NOON


async def test_deadlines_are_short(twin: Scene, real: Scene) -> None:
    assert await lasts(twin, "orders", "deadline") == timedelta(minutes=20)
    assert await lasts(twin, "queries", "deadline") == timedelta(minutes=10)
    assert await lasts(real, "orders", "deadline") > timedelta(days=5)


async def test_undo_window_is_a_tenth_of_it(twin: Scene, real: Scene) -> None:
    own = {"scope": "current_owner"}
    rehearsed = await lasts(twin, "orders", "held_until", platforms=[CHAT], **own)
    usual = await lasts(real, "orders", "held_until", platforms=["weibo"], **own)
    assert (rehearsed, usual) == (timedelta(minutes=2), timedelta(hours=24))


async def test_clearance_that_goes_on_gets_the_short_time_again(
    twin: Scene, real: Scene
) -> None:
    admin = await an_admin(real)
    stopped = text("UPDATE clearances SET status = 3, deadline = :now")
    left = []
    for scene in (twin, real):
        path = await a_published(scene, [1])
        async with scene.engine.begin() as db:
            await db.execute(stopped, {"now": NOON})
        resume = f"/v1/admin{path.removeprefix('/v1')}/resume"
        why = {"why": "it is only tried"}
        done = await scene.http.post(resume, json=why, headers=admin)
        assert done.json() == {"resumed": True}
        until = (await scene.get(path)).json()["deadline"]
        left.append(datetime.fromisoformat(until) - NOON)
    assert left[0] == timedelta(minutes=20)
    assert left[1] > timedelta(days=5)
