"""The page that a shop hands to the holder, as a real browser shows it."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, Page
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import a_runtime, on_a_port
from tests.support.browser import a_browser, a_page
from tests.support.clock import FixedClock
from tests.support.order_api import Scene, a_scene, not_bound, order_body
from tests.support.receipts import a_finished_order, receipt, unbound
from unbind_broker.carriers.tables import carriers
from unbind_broker.deadlines.expiring import expire_overdue
from unbind_broker.notices.ending import settle
from unbind_broker.platforms.tables import platforms

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
HTML = {"Accept": "text/html"}


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    slugs = ("weibo", "douyin", "jd", "taobao", "zhihu")
    async with a_scene(engine, clock, *slugs) as made:
        yield made


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with a_browser() as started:
        yield started


@dataclass(frozen=True)
class Place:
    """Where the receipt is, and how a browser gets it."""

    url: str
    headers: dict[str, str]


@pytest.fixture
async def place(scene: Scene) -> AsyncIterator[Place]:
    """The receipt of an order with every kind of outcome, behind a real port."""
    await scene.add_platform("soulmate", sensitive=True)
    order_id = await an_order_of_all_outcomes(scene)
    async with on_a_port(a_runtime(scene.engine, scene.clock)) as http:
        base = str(http.base_url).rstrip("/")
        url = f"{base}/v1/orders/{order_id}/receipt"
        yield Place(url, {**scene.carrier_headers, **HTML})


async def an_order_of_all_outcomes(scene: Scene) -> str:
    answer = await scene.post("/v1/orders", order_body(reference="R-17"))
    order_id = str(answer.json()["id"])
    partly: dict[str, Any] = {**unbound(order_id), "outcome": "partly_unbound"}
    partly |= {"kept": 1, "reason": "legal_hold"}
    refused = {"id": order_id, "outcome": "refused", "reason": "active_after_cutoff"}
    await scene.report("weibo", unbound(order_id))
    await scene.report("douyin", not_bound(order_id))
    await scene.report("jd", partly)
    await scene.report("taobao", refused)
    await scene.report("soulmate", not_bound(order_id))
    now = scene.clock.advance(timedelta(days=12))
    async with scene.engine.begin() as db:
        ended = await expire_overdue(db, now, 10)
    async with scene.engine.begin() as db:
        await settle(db, now, ended)
    return order_id


async def shown_text(page: Page) -> str:
    return await page.inner_text("body")


@pytest.mark.parametrize("width", [360, 1280])
async def test_it_shows_the_outcome_in_both_languages(
    place: Place, browser: Browser, width: int
) -> None:
    look = {"viewport": {"width": width, "height": 800}}
    async with a_page(browser, extra_http_headers=place.headers, **look) as opened:
        page, seen = opened
        await page.goto(f"{place.url}?lang=zh")
        chinese = await shown_text(page)
        await page.get_by_text("English").click()
        english = await shown_text(page)
        overflow = await page.evaluate(
            "document.documentElement.scrollWidth - window.innerWidth"
        )
    assert seen.requests == [f"{place.url}?lang=zh"]
    assert seen.complaints == []
    assert overflow <= 0
    for text in ("+86138****1234", "R-17"):
        assert text in chinese
        assert text in english
    for text in ("一键解绑回执", "weibo 平台", "依法须保留", "未能送达", "1/1"):
        assert text in chinese
    for text in ("Unbinding", "weibo platform", "legal reasons", "27 Nov 2026, 23:59"):
        assert text in english
    # Taken, which is not done: more is never told.
    assert "1 个已接收请求或请求已终止" in chinese
    assert "1 have taken the request, or it has ended" in english
    assert "soulmate" not in chinese + english


async def test_the_language_is_that_of_the_reader(
    place: Place, browser: Browser
) -> None:
    async with a_page(
        browser, locale="en-GB", extra_http_headers=place.headers
    ) as opened:
        page, _ = opened
        await page.goto(place.url)
        assert "What was asked" in await shown_text(page)
        assert "申请内容" not in await shown_text(page)


async def test_it_is_printed_on_a4_without_its_switch(
    place: Place, browser: Browser
) -> None:
    async with a_page(browser, extra_http_headers=place.headers) as opened:
        page, seen = opened
        await page.goto(place.url)
        await page.emulate_media(media="print")
        assert not await page.get_by_text("English", exact=True).is_visible()
        printed = await page.pdf(prefer_css_page_size=True)
    size = re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", printed)
    assert size is not None
    assert [round(float(side)) for side in size.groups()] == [595, 842]
    assert seen.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_takes_the_readers_colours(
    place: Place, browser: Browser, scheme: Any
) -> None:
    async with a_page(
        browser, color_scheme=scheme, extra_http_headers=place.headers
    ) as opened:
        page, _ = opened
        await page.goto(place.url)
        paper = await page.evaluate(
            "getComputedStyle(document.querySelector('main')).backgroundColor"
        )
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(25, 29, 34)"}[scheme]


async def test_what_strangers_write_stays_text(scene: Scene, browser: Browser) -> None:
    order_id = await a_hostile_order(scene)
    async with on_a_port(a_runtime(scene.engine, scene.clock)) as http:
        base = str(http.base_url).rstrip("/")
        headers = {**scene.carrier_headers, **HTML}
        async with a_page(browser, extra_http_headers=headers) as (page, seen):
            page.on("dialog", lambda dialog: seen.complaints.append(dialog.message))
            await page.goto(f"{base}/v1/orders/{order_id}/receipt")
            text = await shown_text(page)
            foreign = await page.locator("script, img, iframe, object").count()
    assert foreign == 0
    assert seen.complaints == []
    assert len(seen.requests) == 1
    assert text.count(HOSTILE) == 4  # reference, carrier, platform, detail


async def a_hostile_order(scene: Scene) -> str:
    answer = await scene.post(
        "/v1/orders", order_body(reference=HOSTILE, platforms=["weibo"])
    )
    order_id = str(answer.json()["id"])
    names = {"name_zh": HOSTILE, "name_en": HOSTILE}
    async with scene.engine.begin() as db:
        await db.execute(update(carriers).values(names))
        await db.execute(update(platforms).values(names))
    line = {"id": order_id, "outcome": "refused", "reason": "other", "detail": HOSTILE}
    await scene.report("weibo", line)
    return order_id


async def test_its_markup_holds_nothing_that_strangers_wrote(scene: Scene) -> None:
    order_id = await a_hostile_order(scene)
    page = await receipt(scene, order_id, headers=HTML)
    assert "<img" not in page.text
    assert "<script" not in page.text


async def test_nothing_may_be_loaded_or_run(scene: Scene) -> None:
    order_id = await a_finished_order(scene)
    page = await receipt(scene, order_id, headers=HTML)
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"(?:src|href)=\"(?!data:,)", page.text)


async def test_an_earlier_version_reads_as_it_was(scene: Scene) -> None:
    order_id = await a_finished_order(scene)
    await receipt(scene, order_id)
    amended = {**unbound(order_id, removed=7), "amend": True}
    await scene.report("weibo", amended)
    newest = await receipt(scene, order_id, headers=HTML)
    first = await receipt(scene, order_id, version=1, headers=HTML)
    assert "解除 7 个" in newest.text
    assert "解除 7 个" not in first.text


async def test_a_language_that_is_not_there_is_refused(scene: Scene) -> None:
    order_id = await a_finished_order(scene)
    answer = await scene.get(f"/v1/orders/{order_id}/receipt", lang="fr")
    assert answer.status_code == 422
