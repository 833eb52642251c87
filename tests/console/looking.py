"""Look at the console with a real browser, and note whatever is wrong with a page."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import a_runtime, on_a_port
from tests.support.browser import Seen, a_page
from tests.support.builders import a_key
from tests.support.clock import FixedClock
from tests.support.waiting import PATIENCE
from unbind_broker.keys.tables import Role

NARROW = {"width": 390, "height": 844}
WIDE = {"width": 1280, "height": 900}
GRAVE = {"moderate", "serious", "critical"}


@dataclass(frozen=True)
class Look:
    """A browser's page on the console.

    ``page`` is Playwright's; paths are relative to the service, such as ``/console``.
    """

    page: Page
    seen: Seen
    base: str

    async def open(self, path: str) -> None:
        await self.page.goto(f"{self.base}{path}")

    async def sign_in(self, key: str) -> None:
        """Give a key to the form, and come to the first page."""
        await self.open("/console/login")
        await self.page.fill("#key", key)
        await self.page.click("main button")
        await self.page.wait_for_selector("nav.menu")

    async def text(self) -> str:
        return await self.page.inner_text("body")

    async def says(self, words: str) -> None:
        """Wait until these words stand on the page."""
        body = expect(self.page.locator("body"))
        await body.to_contain_text(words, use_inner_text=True, timeout=PATIENCE * 1000)

    async def turn_dark(self) -> None:
        """Choose the dark appearance, whatever the system's is."""
        await self.page.click("text=Dark")
        await self.page.wait_for_selector("html[data-theme=dark]")
        await self.page.wait_for_load_state()

    async def grave_faults(self) -> list[str]:
        """Name what axe finds worse than minor on the page, and where."""
        found = await Axe().run(self.page)
        return [
            f"{fault['id']}: {node['html']}"
            for fault in found.response["violations"]
            if fault["impact"] in GRAVE
            for node in fault["nodes"]
        ]

    async def overflow(self) -> int:
        """Count the pixels by which the page is wider than the window."""
        wider = "document.documentElement.scrollWidth - window.innerWidth"
        return max(0, int(await self.page.evaluate(wider)))

    @property
    def strangers(self) -> list[str]:
        """Name the requests that left the service."""
        host = urlsplit(self.base).netloc
        asked = [urlsplit(one) for one in self.seen.requests]
        return [
            one.geturl() for one in asked if one.scheme != "data" and one.netloc != host
        ]

    async def faults(self) -> list[str]:
        """Name everything that no page may have; empty for a good one."""
        await self.page.wait_for_load_state()  # a page without its style is none
        found = [f"complained: {one}" for one in self.seen.complaints]
        found += [f"left the host: {one}" for one in self.strangers]
        found += await self.grave_faults()
        if pixels := await self.overflow():
            found.append(f"{pixels} px wider than the window")
        return found


@asynccontextmanager
async def look_at(base: str, browser: Browser, **context: Any) -> AsyncIterator[Look]:
    """Open a browser for a console at this address, as nobody so far.

    ``context`` is Playwright's: ``viewport``, ``color_scheme``, ``locale``,
    ``java_script_enabled``.
    """
    usual = {"viewport": WIDE, "locale": "en"}
    async with a_page(browser, **{**usual, **context}) as (page, seen):
        yield Look(page, seen, base.rstrip("/"))


@asynccontextmanager
async def a_look(
    engine: AsyncEngine,
    clock: FixedClock,
    browser: Browser,
    role: Role | None = Role.ADMIN,
    **context: Any,
) -> AsyncIterator[Look]:
    """Open a console of its own, signed in by its form unless ``role`` is None."""
    async with (
        on_a_port(a_runtime(engine, clock)) as http,
        look_at(str(http.base_url), browser, **context) as look,
    ):
        if role is not None:
            async with engine.begin() as db:
                key = await a_key(db, role, now=clock.now())
            await look.sign_in(key.key)
        yield look
