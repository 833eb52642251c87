"""Anybody sees how punctual platforms are, and nothing that is nobody's business."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from httpx import AsyncClient
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from typing_extensions import override

from tests.support.app import a_runtime, in_process, on_a_port
from tests.support.browser import a_browser, a_page
from tests.support.builders import a_platform
from tests.support.clock import FixedClock
from unbind_broker.api.connections import Connections
from unbind_broker.api.public_figures import MOST_DAYS_BACK, PublicFigures
from unbind_broker.orders.states import OrderKind
from unbind_broker.platforms.tables import platforms
from unbind_broker.statistics.measures import Measure
from unbind_broker.statistics.tables import platform_days

URL, PAGE = "/v1/punctuality", "/punctuality"
YESTERDAY = date(2026, 11, 19)


@pytest.fixture
async def api(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[AsyncClient]:
    await fill(engine)
    async with in_process(a_runtime(engine, clock)) as client:
        yield client


async def fill(engine: AsyncEngine) -> None:
    """Weibo is large, jd is small, tantan is sensitive."""
    async with engine.begin() as db:
        for slug, sensitive in (("weibo", False), ("jd", False), ("tantan", True)):
            made = await a_platform(db, slug, sensitive=sensitive)
            for back, in_time, late in _PAST[slug]:
                day = YESTERDAY - timedelta(days=back)
                sums = {Measure.IN_TIME: in_time, Measure.NOT_IN_TIME: late}
                for measure, n in sums.items():
                    row = {
                        "platform_id": made.id,
                        "day": day,
                        "kind": OrderKind.UNBIND.code,
                        "measure": measure,
                        "n": n,
                    }
                    await db.execute(insert(platform_days).values(**row))


_PAST = {
    "weibo": [(-1, 700, 7), (0, 900, 100), (29, 950, 50), (30, 500, 500)],
    "jd": [(0, 3, 1), (1, 2, 2)],
    "tantan": [(0, 4000, 1000)],
}


async def read(api: AsyncClient, **params: str) -> Any:
    answer = await api.get(URL, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_last_thirty_days_that_are_over_are_told(api: AsyncClient) -> None:
    told = await read(api)
    assert (told["since"], told["until"]) == ("2026-10-21", "2026-11-19")
    jd, weibo = told["platforms"]
    assert (weibo["platform"], weibo["items"], weibo["punctuality"]) == (
        *("weibo", 2000, 0.92),
    )
    assert (weibo["days"], weibo["days_withheld"], weibo["withheld"]) == (2, 0, None)
    assert (jd["items"], jd["punctuality"], jd["withheld"]) == (None, None, "too_few")
    assert jd["days_withheld"] == 2


async def test_total_holds_no_more_than_the_list(api: AsyncClient) -> None:
    told = await read(api)
    assert told["totals"]["items"] == 2000
    assert "tantan" not in str(told)


async def test_days_are_chosen(api: AsyncClient) -> None:
    told = await read(api, **{"from": "2026-11-19", "to": "2026-11-19"})
    assert told["platforms"][1]["items"] == 1000


@pytest.mark.parametrize(
    "params",
    [
        {"to": "2026-11-20"},
        {"from": "2026-11-19", "to": "2026-11-18"},
        {"from": str(YESTERDAY - timedelta(days=MOST_DAYS_BACK))},
    ],
)
async def test_days_that_are_not_over_or_long_gone_are_refused(
    api: AsyncClient, params: dict[str, str]
) -> None:
    for path in (URL, PAGE):
        answer = await api.get(path, params=params)
        assert (answer.status_code, answer.json()["code"]) == (422, "wrong-period")


async def test_it_is_worked_out_once_a_minute_whoever_asks(
    api: AsyncClient, engine: AsyncEngine
) -> None:
    before = await read(api)
    async with engine.begin() as db:
        await db.execute(update(platforms).values(sensitive=True))
    assert await read(api) == before
    assert len((await read(api, **{"from": "2026-11-01"}))["platforms"]) == 2


async def test_all_who_come_meanwhile_share_one_read_and_its_fault(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    away = Away(engine, engine)
    zone = a_runtime(engine, clock).settings.zone
    figures = PublicFigures(away, clock, zone)
    waiting = [asyncio.create_task(figures.table()) for _ in range(20)]
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(one) for one in found] == [ConnectionRefusedError] * 20
    assert away.asked == 1


class Away(Connections):
    """A database that is not there."""

    asked = 0
    is_away = True

    @asynccontextmanager
    @override
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        self.asked += 1
        await asyncio.sleep(0)
        if self.is_away:
            raise ConnectionRefusedError
        async with super().connect() as db:
            yield db


async def test_whoever_asks_without_end_waits(api: AsyncClient) -> None:
    statuses = {(await api.get(PAGE)).status_code for _ in range(30)}
    for _ in range(400):
        answer = await api.get(URL)
        statuses.add(answer.status_code)
        if answer.status_code == 429:
            assert int(answer.headers["Retry-After"]) >= 1
            break
    assert statuses == {200, 429}


@pytest.mark.parametrize(
    ("asked", "spoken", "tag", "name"),
    [
        (None, "zh-CN,zh;q=0.9", "zh-CN", "weibo 平台"),
        (None, "en-GB", "en", "weibo platform"),
        ("en", "zh-CN", "en", "weibo platform"),
    ],
)
async def test_page_speaks_the_readers_language(
    api: AsyncClient, asked: str | None, spoken: str, tag: str, name: str
) -> None:
    params = {} if asked is None else {"lang": asked}
    answer = await api.get(PAGE, params=params, headers={"Accept-Language": spoken})
    assert f'<html lang="{tag}">' in answer.text
    assert name in answer.text
    assert "2,000" in answer.text
    assert "92%" in answer.text
    assert not re.search(r"<(script|img|iframe)|src=|@import|url\(", answer.text)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["vary"] == "Accept-Language"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_page_fits_a_phone_without_javascript(
    engine: AsyncEngine, clock: FixedClock, scheme: str
) -> None:
    await fill(engine)
    phone = {"viewport": {"width": 390, "height": 844}, "color_scheme": scheme}
    async with (
        on_a_port(a_runtime(engine, clock)) as api,
        a_browser() as browser,
        a_page(browser, java_script_enabled=False, **phone) as (page, seen),
    ):
        await page.goto(f"{api.base_url}{PAGE}?lang=zh")
        width = await page.evaluate("document.documentElement.scrollWidth")
        rows = await page.locator("tbody tr").count()
        colour = await page.locator("body").evaluate(
            "one => getComputedStyle(one).backgroundColor"
        )
    assert (width, rows) == (390, 2)
    assert (colour == "rgb(255, 255, 255)") == (scheme == "light")
    assert seen.complaints == []
    assert len(seen.requests) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_page_has_no_serious_fault_for_whoever_hears_it(
    engine: AsyncEngine, clock: FixedClock, scheme: str
) -> None:
    await fill(engine)
    async with (
        on_a_port(a_runtime(engine, clock)) as api,
        a_browser() as browser,
        a_page(browser, color_scheme=scheme) as (page, _),
    ):
        await page.goto(f"{api.base_url}{PAGE}?lang=en")
        judged = await Axe().run(page)
    grave = [
        fault["id"]
        for fault in judged.response["violations"]
        if fault["impact"] in {"serious", "critical"}
    ]
    assert grave == []
