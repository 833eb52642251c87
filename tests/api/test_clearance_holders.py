"""Nobody has numbers cleared that somebody holds, whatever was said of them before."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.clearings import a_draft, has_put, ndjson, number, shown
from tests.support.clock import FixedClock
from tests.support.holdings_api import line, tell
from tests.support.order_api import Scene, a_scene, query_body
from tests.support.trail import trail

TODAY = "2026-11-20"


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
