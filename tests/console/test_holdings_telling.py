"""What a carrier keeps silent about is told in its name, once that was previewed."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.console.scene import Console, hidden
from tests.support.builders import a_carrier
from tests.support.order_api import NUMBER, Scene, a_scene, order_body
from tests.support.trail import trail

PAGE = "/console/holdings"
ACT = f"{PAGE}/tell"
OLD = "2025-03-01"
ON = "2026-11-01"


@pytest.fixture
async def scene(console: Console) -> AsyncIterator[Scene]:
    """A number that china-mobile holds, with an order of its holder."""
    async with a_scene(console.engine, console.clock, "weibo") as made:
        answer = await made.post("/v1/orders", order_body(owner_since=OLD))
        assert answer.status_code == 202
        await console.sign_in()
        yield made


async def fields(console: Console, **changes: str) -> dict[str, str]:
    found = await console.act(f"{PAGE}/find", number=NUMBER)
    told = {
        "sealed": hidden(found)["sealed"],
        "carrier": "china-mobile",
        "event": "disconnected",
        "on": ON,
        "reason": "confirmed in writing",
    }
    return {**told, **changes}


async def told_for(console: Console) -> list[dict[str, object]]:
    async with console.engine.connect() as db:
        return [dict(one.facts) for one in await trail(db, "holding.told_for")]


async def statuses(scene: Scene) -> list[str]:
    rows = (await scene.get("/v1/orders")).json()["data"]
    return [row["status"] for row in rows]


async def test_preview_says_what_ends_and_changes_nothing(
    console: Console, scene: Scene
) -> None:
    preview = await console.act(ACT, **await fields(console))
    assert preview.status_code == 200
    lines = [part.partition("</dd>")[0] for part in preview.text.split("<dd>")[1:]]
    assert lines[1:4] == ["china-mobile", "销户", ON]
    assert lines[4] == "1"
    assert NUMBER.removeprefix("+86") not in preview.text
    assert await told_for(console) == []
    assert await statuses(scene) == ["in_progress"]


async def test_it_is_told_as_it_was_previewed(console: Console, scene: Scene) -> None:
    preview = await console.act(ACT, **await fields(console))
    done = await console.confirm(ACT, preview)
    assert done.headers["location"] == PAGE
    assert "终止了 1 个" in (await console.get(PAGE)).text
    assert await statuses(scene) == ["cancelled"]
    (told,) = await told_for(console)
    assert (told["status"], told["reason"]) == ("recorded", "confirmed in writing")

    again = await console.confirm(ACT, preview)
    assert again.headers["location"] == PAGE
    assert "此前已告知" in (await console.get(PAGE)).text
    assert len(await told_for(console)) == 1


@pytest.mark.usefixtures("scene")
async def test_what_would_be_rejected_is_said_and_not_told(console: Console) -> None:
    async with console.engine.begin() as db:
        await a_carrier(db, "china-unicom")
    answer = await console.act(ACT, **await fields(console, carrier="china-unicom"))
    assert answer.headers["location"] == PAGE
    assert "没有该运营商对此号码的持有记录" in (await console.get(PAGE)).text
    assert await told_for(console) == []


@pytest.mark.usefixtures("scene")
@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"on": "2026-12-01"}, 422),
        ({"on": "yesterday"}, 422),
        ({"on": ""}, 422),
        ({"event": "activated"}, 422),
        ({"reason": ""}, 422),
        ({"sealed": ""}, 422),
        ({"sealed": "AAAA"}, 422),
        ({"carrier": "nobody"}, 404),
    ],
)
async def test_what_cannot_be_told_is_refused(
    console: Console, change: dict[str, str], status: int
) -> None:
    answer = await console.act(ACT, **await fields(console, **change))
    assert answer.status_code == status
    assert await told_for(console) == []


@pytest.mark.usefixtures("scene")
async def test_page_of_long_ago_tells_nothing(console: Console) -> None:
    asked = await fields(console)
    console.clock.advance(timedelta(hours=1))
    await console.sign_in()
    assert (await console.act(ACT, **asked)).status_code == 422
