"""The pages as a real browser shows them: both languages, both themes, any width."""

import pytest
from playwright.async_api import Browser
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.console.looking import NARROW, WIDE, a_look
from tests.support.builders import a_carrier
from tests.support.clock import FixedClock
from tests.support.waiting import eventually
from unbind_broker.carriers import brakes
from unbind_broker.console.navigation import ENTRIES

PAGES = [entry.address for entry in ENTRIES]


@pytest.mark.parametrize(
    ("viewport", "scheme", "language"),
    [
        (NARROW, "light", "en"),
        (NARROW, "dark", "zh-CN"),
        (WIDE, "dark", "en"),
        (WIDE, "light", "zh-CN"),
    ],
    ids=["narrow-light-en", "narrow-dark-zh", "wide-dark-en", "wide-light-zh"],
)
async def test_every_page_is_fit_for_everybody(
    engine: AsyncEngine,
    clock: FixedClock,
    browser: Browser,
    viewport: dict[str, int],
    scheme: str,
    language: str,
) -> None:
    await brake(engine, clock)
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


async def test_page_of_an_error_is_fit_for_everybody(
    engine: AsyncEngine, clock: FixedClock, browser: Browser
) -> None:
    async with a_look(engine, clock, browser, viewport=NARROW) as look:
        await look.open("/console/nothing")
        assert await look.grave_faults() == []
        assert await look.overflow() == 0
        assert look.strangers == []


async def test_chosen_appearance_wins_over_the_system(
    engine: AsyncEngine, clock: FixedClock, browser: Browser
) -> None:
    async with a_look(engine, clock, browser, color_scheme="light") as look:
        ground = "getComputedStyle(document.body).backgroundColor"
        light = await look.page.evaluate(ground)
        await look.page.click("text=Dark")
        assert await look.page.evaluate(ground) != light
        assert await look.faults() == []


async def test_overview_follows_without_a_reload(
    engine: AsyncEngine, clock: FixedClock, browser: Browser
) -> None:
    async with a_look(engine, clock, browser) as look:
        assert "Not engaged" in await look.text()
        await look.page.evaluate("window.stayed = true")
        await brake(engine, clock)

        async def shown() -> bool:
            return "too many went wrong" in await look.text()

        await eventually(shown)
        assert await look.page.evaluate("window.stayed") is True
        assert await look.faults() == []


async def test_brake_is_released_with_a_preview(
    engine: AsyncEngine, clock: FixedClock, browser: Browser
) -> None:
    await brake(engine, clock)
    async with a_look(engine, clock, browser) as look:
        await look.page.fill("#reason-1", "dates are right again")
        await look.page.click("text=Preview the release")
        assert "Nothing has been done yet" in await look.text()
        assert await look.faults() == []
        await look.page.click("main button")
        assert "The brake is released." in await look.text()
        assert "Not engaged" in await look.text()


async def test_everything_works_without_scripts(
    engine: AsyncEngine, clock: FixedClock, browser: Browser
) -> None:
    await brake(engine, clock)
    async with a_look(engine, clock, browser, java_script_enabled=False) as look:
        await look.page.click("text=Refresh")
        await look.page.fill("#reason-1", "dates are right again")
        await look.page.click("text=Preview the release")
        await look.page.click("main button")
        assert "The brake is released." in await look.text()


async def test_keyboard_reaches_the_content_first(
    engine: AsyncEngine, clock: FixedClock, browser: Browser
) -> None:
    async with a_look(engine, clock, browser) as look:
        await look.page.keyboard.press("Tab")
        await look.page.keyboard.press("Enter")
        assert await look.page.evaluate("document.activeElement.id") == "main"


async def brake(engine: AsyncEngine, clock: FixedClock) -> None:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        reason = "too many went wrong"
        await brakes.engage(db, clock.now(), carrier.id, reason, "broker")
