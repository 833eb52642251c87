"""What clearances hold of a number is told, and destroyed, when somebody asks."""

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import bearer
from tests.support.builders import a_key
from tests.support.clearings import (
    a_draft,
    a_published,
    count,
    has_put,
    ndjson,
    number,
    shown,
)
from tests.support.clock import FixedClock
from tests.support.order_api import Scene, a_scene
from unbind_broker.keys.tables import Role


async def office(scene: Scene, verb: str, **more: str) -> httpx.Response:
    async with scene.engine.begin() as db:
        headers = bearer(await a_key(db, Role.ADMIN))
    return await scene.http.post(
        f"/v1/admin/numbers/{verb}", json={"number": number(1), **more}, headers=headers
    )


async def test_a_number_is_told_with_its_clearances(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        path = await a_published(scene, range(3))
        told = (await office(scene, "export")).json()["clearances"]
        assert [one["id"] for one in told] == [path.rsplit("/", 1)[-1]]
        assert told[0]["disconnected_on"] == "2026-08-20"
        assert told[0]["status"] == "in_progress"
        assert "number_index" not in told[0]


async def test_a_number_is_destroyed_in_drafts_and_once_it_is_withdrawn(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        await has_put(scene, await a_draft(scene), ndjson(range(3)))
        path = await a_published(scene, range(3))
        refused = await office(scene, "forget", reason="case 2026-117")
        assert (refused.status_code, refused.json()["code"]) == (409, "orders-open")
        await scene.post(f"{path}/withdraw", {"numbers": [number(1)]})
        done = await office(scene, "forget", reason="case 2026-117")
        assert done.json()["clearances"] == 2
        assert (await shown(scene, path))["status"] == "in_progress"
    assert await count(engine, "clearance_numbers") == 4
