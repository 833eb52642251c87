"""Somebody who knows no platform finds the one in trouble, and acts, in a browser."""

from typing import Any

from playwright.async_api import Browser
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.console.ailing import SINCE, enroll_200, fail_all
from tests.console.looking import NARROW, a_look
from tests.support.attempts import an_attempt
from tests.support.builders import a_carrier
from tests.support.clock import FixedClock
from tests.support.order_builders import a_reachable_platform, an_order
from tests.support.waiting import eventually
from unbind_broker.base.ids import AttemptId, new_uuid7
from unbind_broker.deliveries.outcomes import Outcome, OutcomeKind

PAGE = "/console/platforms/weibo"


async def test_one_of_200_that_answers_503_is_found_from_the_overview_and_paused(
    engine: AsyncEngine, clock: FixedClock, browser: Browser
) -> None:
    await enroll_200(engine, "site-137")
    async with a_look(engine, clock, browser) as look:
        await look.says("site-137 platform is cut off: It answers 503")
        await look.says("2026-11-20 11:22:00 · for 38 min")
        await look.page.click("nav.menu >> text=Platforms")
        await look.page.wait_for_url("**/console/platforms")
        first = look.page.locator("tbody tr").first
        told = await first.inner_text()
        assert "site-137" in told
        assert "It answers 503" in told
        assert "since 2026-11-20 11:22:00 (38 min ago)" in told

        await first.locator("a").click()
        await look.page.wait_for_selector("text=Next request that tries")
        await look.page.click("text=Preview: Pause sending")
        await look.page.wait_for_selector("text=Nothing has been done yet")
        await look.page.click("main button")
        await look.page.wait_for_selector("text=Nothing is sent to it any more.")
        assert await look.faults() == []


async def test_page_of_a_platform_follows_on_a_phone_in_the_dark(
    engine: AsyncEngine, clock: FixedClock, browser: Browser
) -> None:
    await one_that_was_asked(engine)
    dark: dict[str, Any] = {
        "viewport": NARROW,
        "color_scheme": "dark",
        "locale": "zh-CN",
    }
    async with a_look(engine, clock, browser, **dark) as look:
        await look.open(f"{PAGE}/attempts")
        assert await look.faults() == []
        await look.open(PAGE)
        assert await look.faults() == []
        await look.page.evaluate("window.stayed = true")
        await fail_all(engine)

        async def shown() -> bool:
            return "平台回应 503" in await look.page.inner_text("#stands + p")

        await eventually(shown)
        assert await look.page.evaluate("window.stayed") is True
        assert await look.faults() == []


async def one_that_was_asked(engine: AsyncEngine) -> None:
    """Weibo, which answered a request with more than fits on a phone."""
    async with engine.begin() as db:
        platform = await a_reachable_platform(db)
        order_id = await an_order(db, await a_carrier(db))
        await an_attempt(
            db,
            platform.id,
            [order_id],
            kind=OutcomeKind.FAILED,
            id=AttemptId(new_uuid7(SINCE)),
            outcome=Outcome(OutcomeKind.FAILED, 500),
            answer_head="upstream-connect-error-or-disconnect-before-headers " * 3,
        )
