"""What a shop is told of a number at contract time."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.clearings import a_draft, a_published, has_put, ndjson
from tests.support.clock import FixedClock
from tests.support.holdings_api import line, number, tell
from tests.support.order_api import NUMBER, Scene, a_scene, order_body
from tests.support.trail import trail

PLACE = 1234
UNKNOWN = {"state": "none", "clearance_id": None, "release": None, "hold_until": None}
HELD = line("activated", "2024-03-01")
GIVEN_UP = (HELD, line("disconnected", "2026-08-20"))
SOLD_AGAIN = (*GIVEN_UP, line("activated", "2026-11-20"))


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock, "weibo") as made:
        yield made


async def ask(scene: Scene, about: str = NUMBER) -> dict[str, Any]:
    answer = await scene.post("/v1/numbers/disclosure", {"number": about})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def find(scene: Scene, clearance: str, *findings: object) -> httpx.Response:
    """Let the platform be done with a clearance."""
    headers = scene.platform_headers["weibo"]
    manifest = f"{clearance}/manifest?wave=1"
    page = (await scene.http.get(manifest, headers=headers)).json()
    assert page["next_cursor"] is None
    answer = await scene.http.post(
        f"{clearance}/findings",
        json={"findings": findings, "complete": True},
        headers=headers,
    )
    assert answer.status_code == 200, answer.text
    return answer


async def test_a_number_that_nobody_knows_may_have_been_used(scene: Scene) -> None:
    told = await ask(scene)
    assert told["number"] == "+86138****1234"
    assert told["recycled"] is None
    assert told["clearance"] == UNKNOWN
    assert "无法确定" in told["notice"]["zh"]
    assert "do not tell" in told["notice"]["en"]


@pytest.mark.parametrize(
    ("past", "recycled", "words"),
    [
        ((HELD,), False, ("未发现", "was not used")),
        (GIVEN_UP, True, ("曾由其他用户使用过", "was used by somebody else")),
        (SOLD_AGAIN, True, ("曾由其他用户使用过", "was used by somebody else")),
    ],
)
async def test_own_numbers_are_recycled_or_not(
    scene: Scene, past: tuple[object, ...], words: tuple[str, str], *, recycled: bool
) -> None:
    await tell(scene, *past)
    told = await ask(scene)
    assert told["recycled"] is recycled
    assert told["clearance"] == UNKNOWN
    assert words[0] in told["notice"]["zh"]
    assert words[1] in told["notice"]["en"]


async def test_another_carriers_number_reads_like_one_that_nobody_knows(
    scene: Scene,
) -> None:
    other = await scene.add_carrier("china-unicom")
    for known in (HELD, *GIVEN_UP[1:]):
        await scene.http.post("/v1/holdings", json={"holdings": [known]}, headers=other)
        told = await ask(scene)
        nobodys = await ask(scene, number(4321))
        assert {**told, "number": ""} == {**nobodys, "number": ""}


async def test_what_went_on_elsewhere_is_not_to_be_sold_here(scene: Scene) -> None:
    await tell(scene, *GIVEN_UP, line("activated", "2026-11-01"))
    assert (await ask(scene))["recycled"] is True
    await tell(scene, line("ported_out", "2026-11-10"))
    assert (await ask(scene))["recycled"] is None


async def test_a_clearance_says_how_clear_a_number_is(scene: Scene) -> None:
    await tell(scene, *GIVEN_UP)
    clearance = await a_published(scene, [PLACE, 1235])
    under_way = await ask(scene)
    assert under_way["clearance"]["state"] == "partial"
    assert under_way["clearance"]["release"] is False
    kept = {"number": number(1235), "outcome": "refused", "reason": "legal_hold"}
    await find(scene, clearance, kept)
    clean, blocked = await ask(scene), await ask(scene, number(1235))
    public_id = clearance.rsplit("/", 1)[1]
    for told, state in ((clean, "clean"), (blocked, "blocked")):
        assert told["recycled"] is True
        assert told["clearance"]["state"] == state
        assert told["clearance"]["clearance_id"] == public_id
        assert "平台" in told["notice"]["zh"]
    assert clean["clearance"]["release"] is True
    assert clean["notice"] == blocked["notice"]


async def test_nobody_was_asked_about_a_number_whose_wave_waits(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo", clearance_first_wave=1) as scene:
        await a_published(scene, [PLACE, 1235])
        asked, waiting = await ask(scene), await ask(scene, number(1235))
    assert asked["clearance"]["state"] == waiting["clearance"]["state"] == "partial"
    assert waiting["recycled"] is True
    assert "were asked" in asked["notice"]["en"]
    assert "were asked" not in waiting["notice"]["en"]
    assert "平台" not in waiting["notice"]["zh"]


async def test_the_newest_clearance_counts(scene: Scene) -> None:
    first = await a_published(scene, [PLACE])
    await find(scene, first)
    second = await a_published(scene, [PLACE])
    draft = await a_draft(scene)
    await has_put(scene, draft, ndjson([PLACE]))
    told = (await ask(scene))["clearance"]
    assert told["clearance_id"] == second.rsplit("/", 1)[1]
    assert told["state"] == "partial"


async def test_a_clearance_from_before_the_last_holder_says_nothing_of_him(
    scene: Scene,
) -> None:
    await tell(scene, *GIVEN_UP)
    await find(scene, await a_published(scene, [PLACE]))
    await tell(scene, line("activated", "2026-11-01"))
    assert (await ask(scene))["clearance"]["state"] == "clean"
    await tell(scene, line("disconnected", "2026-11-10"))
    told = await ask(scene)
    assert (told["recycled"], told["clearance"]) == (True, UNKNOWN)


async def test_another_carriers_clearance_is_not_told(scene: Scene) -> None:
    await a_published(scene, [PLACE])
    other = await scene.add_carrier("china-unicom")
    answer = await scene.http.post(
        "/v1/numbers/disclosure", json={"number": NUMBER}, headers=other
    )
    assert answer.json()["clearance"] == UNKNOWN
    assert answer.json()["recycled"] is None


async def test_a_number_taken_out_is_its_former_holders_again(scene: Scene) -> None:
    await tell(scene, *GIVEN_UP)
    clearance = await a_published(scene, [PLACE])
    await tell(scene, line("resumed", "2026-11-01"))
    answer = await scene.post(f"{clearance}/withdraw", {"numbers": [NUMBER]})
    assert answer.status_code == 200, answer.text
    told = await ask(scene)
    assert (told["recycled"], told["clearance"]["state"]) == (False, "withdrawn")
    assert told["clearance"]["release"] is False


async def test_each_answer_is_in_the_trail_without_the_number(scene: Scene) -> None:
    await scene.post("/v1/orders", order_body())
    await ask(scene)
    async with scene.engine.connect() as db:
        (fact,) = await trail(db, "number.disclosed")
    assert fact.actor == "carrier:china-mobile"
    assert fact.facts == {"recycled": False, "clearance": None}


async def test_no_notice_holds_a_digit_or_names_anybody(scene: Scene) -> None:
    await tell(scene, *GIVEN_UP)
    await find(scene, await a_published(scene, [PLACE]))
    for about in (NUMBER, number(4321)):
        notice = (await ask(scene, about))["notice"]
        assert not re.search(r"\d|weibo|微博", notice["zh"] + notice["en"])
        assert notice["zh"].count("\n") == notice["en"].count("\n")


@pytest.mark.parametrize("wrong", [{}, {"number": "12345"}, {"number": NUMBER, "a": 1}])
async def test_what_is_no_number_is_refused(scene: Scene, wrong: object) -> None:
    answer = await scene.post("/v1/numbers/disclosure", wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation-failed")
