"""A real browser that looks at the broker's pages."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.support.waiting import PATIENCE

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


@dataclass
class Seen:
    """What a page did besides showing itself."""

    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@asynccontextmanager
async def a_browser() -> AsyncIterator[Browser]:
    """Start the system's Chromium; skips the test where there is none."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip(f"none of {', '.join(PROGRAMS)} is installed")
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy")
    }
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--disable-dev-shm-usage"],
            env=dict(environment),
        )
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def a_page(browser: Browser, **context: Any) -> AsyncIterator[tuple[Page, Seen]]:
    """Open a page without history; what it asks for and complains about is noted."""
    opened = await browser.new_context(**context)
    opened.set_default_timeout(PATIENCE * 1000)
    page, seen = await opened.new_page(), Seen()
    page.on("request", lambda request: seen.requests.append(request.url))
    page.on("console", lambda message: seen.complaints.append(message.text))
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    try:
        yield page, seen
    finally:
        await opened.close()
