"""A console with its clock, and whoever is signed in to it."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.console.scene import Console, a_console
from tests.support.browser import a_browser
from tests.support.clock import FixedClock


@pytest.fixture
async def console(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Console]:
    """The console on the test's database and clock, called inside this process."""
    async with a_console(engine, clock) as opened:
        yield opened


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One browser for a whole test process; each look has a context of its own."""
    async with a_browser() as started:
        yield started
