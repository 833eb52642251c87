"""A whole night of an administrator in a real browser: each step by the pages alone.

A platform answers 503, another refused a request, a carrier is stopped by its brake;
a whole worker sends meanwhile, and real endpoints receive.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, expect
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.console.looking import Look, look_at
from tests.support.app import a_runtime, bearer, on_a_port
from tests.support.builders import a_carrier, a_key, a_platform, an_endpoint
from tests.support.joining import a_number
from tests.support.order_builders import an_order, asked
from tests.support.receiver import Answer, Door, Receiver
from tests.support.waiting import PATIENCE, eventually
from tests.support.working import working
from unbind_broker.base.clock import SystemClock
from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.callbacks.braking import stop
from unbind_broker.carriers.service import Carrier
from unbind_broker.keys.tables import Role

pytestmark = pytest.mark.journey

CLOCK = SystemClock()
QUICK = {
    "lease": timedelta(seconds=15),
    "request_timeout": timedelta(seconds=8),
    "retry_plan": (timedelta(seconds=0.1), timedelta(seconds=0.4)),
    "breaker_pause": timedelta(seconds=0.2),
    "scan_interval": timedelta(seconds=0.2),
}
ILL, PICKY, SLOW = "weibo", "alipay", "didi"
"""Platforms: one answers 503, one refuses what it is sent, one takes its time."""
FOLLOWED = "R-17"
"""The reference of the order that is refused by one platform and awaited of another."""
UNBOUND = {
    "outcome": "unbound",
    "removed": 1,
    "last_bound_at": "2024-06-01T08:00:00Z",
}
MENDED = Answer(results=lambda item: {"id": item["id"], **UNBOUND})


@dataclass
class Night:
    """Everybody but the administrator, whose key is ``key``."""

    engine: AsyncEngine
    receiver: Receiver
    carriers: dict[str, Carrier] = field(default_factory=dict)
    slow: dict[str, str] = field(default_factory=dict)
    """The headers of the platform that takes its time."""
    key: str = ""
    _ordered: int = 0

    def door(self, slug: str) -> Door:
        return self.receiver.door(slug)

    async def order(self, carrier: str, *slugs: str, reference: str = "") -> str:
        """Accept an order about a number of its own; give its id."""
        self._ordered += 1
        now = CLOCK.now()
        wanted = asked(
            number=a_number(self._ordered),
            platforms=slugs,
            reference=reference or None,
            now=now,
        )
        async with self.engine.begin() as db:
            made = await an_order(db, self.carriers[carrier], wanted, now=now)
        return format_id(Prefix.ORDER, made)

    async def enrol(self, slug: str, usual: Answer) -> None:
        """Have a platform whose endpoint answers like this."""
        now, door = CLOCK.now(), self.door(slug)
        door.usual = usual
        async with self.engine.begin() as db:
            platform = await a_platform(db, slug, now=now)
            made = await an_endpoint(db, platform, door.url, now=now)
            if slug == SLOW:
                self.slow = bearer(await a_key(db, platform, now=now))
        door.secrets.append(made.secret)

    async def fall(self) -> None:
        """Let all go wrong before anybody looks."""
        await self.enrol(ILL, Answer(status=503))
        await self.enrol(PICKY, Answer(status=422))
        await self.enrol(SLOW, Answer())
        async with self.engine.begin() as db:
            now = CLOCK.now()
            for slug in ("china-mobile", "china-unicom"):
                self.carriers[slug] = await a_carrier(db, slug, now=now)
            self.key = (await a_key(db, Role.ADMIN, now=now)).key
        for _ in range(3):
            await self.order("china-mobile", ILL)
        await self.order("china-mobile", PICKY, SLOW, reference=FOLLOWED)
        await self.order("china-unicom", SLOW)
        async with self.engine.begin() as db:
            braked = self.carriers["china-unicom"].id
            await stop(db, CLOCK.now(), braked, "dates look wrong", "broker")


@asynccontextmanager
async def a_night(
    engine: AsyncEngine, receiver: Receiver
) -> AsyncIterator[tuple[Night, httpx.AsyncClient]]:
    """A broker at night, with a worker, and a client that calls its API."""
    night = Night(engine, receiver)
    await night.fall()
    runtime = a_runtime(engine, CLOCK, **QUICK)
    async with on_a_port(runtime) as http, working(runtime):
        yield night, http


async def test_night_is_saved_by_the_console_alone(
    engine: AsyncEngine, receiver: Receiver, browser: Browser
) -> None:
    async with (
        a_night(engine, receiver) as (night, http),
        look_at(str(http.base_url), browser) as look,
    ):
        await look.sign_in(night.key)
        await find_the_ill_one(look)
        await pause_it(look)
        new = await see_items_parked(look, night)
        await resume_it(look, night, new)
        await requeue_what_was_refused(look, night)
        await follow_to_the_end(look, night, http)
        await release_the_brake(look, night)
        await verify_the_trail(look)
        await sign_out(look)


async def find_the_ill_one(look: Look) -> None:
    """What needs somebody is told without a reload, and leads to where it is."""
    await stay(look)
    await look.says("weibo platform is cut off: It answers 503")
    await look.says("The brake is on for china-unicom (dates look wrong).")
    await look.says("Items that could not be delivered and wait to be sent again: 1.")
    await expect_stayed(look)
    assert await look.faults() == []
    await look.page.click("#main >> text=weibo platform is cut off")
    await look.page.wait_for_url(f"**/console/platforms/{ILL}")
    await look.says("Too many requests failed")
    assert await look.faults() == []


async def pause_it(look: Look) -> None:
    await look.page.click("text=Preview: Pause sending")
    await confirm(look)
    await look.says("Nothing is sent to it any more.")
    await look.says("Nothing is sent; items wait until their own deadline.")
    await look.says("the administrators")


async def see_items_parked(look: Look, night: Night) -> str:
    """What comes meanwhile waits, too: give the id of that order."""
    await stay(look)
    await figure(look, "Open items", "3")
    new = await night.order("china-mobile", ILL)
    await figure(look, "Open items", "4")
    await expect_stayed(look)
    assert await look.faults() == []
    await look.page.click("nav.menu >> text=Undeliverable")
    await look.page.wait_for_selector("#parked")
    row = look.page.locator("section[aria-labelledby=parked] tbody tr")
    await expect(row).to_contain_text("weibo platform", timeout=PATIENCE * 1000)
    assert (await row.locator("td").last.inner_text()).strip() == "4"
    assert await look.faults() == []
    await row.locator("a").click()
    await look.page.wait_for_url(f"**/console/platforms/{ILL}")
    return new


async def resume_it(look: Look, night: Night, new: str) -> None:
    """All that waited goes, as can be seen without a reload."""
    door = night.door(ILL)
    assert new not in door.item_ids
    door.usual = MENDED
    await look.page.click("text=Preview: Resume sending")
    await confirm(look)
    await look.says("It is sent to again.")
    await stay(look)
    await figure(look, "Open items", "0")
    await look.says("Healthy")
    await expect_stayed(look)
    assert new in door.item_ids
    assert await look.faults() == []


async def requeue_what_was_refused(look: Look, night: Night) -> None:
    night.door(PICKY).usual = MENDED
    await look.page.click("nav.menu >> text=Undeliverable")
    await look.says("Refused for good")
    assert await look.faults() == []
    await look.page.click("text=Send all again…")
    await confirm(look)
    await look.says("Sent 1 again.")
    assert await look.faults() == []


async def follow_to_the_end(look: Look, night: Night, http: httpx.AsyncClient) -> None:
    """The page of an order shows each step as it happens."""
    await look.page.click("nav.menu >> text=Orders")
    await look.page.fill("#what", FOLLOWED)
    await look.page.keyboard.press("Enter")
    await look.page.click("tbody th a")
    steps = look.page.locator("ol.steps")
    await stay(look)
    patiently: dict[str, Any] = {"use_inner_text": True, "timeout": PATIENCE * 1000}
    await expect(steps).to_contain_text("alipay platform", **patiently)
    await expect(steps).to_contain_text("Sent again", **patiently)
    await expect(steps).to_contain_text("didi platform", **patiently)
    (item,) = {
        one["id"]
        for delivery in night.door(SLOW).deliveries
        for one in delivery.items
        if delivery.type == "unbind.requested"
    }
    told = {"results": [{"id": item, **UNBOUND}]}
    answer = await http.post("/v1/results", json=told, headers=night.slow)
    assert answer.is_success, answer.text
    await expect(steps.locator("li").first).to_contain_text("Completed", **patiently)
    await figure(look, "Platforms with a final result", "2 / 2")
    await expect_stayed(look)
    assert await look.faults() == []


async def release_the_brake(look: Look, night: Night) -> None:
    """What was held goes out at once."""
    before = set(night.door(SLOW).item_ids)
    await look.page.click("nav.menu >> text=Overview")
    await look.page.click("#main >> text=The brake is on for china-unicom")
    await look.page.wait_for_url("**/console/brake")
    assert await look.faults() == []
    await look.page.fill("#reason-1", "the dates are right again")
    await look.page.click("text=Preview the release")
    await look.says("Orders that go on")
    await confirm(look)
    await look.says("The brake is released.")
    await look.says("Not engaged")
    await eventually(lambda: set(night.door(SLOW).item_ids) - before)
    await look.page.click("nav.menu >> text=Overview")
    await look.says("Nothing needs you at this moment.")
    assert await look.faults() == []


async def verify_the_trail(look: Look) -> None:
    await look.page.click("nav.menu >> text=Audit trail")
    for action in ("endpoint.paused", "endpoint.resumed", "brake.released"):
        await look.says(action)
    assert await look.faults() == []
    await look.page.click("text=Verify the newest events")
    await look.says("No fault found")
    assert await look.faults() == []


async def sign_out(look: Look) -> None:
    await look.page.click("text=Sign out")
    await look.says("You have signed out.")
    await look.open("/console")
    await look.page.wait_for_url("**/console/login**")
    assert await look.faults() == []


async def confirm(look: Look) -> None:
    """Read the preview, and do it."""
    await look.says("Nothing has been done yet")
    assert await look.faults() == []
    await look.page.click("main button.danger")


async def figure(look: Look, name: str, value: str) -> None:
    """Wait until a figure of the page is this."""
    shown = look.page.locator(f'.figure:has(dt:text-is("{name}")) dd')
    await expect(shown).to_have_text(value, timeout=PATIENCE * 1000)


async def stay(look: Look) -> None:
    """Mark the page, so that a reload would show."""
    await look.page.evaluate("window.stayed = true")


async def expect_stayed(look: Look) -> None:
    assert await look.page.evaluate("window.stayed") is True
