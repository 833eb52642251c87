"""What clearances hold of a number is told, and destroyed, when somebody asks."""

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import bearer
from tests.support.builders import a_key
from tests.support.clearings import (
    a_draft,
    a_filled_draft,
    a_published,
    count,
    has_put,
    ndjson,
    number,
    shown,
)
from tests.support.clock import FixedClock
from tests.support.findings import is_done, refused
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


async def test_a_number_is_told_with_the_violations_of_its_clearances(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    """Numbers 0 to 2 stand on places 1 to 3."""
    violated = text(
        "INSERT INTO violations (id, platform_id, carrier_id, outcome, last_bound_at,"
        " raised_at, clearance_id, place, bound_before)"
        " SELECT gen_random_uuid(), :platform, carrier_id, 12, now(), now(), id, n,"
        " now() FROM clearances, generate_series(2, 3) n"
    )
    async with a_scene(engine, clock, "weibo") as scene:
        path = await a_published(scene, range(3))
        async with engine.begin() as db:
            await db.execute(violated, {"platform": scene.platforms["weibo"].id})
        (told,) = (await office(scene, "export")).json()["violations"]
    assert (told["platform"], told["place"]) == ("weibo", 2)
    assert told["clearance_id"] == path.rsplit("/", 1)[-1]


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


async def test_a_forgotten_number_is_counted_no_more(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo", clearance_first_wave=2) as scene:
        path = await a_published(scene, range(5))
        await is_done(scene, "weibo", path, refused(1), refused(0))
        await scene.post(f"{path}/withdraw", {"numbers": [number(1)]})
        done = await office(scene, "forget", reason="case 2026-117")
        assert done.json()["clearances"] == 1
        view = await shown(scene, path)
    assert (view["numbers"], view["withdrawn"]) == (4, 0)
    assert view["parts"][0]["accepted"] == 4
    assert [one["numbers"] for one in view["waves"]] == [1, 3]
    assert view["summary"] == {
        "total": 4,
        "clean": 0,
        "blocked": 1,
        "partial": 3,
        "withdrawn": 0,
    }


async def test_a_number_found_clean_is_clean_no_more_once_it_is_forgotten(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        path = await a_published(scene, range(3))
        await is_done(scene, "weibo", path, refused(1))
        assert (await shown(scene, path))["status"] == "completed"
        assert (await office(scene, "forget", reason="case 2026-117")).is_success
        summary = (await shown(scene, path))["summary"]
    assert (summary["total"], summary["clean"], summary["blocked"]) == (2, 2, 0)


async def test_a_draft_whose_only_number_is_forgotten_is_empty(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        path = await a_filled_draft(scene, [1])
        await office(scene, "forget", reason="case 2026-117")
        empty = await scene.post(f"{path}/publish", {})
        assert empty.json()["code"] == "clearance-empty"
        await has_put(scene, path, ndjson([2, 3]), part=2)
        view = (await scene.post(f"{path}/publish", {})).json()
    assert (view["numbers"], view["waves"][0]["numbers"]) == (2, 2)


async def test_a_number_is_not_forgotten_while_its_draft_is_published(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        path = await a_filled_draft(scene, [1])
        async with engine.begin() as db:
            await db.execute(text("SELECT * FROM clearances FOR NO KEY UPDATE"))
            busy = await office(scene, "forget", reason="case 2026-117")
        assert (busy.status_code, busy.json()["code"]) == (409, "clearance-busy")
        assert (await shown(scene, path))["numbers"] == 1
