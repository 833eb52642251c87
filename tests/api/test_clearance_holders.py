"""Nobody has numbers cleared that somebody holds, whatever was said of them before."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.clearings import (
    FREEZE,
    GONE_ON,
    a_draft,
    a_published,
    has_put,
    ndjson,
    number,
    shown,
)
from tests.support.clock import FixedClock
from tests.support.findings import an_admin, is_done, read_all, refused, results
from tests.support.holdings_api import line, tell
from tests.support.order_api import Scene, a_scene, order_body, query_body
from tests.support.trail import trail
from unbind_broker.clearances.later_holders import look_on

TODAY = "2026-11-20"


async def look_all(scene: Scene, places: int = 2) -> int:
    """Look through every clearance that is due; count the steps."""
    for steps in range(20):
        async with scene.engine.begin() as db:
            if not await look_on(db, scene.clock.now(), FREEZE, places):
                return steps
    raise AssertionError("there is no end")


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock, "weibo") as made:
        yield made


async def refusals(scene: Scene, place: int) -> list[str]:
    told = await has_put(scene, await a_draft(scene), ndjson([place], TODAY))
    return [one["code"] for one in told["bad"]]


async def test_a_number_that_its_carrier_told_to_be_ported_away_is_held(
    scene: Scene,
) -> None:
    await tell(scene, line("activated", "2020-03-01", number(1)))
    await tell(scene, line("ported_out", "2024-03-01", number(1)))
    assert await refusals(scene, 1) == ["live-holding"]


async def test_a_number_that_was_given_up_where_it_was_ported_to_is_free(
    scene: Scene,
) -> None:
    other = await scene.add_carrier("china-unicom")
    await tell(scene, line("activated", "2020-03-01", number(1)))
    await tell(scene, line("ported_out", "2024-03-01", number(1)))
    await tell(scene, line("ported_in", "2024-03-01", number(1)), **other)
    await tell(scene, line("disconnected", "2026-10-01", number(1)), **other)
    assert await refusals(scene, 1) == []


async def test_a_number_that_came_back_from_a_carrier_that_never_told_is_free(
    scene: Scene,
) -> None:
    await tell(scene, line("activated", "2020-03-01", number(1)))
    await tell(scene, line("ported_out", "2024-03-01", number(1)))
    early = await tell(scene, line("disconnected", "2024-04-01", number(1)))
    assert early["results"][0]["code"] == "holding-ended"
    assert await refusals(scene, 1) == ["live-holding"]
    await tell(scene, line("disconnected", "2026-10-01", number(1)))
    assert await refusals(scene, 1) == []


@pytest.mark.parametrize("claim", ["ported_in", "query"])
async def test_a_carrier_cannot_free_the_number_of_another_by_its_own_word(
    scene: Scene, claim: str
) -> None:
    other = await scene.add_carrier("china-unicom")
    await tell(scene, line("activated", "2020-03-01", number(1)), **other)
    if claim == "ported_in":
        told = await tell(scene, line("ported_in", "2026-11-18", number(1)))
    else:
        body = query_body(number=number(1), owner_since="2026-11-18")
        assert (await scene.post("/v1/queries", body)).status_code == 202
        told = {"recorded": 1}
    gone = await tell(scene, line("disconnected", "2026-11-19", number(1)))
    assert (told["recorded"], gone["recorded"]) == (1, 1)
    assert await refusals(scene, 1) == ["live-holding"]


async def test_what_another_carrier_did_not_confirm_for_a_freeze_holds_nothing(
    scene: Scene,
) -> None:
    other = await scene.add_carrier("china-unicom")
    await tell(scene, line("activated", "2020-03-01", number(1)), **other)
    await tell(scene, line("ported_in", "2026-11-18", number(1)))
    await tell(scene, line("disconnected", "2026-11-19", number(1)))
    scene.clock.advance(timedelta(days=91))
    assert await refusals(scene, 1) == []


async def test_what_is_said_between_upload_and_publishing_frees_nothing(
    scene: Scene,
) -> None:
    path = await a_draft(scene)
    await has_put(scene, path, ndjson([1, 2], TODAY))
    other = await scene.add_carrier("china-unicom")
    await tell(scene, line("activated", "2020-03-01", number(1)), **other)
    await tell(scene, line("ported_in", "2026-11-18", number(1)))
    await tell(scene, line("disconnected", "2026-11-19", number(1)))
    assert (await scene.post(f"{path}/publish", {})).status_code == 200
    assert (await shown(scene, path))["refused"] == 1


async def test_the_trail_counts_numbers_of_others_that_were_put_in(
    scene: Scene,
) -> None:
    other = await scene.add_carrier("china-unicom")
    lines = [line("activated", "2020-03-01", number(n)) for n in (1, 2)]
    await tell(scene, *lines, **other)
    await has_put(scene, await a_draft(scene), ndjson([1, 2, 3, 3], TODAY))
    async with scene.engine.connect() as db:
        (told,) = await trail(db, "clearance.part_put")
    assert (told.facts["refused"], told.facts["held"]) == (3, 2)
    assert told.facts["replaced"] is False


async def standing(scene: Scene, path: str) -> list[tuple[str, bool, bool]]:
    """What its carrier reads of each number, and whether platforms spare it."""
    listed = await read_all(scene, "weibo", path)
    rows = await results(scene, path)
    assert all(row["hold_until"] is None for row in rows if not row["release"])
    return [
        (row["state"], row["release"], one["withdrawn"])
        for row, one in zip(rows, listed, strict=True)
    ]


CLEAN, HELD = ("clean", True, False), ("withdrawn", False, True)


@pytest.mark.parametrize("claim", ["activated", "query", "order"])
async def test_whoever_comes_to_hold_it_elsewhere_later_keeps_what_is_his(
    scene: Scene, claim: str
) -> None:
    path = await a_published(scene, [1, 2])
    await is_done(scene, "weibo", path)
    other = await scene.add_carrier("china-unicom")
    if claim == "activated":
        await tell(scene, line("activated", "2020-03-01", number(2)), **other)
    else:
        make = query_body if claim == "query" else order_body
        body = make(number=number(2), owner_since="2020-03-01")
        where = "queries" if claim == "query" else "orders"
        told = await scene.post(f"/v1/{where}", body, other)
        assert told.status_code == 202, told.text
    assert await standing(scene, path) == [CLEAN, HELD]
    _, row = await results(scene, path)
    assert (row["blocked_by"], row["missing"]) == ([], [])


async def test_a_holding_that_was_told_by_mistake_holds_nothing(scene: Scene) -> None:
    admin = await an_admin(scene)
    path = await a_published(scene, [1])
    await is_done(scene, "weibo", path)
    other = await scene.add_carrier("china-unicom")
    await tell(scene, line("activated", "2020-03-01", number(1)), **other)
    assert await standing(scene, path) == [HELD]
    body = {
        "number": number(1),
        "carrier": "china-unicom",
        "owner_since": "2020-03-01",
        "reason": "told by mistake",
    }
    url = "/v1/admin/holdings/retract"
    told = await scene.http.post(url, json=body, headers=admin)
    assert told.status_code == 200, told.text
    assert await standing(scene, path) == [CLEAN]


async def test_its_own_word_does_not_free_it_after_it_was_published(
    scene: Scene,
) -> None:
    path = await a_published(scene, [1])
    await is_done(scene, "weibo", path)
    other = await scene.add_carrier("china-unicom")
    await tell(scene, line("activated", "2020-03-01", number(1)), **other)
    await tell(scene, line("ported_in", "2026-11-18", number(1)))
    assert await standing(scene, path) == [HELD]
    await tell(scene, line("disconnected", "2026-11-19", number(1)))
    assert await standing(scene, path) == [HELD]
    scene.clock.advance(timedelta(days=91))
    assert await standing(scene, path) == [CLEAN]


async def test_who_bought_it_after_it_was_cleared_holds_nothing_back(
    scene: Scene,
) -> None:
    path = await a_published(scene, [1])
    await is_done(scene, "weibo", path)
    await tell(scene, line("activated", "2026-11-19", number(1)))
    assert await standing(scene, path) == [CLEAN]
    await tell(scene, line("ported_out", "2026-11-20", number(1)))
    assert await standing(scene, path) == [HELD]


async def test_who_holds_it_since_the_day_on_which_it_was_given_up_keeps_it(
    scene: Scene,
) -> None:
    path = await a_published(scene, [1, 2])
    await is_done(scene, "weibo", path)
    await tell(scene, line("activated", GONE_ON, number(1)))
    await tell(scene, line("ported_in", "2026-11-19", number(2)))
    assert await standing(scene, path) == [HELD, HELD]


async def test_no_override_releases_what_somebody_holds(scene: Scene) -> None:
    admin = await an_admin(scene)
    path = await a_published(scene, [1])
    other = await scene.add_carrier("china-unicom")
    await tell(scene, line("activated", "2020-03-01", number(1)), **other)
    url = f"{path.replace('/v1/', '/v1/admin/')}/release"
    for named in ({"places": [1]}, {"numbers": [number(1)]}):
        body = {**named, "why": "a letter"}
        told = await scene.http.post(url, json=body, headers=admin)
        counted = {"released": 0, "released_before": 0, "withdrawn": 1, "unknown": 0}
        assert told.json() == counted
    assert await standing(scene, path) == [HELD]


async def test_a_shop_is_not_told_that_anothers_number_is_clear(scene: Scene) -> None:
    path = await a_published(scene, [1])
    await is_done(scene, "weibo", path)
    other = await scene.add_carrier("china-unicom")
    await tell(scene, line("activated", "2020-03-01", number(1)), **other)
    told = await scene.post("/v1/numbers/disclosure", {"number": number(1)})
    shown_of_it = told.json()["clearance"]
    assert (shown_of_it["state"], shown_of_it["release"]) == ("withdrawn", False)
    assert shown_of_it["hold_until"] is None
    assert told.json()["recycled"] is None


async def summary(scene: Scene, path: str) -> dict[str, int]:
    """How many numbers stand how, without those of which there are none."""
    counts: dict[str, int] = (await shown(scene, path))["summary"]
    return {state: how_many for state, how_many in counts.items() if how_many}


async def test_whoever_comes_to_hold_it_later_is_counted(scene: Scene) -> None:
    admin = await an_admin(scene)
    path = await a_published(scene, range(1, 6))
    other = await scene.add_carrier("china-unicom")
    claims = [line("activated", "2020-03-01", number(n)) for n in (2, 5)]
    assert await look_all(scene) == 3
    await tell(scene, *claims, **other)
    assert await look_all(scene) == 0
    scene.clock.advance(timedelta(minutes=1))
    assert await look_all(scene) == 3
    assert await summary(scene, path) == {"total": 5, "partial": 3, "withdrawn": 2}
    await is_done(scene, "weibo", path, refused(2), refused(3))
    expected = {"total": 5, "clean": 2, "blocked": 1, "withdrawn": 2}
    assert await summary(scene, path) == expected
    states = [row["state"] for row in await results(scene, path)]
    assert [states.count(one) for one in ("clean", "blocked", "withdrawn")] == [2, 1, 2]
    feed = (await scene.get("/v1/events")).json()["data"]
    (ended,) = [one for one in feed if one["type"] == "clearance.completed"]
    assert ended["data"]["summary"] == {**expected, "partial": 0}
    scene.clock.advance(timedelta(minutes=1))
    await scene.post(f"{path}/withdraw", {"numbers": [number(5)]})
    assert await summary(scene, path) == expected
    retracted = {"carrier": "china-unicom", "owner_since": "2020-03-01"}
    body = {**retracted, "number": number(2), "reason": "told by mistake"}
    url = "/v1/admin/holdings/retract"
    await scene.http.post(url, json=body, headers=admin)
    scene.clock.advance(timedelta(hours=1))
    await look_all(scene)
    expected = {"total": 5, "clean": 2, "blocked": 2, "withdrawn": 1}
    assert await summary(scene, path) == expected


async def test_a_clearance_that_is_over_is_looked_through_less_often(
    scene: Scene,
) -> None:
    await a_published(scene, [1])
    await is_done(scene, "weibo", await a_published(scene, [2]))
    assert await look_all(scene) == 2
    scene.clock.advance(timedelta(seconds=6))
    assert await look_all(scene) == 1
    scene.clock.advance(timedelta(seconds=100))
    assert await look_all(scene) == 2


async def test_nobody_looks_at_drafts(scene: Scene) -> None:
    await has_put(scene, await a_draft(scene), ndjson([1]))
    assert await look_all(scene) == 0
