"""The pages that people open, as a real browser shows them on a phone."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import a_runtime, on_a_port
from tests.support.browser import a_browser, a_page
from tests.support.clock import FixedClock
from unbind_broker.api.guide import LANGUAGES

PHONE = {"viewport": {"width": 360, "height": 800}}
GUIDES = [f"/docs/platforms?lang={language}" for language in LANGUAGES]


@pytest.mark.parametrize(
    "path", ["/problems", "/problems/overloaded", "/docs", *GUIDES, "/docs/delivery"]
)
async def test_they_fit_a_phone_and_load_nothing_from_elsewhere(
    engine: AsyncEngine, clock: FixedClock, path: str
) -> None:
    async with (
        on_a_port(a_runtime(engine, clock)) as http,
        a_browser() as browser,
        a_page(browser, **PHONE) as (page, seen),
    ):
        base = str(http.base_url).rstrip("/")
        await page.goto(base + path, wait_until="networkidle")
        overflow = await page.evaluate(
            "document.documentElement.scrollWidth - window.innerWidth"
        )
    assert overflow <= 0
    assert [url for url in seen.requests if not url.startswith(base)] == []
    assert seen.complaints == []


async def test_no_page_shows_the_pictures_of_others(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with on_a_port(a_runtime(engine, clock)) as http:
        assert (await http.get("/redoc")).status_code == 404
