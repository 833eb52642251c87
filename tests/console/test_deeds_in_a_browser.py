"""The pages of rarer deeds as a real browser shows them, in a narrow window."""

from datetime import timedelta

from playwright.async_api import Browser
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.console.looking import NARROW, a_look
from tests.support.clearings import a_published
from tests.support.clock import FixedClock
from tests.support.findings import is_done, refused
from tests.support.order_api import Scene, a_scene, order_body
from unbind_broker.callbacks.braking import stop


async def test_pages_of_deeds_are_fit_for_everybody(
    engine: AsyncEngine, clock: FixedClock, browser: Browser
) -> None:
    async with (
        a_scene(engine, clock, "bank") as scene,
        a_look(
            engine,
            clock,
            browser,
            viewport=NARROW,
            color_scheme="dark",
            locale="zh-CN",
        ) as look,
    ):
        clearance = await a_night(scene)
        for path in (
            "/console/brake",
            clearance,
            f"{clearance}/held",
            "/console/holdings",
            "/console/platforms/-/new",
            "/console/platforms/bank/profile",
            "/console/carriers/-/new",
            "/console/carriers/china-mobile",
        ):
            await look.open(path)
            assert await look.faults() == [], path


async def test_dispute_is_looked_into_and_what_was_silent_is_told(
    engine: AsyncEngine, clock: FixedClock, browser: Browser
) -> None:
    async with (
        a_scene(engine, clock, "bank") as scene,
        a_look(engine, clock, browser) as look,
    ):
        await a_night(scene)
        await look.open("/console/holdings")
        await look.page.click("text=Look into it…")
        await look.says("Tell in a carrier's name")
        await look.page.select_option("#carrier", "china-unicom")
        await look.page.select_option("#event", "disconnected")
        await look.page.fill("#reason-tell", "confirmed in writing")
        await look.page.click("text=Preview what it does")
        await look.says("Nothing has been done yet")
        assert await look.faults() == []
        await look.page.click("main button")
        await look.says(
            "Told in the name of china-unicom; queries and orders ended: 1."
        )
        await look.says("There is no dispute.")


async def test_numbers_are_released_in_spite_of_a_platform(
    engine: AsyncEngine, clock: FixedClock, browser: Browser
) -> None:
    async with (
        a_scene(engine, clock, "bank") as scene,
        a_look(engine, clock, browser) as look,
    ):
        await look.open(await a_night(scene))
        await look.page.click("text=Numbers kept back, and release")
        await look.page.check("input[name='pick.1']")
        await look.page.fill("#reason-picked", "a letter of the bank")
        await look.page.click("text=Release those chosen…")
        await look.says("It cannot be taken back.")
        await look.page.click("main button")
        await look.says("Numbers released: 1.")
        assert await look.page.locator("input[name='pick.1']").count() == 0
        assert await look.faults() == []


async def a_night(scene: Scene) -> str:
    """Keep numbers back, differ about one, brake; gives the clearance's page."""
    path = await a_published(scene, range(1, 4))
    scene.clock.advance(timedelta(minutes=1))
    await is_done(scene, "bank", path, refused(1), refused(2))
    await scene.post("/v1/orders", order_body(owner_since="2025-03-01"))
    unicom = await scene.add_carrier("china-unicom")
    newer = await scene.post("/v1/orders", order_body(owner_since="2026-09-01"), unicom)
    assert newer.json()["held_for"] == "disputed_holding"
    async with scene.engine.begin() as db:
        await stop(db, scene.clock.now(), scene.carrier.id, "wrong dates", "broker")
    return path.replace("/v1/", "/console/")
