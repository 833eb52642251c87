"""The pages as a real browser shows them: both languages, both themes, any width."""

import pytest
from playwright.async_api import Browser
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.console.looking import NARROW, WIDE, a_look
from tests.console.trouble import make_trouble
from tests.support.builders import a_carrier
from tests.support.clock import FixedClock
from unbind_broker.carriers import brakes
from unbind_broker.console.navigation import ENTRIES

PAGES = [entry.address for entry in ENTRIES]


@pytest.mark.parametrize(
    ("viewport", "scheme", "language"),
    [(NARROW, "dark", "zh-CN"), (WIDE, "light", "en")],
    ids=["narrow-dark-zh", "wide-light-en"],
)
async def test_every_page_is_fit_for_everybody(
    engine: AsyncEngine,
    clock: FixedClock,
    browser: Browser,
    viewport: dict[str, int],
    scheme: str,
    language: str,
) -> None:
    async with a_look(
        engine,
        clock,
        browser,
        viewport=viewport,
        color_scheme=scheme,
        locale=language,
    ) as look:
        for path in [*PAGES, "/console/login"]:
            await look.open(path)
            assert await look.faults() == [], path


async def test_trouble_is_fit_for_everybody(
    engine: AsyncEngine, clock: FixedClock, browser: Browser
) -> None:
    async with engine.begin() as db:
        await make_trouble(db, clock.now())
    async with a_look(
        engine, clock, browser, viewport=NARROW, color_scheme="light"
    ) as look:
        assert await look.faults() == []
        await look.turn_dark()
        await look.open("/console?lang=zh")
        await look.says("需要您处理")
        assert await look.faults() == []
        await look.open("/console/nothing?lang=en")
        assert await look.grave_faults() == []
        assert await look.overflow() == 0
        assert look.strangers == []


async def test_chosen_appearance_wins_over_the_system(
    engine: AsyncEngine, clock: FixedClock, browser: Browser
) -> None:
    async with a_look(engine, clock, browser, color_scheme="light") as look:
        ground = "getComputedStyle(document.body).backgroundColor"
        light = await look.page.evaluate(ground)
        await look.turn_dark()
        assert await look.page.evaluate(ground) != light
        assert await look.faults() == []


async def test_overview_follows_without_a_reload(
    engine: AsyncEngine, clock: FixedClock, browser: Browser
) -> None:
    async with a_look(engine, clock, browser) as look:
        page = look.page
        await look.says("Not engaged")
        await page.evaluate("window.stayed = true")
        await page.click("#flow-1-more")
        await brake(engine, clock)
        await look.says("too many went wrong")
        assert await page.evaluate("window.stayed") is True
        assert await page.title() == "(2) Overview · unbind-broker"
        assert await page.evaluate("document.activeElement.id") == "flow-1-more"
        assert await page.is_visible("#flow-1 table")
        assert await look.faults() == []


async def test_brake_is_released_with_a_preview(
    engine: AsyncEngine, clock: FixedClock, browser: Browser
) -> None:
    await brake(engine, clock)
    async with a_look(engine, clock, browser) as look:
        await look.page.click("#brake-page")
        await look.page.fill("#reason-1", "dates are right again")
        await look.page.click("text=Preview the release")
        await look.says("Nothing has been done yet")
        assert await look.faults() == []
        await look.page.click("main button")
        await look.says("The brake is released.")
        await look.says("Not engaged")


async def test_key_is_issued_once_however_often_one_reloads(
    engine: AsyncEngine, clock: FixedClock, browser: Browser
) -> None:
    async with a_look(engine, clock, browser) as look:
        await look.open("/console/keys")
        await look.page.select_option("#role", "auditor")
        await look.page.fill("#name", "till")
        await look.page.evaluate(
            """() => {
                const button = document.querySelector("section.panel button");
                button.click();
                button.click();
            }"""
        )
        await look.page.wait_for_selector(".secret")
        assert await look.faults() == []
        await look.page.reload()
        await look.page.wait_for_selector("#issue")
        assert (await look.text()).count("till") == 1


async def test_everything_works_without_scripts(
    engine: AsyncEngine, clock: FixedClock, browser: Browser
) -> None:
    await brake(engine, clock)
    async with a_look(engine, clock, browser, java_script_enabled=False) as look:
        await look.page.click("text=Refresh")
        await look.page.click("#brake-page")
        await look.page.fill("#reason-1", "dates are right again")
        await look.page.click("text=Preview the release")
        await look.page.click("main button")
        await look.says("The brake is released.")


async def test_keyboard_reaches_the_content_first(
    engine: AsyncEngine, clock: FixedClock, browser: Browser
) -> None:
    async with a_look(engine, clock, browser) as look:
        await look.page.keyboard.press("Tab")
        await look.page.keyboard.press("Enter")
        await look.page.wait_for_selector("#main:focus")


async def brake(engine: AsyncEngine, clock: FixedClock) -> None:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        reason = "too many went wrong"
        await brakes.engage(db, clock.now(), carrier.id, reason, "broker")
