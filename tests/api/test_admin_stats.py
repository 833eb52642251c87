"""An administrator sees in one answer how the broker stands and what it did."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import bearer
from tests.support.builders import a_key, a_platform, an_endpoint
from tests.support.clock import NOON, FixedClock
from tests.support.counted_history import ZONE
from tests.support.order_api import Scene, a_scene, order_body, query_body
from tests.support.undeliverable import pass_deadlines
from unbind_broker.carriers import brakes
from unbind_broker.endpoints import health_store
from unbind_broker.endpoints.health import Condition, Health
from unbind_broker.keys.tables import Role
from unbind_broker.worker.counting import Counting

URL = "/v1/admin/stats"


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock, "jd", "weibo") as made:
        yield made


async def read(scene: Scene, role: Role = Role.ADMIN, **params: str) -> Any:
    async with scene.engine.begin() as db:
        headers = bearer(await a_key(db, role))
    answer = await scene.http.get(URL, headers=headers, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_what_was_accepted_is_seen_at_once(
    scene: Scene, clock: FixedClock
) -> None:
    for path, body in (("/v1/orders", order_body()), ("/v1/queries", query_body())):
        answer = await scene.post(path, body)
        assert answer.status_code == 202, answer.text
    clock.advance(timedelta(seconds=9))

    seen = await read(scene)
    asked = seen["items"]["total"]
    assert asked > 0
    assert (seen["orders"]["in_progress"], seen["items"]["by_status"]["queued"]) == (
        2,
        asked,
    )
    assert seen["minutes"][-1] == {
        "at": "2026-11-20T04:00:00Z",
        "orders": 2,
        "items": asked,
        "estimated": False,
    }
    assert seen["oldest_unsent"]["age_seconds"] == 9
    assert seen["sealing"]["unsealed"] > 0
    assert seen["process"]["accepted"] == {"query": 1, "unbind": 1, "restore": 0}
    assert seen["process"]["shed"] == 0


async def test_days_of_the_period_hold_what_was_asked_and_what_came_of_it(
    scene: Scene, engine: AsyncEngine, clock: FixedClock
) -> None:
    await scene.post("/v1/queries", query_body())
    now = clock.advance(timedelta(days=1))
    await pass_deadlines(engine, now)
    for step in Counting(engine, clock, ZONE).steps().values():
        while await step() < 1:
            pass

    seen = await read(scene, since="2026-11-19", until="2026-11-21")
    days = {one["day"]: one for one in seen["days"]}
    assert [*days] == ["2026-11-19", "2026-11-20", "2026-11-21"]
    assert [one["orders"] for one in days.values()] == [0, 1, 0]
    asked = days["2026-11-20"]["items"]
    assert days["2026-11-21"]["undeliverable"] == asked == seen["undeliverable"] > 0
    assert days["2026-11-21"]["not_in_time"] == asked
    assert seen["totals"]["all"]["never"] == asked


async def test_ill_platforms_and_brakes_are_named(
    scene: Scene, engine: AsyncEngine
) -> None:
    async with engine.begin() as db:
        ill = (await an_endpoint(db, await a_platform(db, "zhihu"))).endpoint
        health = Health(Condition.OPEN, NOON, failures=12, last_error="HTTP 503")
        await health_store.save(db, {ill.id: health})
        await brakes.engage(db, NOON, None, "launch day", "admin")

    seen = await read(scene)
    (worst,) = seen["platforms"]["ill"]
    assert (worst["platform"], worst["error"]) == ("zhihu", "HTTP 503")
    assert worst["standing"] == "breaker_open"
    assert seen["platforms"]["counts"]["breaker_open"] == 1
    (brake,) = seen["brakes"]
    assert (brake["carrier"], brake["reason"]) == (None, "launch day")


async def test_longer_periods_than_a_year_are_refused(scene: Scene) -> None:
    async with scene.engine.begin() as db:
        headers = bearer(await a_key(db, Role.ADMIN))
    days = {"since": "2025-01-01", "until": "2026-11-20"}
    answer = await scene.http.get(URL, headers=headers, params=days)
    assert (answer.status_code, answer.json()["code"]) == (422, "wrong-period")


async def test_auditors_have_their_own_figures(scene: Scene) -> None:
    async with scene.engine.begin() as db:
        headers = bearer(await a_key(db, Role.AUDITOR))
    answer = await scene.http.get(URL, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong-role")
