"""An event is found, proven and verified with a real browser."""

from playwright.async_api import Browser
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.console.looking import NARROW, a_look
from tests.support.audit import seal_everything
from tests.support.clock import FixedClock
from unbind_broker.audit.trail import Fact, record
from unbind_broker.keys.tables import Role


async def test_auditor_finds_an_event_and_its_proof(
    engine: AsyncEngine, clock: FixedClock, browser: Browser
) -> None:
    async with engine.begin() as db:
        await record(db, clock.now(), Fact("broker", "brake.engaged"))
    await seal_everything(engine)
    async with a_look(engine, clock, browser, Role.AUDITOR, viewport=NARROW) as look:
        await look.open("/console/audit")
        await look.page.click("details.seek > summary")
        await look.page.fill("#action", "brake.engaged")
        await look.page.click("details.seek form[action$='seek/audit'] button")
        await look.page.click("tbody th a")
        await look.page.wait_for_selector("#proof")
        await look.says("Proven: it is as it was sealed")
        assert await look.faults() == []

        await look.open("/console/audit")
        await look.page.click("section form[action$=verify] button")
        await look.page.wait_for_selector("text=No fault found")
        assert await look.faults() == []
