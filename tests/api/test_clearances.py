"""Carriers begin clearances, publish them in waves, and take numbers out."""

import asyncio
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.clearings import (
    GONE_ON,
    a_draft,
    a_filled_draft,
    a_published,
    count,
    has_put,
    id_of,
    ndjson,
    number,
    shown,
)
from tests.support.clock import FixedClock
from tests.support.findings import read_all
from tests.support.holdings_api import line, tell
from tests.support.order_api import a_scene
from tests.support.sealing import BLIND_INDEX
from tests.support.trail import trail
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.carriers.brakes import engage
from unbind_broker.clearances.withdrawing import withdraw, withdraw_resumed
from unbind_broker.endpoints.states import Delivery


async def test_a_clearance_begins_as_a_draft_of_its_carrier(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock) as scene:
        answer = await scene.post("/v1/clearances", {"reference": "B-1"})
        view = answer.json()
        assert answer.status_code == 201
        assert answer.headers["location"] == f"/v1/clearances/{view['id']}"
        assert view["id"].startswith("clr_")
        assert (view["status"], view["reference"]) == ("draft", "B-1")
        assert await shown(scene, answer.headers["location"]) == view


async def test_a_repeated_request_begins_no_second_clearance(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock) as scene:
        key = {"Idempotency-Key": "clearing-1"}
        first = await scene.post("/v1/clearances", {}, key)
        again = await scene.post("/v1/clearances", {}, key)
        other = await scene.post("/v1/clearances", {"reference": "x"}, key)
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotency-replayed"] == "true"
    assert other.json()["code"] == "idempotency-key-reused"
    assert await count(engine, "clearances") == 1


async def test_a_reference_holds_no_number(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock) as scene:
        answer = await scene.post("/v1/clearances", {"reference": number(1)})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/reference"


async def test_the_list_shows_ones_own_newest_first_in_pages(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        paths = [await a_draft(scene, reference=str(n)) for n in range(3)]
        published = await a_published(scene, [1])
        await scene.http.post(
            "/v1/clearances", json={}, headers=await scene.add_carrier("china-unicom")
        )
        first = (await scene.get("/v1/clearances", limit=2)).json()
        rest = (
            await scene.get("/v1/clearances", limit=2, cursor=first["next_cursor"])
        ).json()
        drafts = (await scene.get("/v1/clearances", status="draft")).json()
    ids = [path.rsplit("/", 1)[-1] for path in (*paths, published)]
    assert [one["id"] for one in first["data"] + rest["data"]] == ids[::-1]
    assert rest["next_cursor"] is None
    assert [one["id"] for one in drafts["data"]] == ids[2::-1]


async def test_anothers_clearance_is_not_found(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        path = await a_draft(scene)
        other = await scene.add_carrier("china-unicom")
        for call in ("publish", "withdraw"):
            body = {"numbers": [number(1)]} if call == "withdraw" else {}
            answer = await scene.post(f"{path}/{call}", body, other)
            assert answer.status_code == 404
        assert (await scene.http.get(path, headers=other)).status_code == 404
        assert (await scene.get("/v1/clearances/ord_" + "0" * 26)).status_code == 404


async def test_publishing_sends_the_first_numbers_and_plans_the_rest(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(
        engine, clock, "weibo", "taobao", clearance_first_wave=10
    ) as scene:
        await scene.add_platform("fetching", delivery=Delivery.PULL)
        path = await a_published(scene, range(25))
        view = await shown(scene, path)
        assert view["status"] == "in_progress"
        assert view["deadline"] == "2026-11-27T15:59:59Z"
        assert [one["numbers"] for one in view["waves"]] == [10, 15]
        assert [one["published_at"] for one in view["waves"]] == [
            "2026-11-20T04:00:00Z",
            None,
        ]
        assert view["waves"][1]["due_at"] == "2026-11-20T05:00:00Z"
        again = await scene.post(f"{path}/publish", {})
        assert (again.status_code, again.json()) == (200, view)
    assert await count(engine, "clearance_platforms") == 3
    assert await count(engine, "deliveries") == 2


async def test_a_small_clearance_goes_out_whole(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        view = await shown(scene, await a_published(scene, range(25)))
    assert [one["numbers"] for one in view["waves"]] == [25]


async def test_numbers_that_have_a_holder_by_then_are_left_out_and_counted(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo", clearance_first_wave=2) as scene:
        path = await a_filled_draft(scene, range(4))
        await tell(scene, line("activated", "2026-11-01", number(0)))
        view = (await scene.post(f"{path}/publish", {})).json()
        assert (view["numbers"], view["refused"], view["withdrawn"]) == (4, 1, 0)
        assert [one["numbers"] for one in view["waves"]] == [2, 1]


async def test_nothing_is_published_without_numbers_platforms_or_leave(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock) as scene:
        path = await a_draft(scene)
        empty = await scene.post(f"{path}/publish", {})
        await has_put(scene, path, ndjson([1]))
        alone = await scene.post(f"{path}/publish", {})
        await scene.add_platform("weibo")
        async with engine.begin() as db:
            await engage(db, clock.now(), scene.carrier.id, "wrong dates", "admin:1")
        braked = await scene.post(f"{path}/publish", {})
        codes = [one.json()["code"] for one in (empty, alone, braked)]
        assert codes == ["clearance-empty", "no-platforms", "unbinding-braked"]
        assert (await shown(scene, path))["status"] == "draft"
    assert await count(engine, "clearance_waves") == 0


async def test_publishing_at_once_publishes_once(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        path = await a_filled_draft(scene, range(50))
        calls = (scene.post(f"{path}/publish", {}) for _ in range(5))
        answers = await asyncio.gather(*calls)
        assert [one.status_code for one in answers] == [200] * 5
    assert await count(engine, "clearance_waves") == 1
    assert await count(engine, "deliveries") == 1


async def test_numbers_are_withdrawn_before_and_after_publication(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo", clearance_first_wave=2) as scene:
        path = await a_filled_draft(scene, range(5))
        asked = [number(0), number(0), number(9), "110"]
        before = await scene.post(f"{path}/withdraw", {"numbers": asked})
        assert before.json()["withdrawn"] == 1
        assert [one["status"] for one in before.json()["results"]] == [
            "withdrawn",
            "duplicate",
            "unknown",
            "rejected",
        ]
        view = (await scene.post(f"{path}/publish", {})).json()
        assert [one["numbers"] for one in view["waves"]] == [2, 2]
        after = await scene.post(
            f"{path}/withdraw", {"numbers": [number(0), number(1)]}
        )
        assert [one["status"] for one in after.json()["results"]] == [
            "duplicate",
            "withdrawn",
        ]
        assert (await shown(scene, path))["withdrawn"] == 2
    named = "audit_events WHERE action = 'clearance.withdrawn'"
    assert await count(engine, f"{named} AND number_index IS NOT NULL") == 2


async def test_a_thousand_numbers_are_withdrawn_at_a_time(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock) as scene:
        path = await a_draft(scene)
        many = [number(n) for n in range(1001)]
        too_many = await scene.post(f"{path}/withdraw", {"numbers": many})
        none = await scene.post(f"{path}/withdraw", {"numbers": []})
        all_ = await scene.post(f"{path}/withdraw", {"numbers": many[:-1]})
    assert [one.status_code for one in (too_many, none, all_)] == [422, 422, 200]


async def test_a_holder_who_resumes_is_withdrawn_from_every_clearance(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        await tell(scene, line("activated", "2020-01-01", number(1)))
        await tell(scene, line("disconnected", "2026-10-20", number(1)))
        draft = await a_draft(scene)
        await has_put(scene, draft, ndjson([1, 2], "2026-10-20"))
        published = await a_published(scene, [1, 3])
        told = await tell(scene, line("resumed", "2026-11-10", number(1)))
        assert told["recorded"] == 1
        for path in (draft, published):
            view = await shown(scene, path)
            assert (view["numbers"], view["withdrawn"]) == (2, 1)
        late = await has_put(scene, await a_draft(scene), ndjson([1], "2026-10-20"))
        assert [one["code"] for one in late["bad"]] == ["live-holding"]


async def test_everything_that_was_done_stands_in_the_trail(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        path = await a_published(scene, range(5))
        await scene.post(f"{path}/withdraw", {"numbers": [number(1)]})
    async with engine.connect() as db:
        events = await trail(db)
    ours = [one for one in events if one.action.startswith("clearance.")]
    assert [one.action for one in ours] == [
        "clearance.created",
        "clearance.part_put",
        "clearance.published",
        "clearance.withdrawn",
        "clearance.withdrawal",
    ]
    assert {one.facts["clearance"] for one in ours} == {path.rsplit("/", 1)[-1]}
    assert ours[1].facts["accepted"] == 5


async def test_a_busy_clearance_is_told_apart_from_a_missing_one(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        path = await a_filled_draft(scene, [1])
        async with engine.begin() as db:
            await db.execute(text("SELECT * FROM clearances FOR NO KEY UPDATE"))
            publishing = asyncio.create_task(scene.post(f"{path}/publish", {}))
            await asyncio.sleep(0.3)
            assert not publishing.done()
        assert (await publishing).status_code == 200


async def test_a_number_that_was_shown_is_shown_withdrawn_however_long_that_waited(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        path = await a_published(scene, [1, 2])
        async with engine.begin() as db:
            await db.execute(text("SELECT * FROM clearances FOR NO KEY UPDATE"))
            asked = {"numbers": [number(1)]}
            taking = asyncio.create_task(scene.post(f"{path}/withdraw", asked))
            await asyncio.sleep(0.3)
            clock.advance(timedelta(seconds=1))
        assert (await taking).json()["withdrawn"] == 1
        read = await read_all(scene, "weibo", path)
    assert [one["withdrawn"] for one in read] == [True, False]


async def test_a_number_that_was_shown_is_shown_withdrawn_whatever_a_clock_says(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        path = await a_published(scene, [1, 2, 3])
        slow = clock.now() - timedelta(seconds=1)
        indexes = [BLIND_INDEX.index(PhoneNumber(number(place))) for place in (1, 2)]
        clearance = id_of(path)
        async with engine.begin() as db:
            await withdraw_resumed(db, slow, scene.carrier.id, indexes[:1])
            await withdraw(db, slow, clearance, indexes[1:])
        read = await read_all(scene, "weibo", path)
    assert [one["withdrawn"] for one in read] == [True, True, False]


async def test_a_number_that_leaves_while_publishing_waits_is_never_shown(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    leaves = text(
        "UPDATE clearance_numbers SET withdrawn_at = :now, withdrawn_for = 1"
        " WHERE place = 1"
    )
    async with a_scene(engine, clock, "weibo") as scene:
        path = await a_filled_draft(scene, [1, 2])
        async with engine.begin() as db:
            await db.execute(text("SELECT * FROM clearances FOR NO KEY UPDATE"))
            publishing = asyncio.create_task(scene.post(f"{path}/publish", {}))
            await asyncio.sleep(0.3)
            clock.advance(timedelta(seconds=1))
            await db.execute(leaves, {"now": clock.now()})
        assert (await publishing).status_code == 200
        read = await read_all(scene, "weibo", path)
    assert [one["number"] for one in read] == [number(2)]


async def test_a_deadline_is_that_of_an_order(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(
        engine, clock, "weibo", order_deadline=timedelta(minutes=3)
    ) as scene:
        view = await shown(scene, await a_published(scene, [1]))
        assert view["deadline"] == "2026-11-20T04:03:00Z"


async def test_a_number_given_up_on_the_day_it_was_sold_again_is_left_out(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock) as scene:
        await tell(scene, line("activated", GONE_ON, number(1)))
        told = await has_put(scene, await a_draft(scene), ndjson([1]))
        assert told["accepted"] == 0
