"""The brake in the console: what it holds and why; engaged, released with previews."""

from collections.abc import AsyncIterator

import pytest

from tests.console.scene import Console
from tests.support.builders import a_carrier
from tests.support.order_api import Scene, a_scene, order_body
from tests.support.trail import trail
from unbind_broker.callbacks.braking import stop
from unbind_broker.carriers import brakes
from unbind_broker.keys.tables import Role

PAGE = "/console/brake"
AUTOMATIC = (
    "6 of the newest 240 results were violations, or refused as active_after_cutoff"
)


@pytest.fixture
async def scene(console: Console) -> AsyncIterator[Scene]:
    """A carrier with two orders under way, and one without any."""
    async with a_scene(console.engine, console.clock, "weibo") as made:
        for number in ("+8613800001234", "+8613800001235"):
            answer = await made.post("/v1/orders", order_body(number=number))
            assert answer.status_code == 202
        await made.add_carrier("china-unicom")
        await console.sign_in()
        yield made


async def engage(
    console: Console, scene: Scene | None, reason: str = "wrong dates"
) -> None:
    async with console.engine.begin() as db:
        whose = None if scene is None else scene.carrier.id
        await stop(db, console.clock.now(), whose, reason, "broker")


async def engaged(console: Console) -> list[tuple[str | None, str]]:
    async with console.engine.connect() as db:
        return [(one.carrier, one.reason) for one in await brakes.engaged(db)]


async def page(console: Console, path: str = PAGE, language: str = "en") -> str:
    answer = await console.get(path, accept_language=language)
    assert answer.status_code == 200
    return answer.text


@pytest.mark.usefixtures("scene")
async def test_it_is_not_engaged(console: Console) -> None:
    for path in (PAGE, f"{PAGE}/live"):
        assert "Not engaged" in await page(console, path)
    assert "/release" not in await page(console)


@pytest.mark.parametrize("path", [PAGE, f"{PAGE}/live"])
async def test_it_tells_whom_it_holds_and_why(
    console: Console, scene: Scene, path: str
) -> None:
    await engage(console, scene, AUTOMATIC)
    shown = await page(console, path)
    assert AUTOMATIC.replace("active_after_cutoff", "active after the cutoff") in shown
    assert "The broker itself" in shown
    assert "standing=held&amp;carrier=china-mobile" in shown
    assert "最近 240 个结果中有 6 个越界" in await page(console, path, "zh")


@pytest.mark.usefixtures("scene")
async def test_orders_held_by_the_brake_on_all_are_told_by_carrier(
    console: Console,
) -> None:
    await engage(console, None)
    shown = await page(console)
    assert shown.index("All carriers") < shown.index("Held by the brake on all")
    assert 'carrier=china-mobile">Show these orders' in shown


@pytest.mark.parametrize(
    ("slug", "holds"), [("china-mobile", 2), ("", 2), ("china-unicom", 0)]
)
@pytest.mark.usefixtures("scene")
async def test_brake_is_engaged_once_that_was_previewed(
    console: Console, slug: str, holds: int
) -> None:
    act = f"{PAGE}/engage"
    assert (await console.act(act, carrier=slug)).status_code == 422
    preview = await console.act(act, carrier=slug, reason="wrong dates")
    assert f"<dd>{holds}</dd>" in preview.text
    assert await engaged(console) == []
    done = await console.confirm(act, preview)
    assert done.headers["location"] == PAGE
    assert await engaged(console) == [(slug or None, "wrong dates")]
    async with console.engine.connect() as db:
        (told,) = await trail(db, "brake.engaged")
    assert told.actor == f"admin:{(await console.key()).id}"


@pytest.mark.usefixtures("scene")
async def test_engaging_it_again_says_that_nothing_changed(console: Console) -> None:
    act = f"{PAGE}/engage"
    preview = await console.act(act, carrier="", reason="again")
    await engage(console, None)
    await console.confirm(act, preview)
    assert "该刹车此前已启用" in await page(console)
    assert await engaged(console) == [(None, "wrong dates")]


async def test_brake_is_released_though_what_it_holds_has_changed(
    console: Console, scene: Scene
) -> None:
    await engage(console, scene)
    act = f"{PAGE}/release"
    fields = {"carrier": "china-mobile", "reason": "dates are right again"}
    preview = await console.act(act, **fields)
    held = (await scene.get("/v1/orders", status="held")).json()["data"]
    assert len(held) == 2
    await scene.post(f"/v1/orders/{held[0]['id']}/cancel", {})
    await console.confirm(act, preview)
    assert await engaged(console) == []
    async with console.engine.connect() as db:
        (told,) = await trail(db, "brake.released")
    assert told.facts["reason"] == "dates are right again"
    assert (await console.confirm(act, preview)).status_code == 404


@pytest.mark.parametrize("slug", ["", "china-mobile"])
async def test_release_tells_what_another_brake_still_holds(
    console: Console, scene: Scene, slug: str
) -> None:
    await engage(console, scene)
    await engage(console, None)
    preview = await console.act(f"{PAGE}/release", carrier=slug, reason="why")
    told = [part.partition("</dd>")[0] for part in preview.text.split("<dd>")]
    assert told[-3:] == ["2", "0", "2"]


@pytest.mark.usefixtures("scene")
async def test_carrier_that_was_chosen_is_offered_first(console: Console) -> None:
    shown = await page(console, f"{PAGE}?carrier=china-unicom")
    assert '<option value="china-unicom" selected>' in shown
    assert "selected" in await page(console, f"{PAGE}?carrier=nobody")


@pytest.mark.usefixtures("scene")
async def test_carrier_behind_the_first_ones_can_be_chosen(console: Console) -> None:
    async with console.engine.begin() as db:
        for n in range(200):
            await a_carrier(db, f"a-{n:03}")
    assert 'value="china-unicom"' not in await page(console)
    shown = await page(console, f"{PAGE}?carrier=china-unicom")
    assert '<option value="china-unicom" selected>' in shown


async def test_hostile_reason_is_only_text(console: Console, scene: Scene) -> None:
    await engage(console, scene, "<script>alert(1)</script>{name}")
    assert "<script>alert" not in await page(console)


@pytest.mark.parametrize("act", ["engage", "release"])
@pytest.mark.usefixtures("scene")
async def test_unknown_carrier_is_not_there(console: Console, act: str) -> None:
    fields = {"carrier": "nobody", "reason": "why"}
    assert (await console.act(f"{PAGE}/{act}", **fields)).status_code == 404
    assert (await console.post(f"{PAGE}/{act}", fields)).status_code == 403


async def test_auditors_have_no_such_page(console: Console) -> None:
    await console.sign_in(Role.AUDITOR)
    for path in (PAGE, f"{PAGE}/live"):
        assert (await console.get(path)).status_code == 403
