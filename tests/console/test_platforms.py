"""All platforms in one table: who does not know them finds the one in trouble."""

import re
from datetime import UTC
from html import unescape

import pytest

from tests.console.ailing import SINCE, enroll_200, ill
from tests.console.scene import Console
from tests.support.builders import a_platform, an_endpoint
from tests.support.clock import NOON
from tests.support.order_builders import a_reachable_platform
from unbind_broker.endpoints.health import Condition
from unbind_broker.endpoints.states import PausedBy
from unbind_broker.keys.tables import Role
from unbind_broker.platforms import service
from unbind_broker.platforms.profile import Profile

PAGE = "/console/platforms"
_HREF = re.compile(r'href="([^"]+)"')
_ROW = re.compile(r'id="platform-([^"]+)"')


async def test_one_that_answers_503_among_200_stands_first(console: Console) -> None:
    await enroll_200(console.engine, "site-137")
    await console.sign_in()
    text = (await console.get(PAGE, accept_language="en")).text
    assert len(rows(text)) == 200
    assert rows(text)[0] == "site-137"
    first = text.partition('id="platform-site-137"')[2].partition("</tr>")[0]
    assert "It answers 503 (its service is unavailable)" in first
    assert "Cut off (breaker open)" in first
    assert f'datetime="{SINCE.astimezone(UTC):%FT%TZ}"' in first
    assert "38 min ago" in first


async def test_links_alone_lead_from_the_first_page_to_the_one_that_answers_503(
    console: Console,
) -> None:
    await enroll_200(console.engine, "site-137")
    await console.sign_in()
    first = (await console.get("/console", accept_language="en")).text
    needs = first.partition('class="needs"')[2].partition("</ul>")[0]
    (told,) = (one for one in needs.split("<li ") if "It answers 503" in one)
    assert "2026-11-20 11:22:00" in told
    (link,) = _HREF.findall(told)
    its = (await console.get(link, accept_language="en")).text
    assert "<h1>site-137 platform</h1>" in its
    stands = its.partition('id="stands"')[2].partition("</dl>")[0]
    assert "It answers 503 (its service is unavailable)" in stands
    assert "2026-11-20 11:22:00" in stands
    assert "38 min ago" in stands


async def test_states_are_told_in_words_the_worst_first(console: Console) -> None:
    async with console.engine.begin() as db:
        await a_reachable_platform(db, "alipay")
        await an_endpoint(db, await a_platform(db, "ctrip"), paused_by=PausedBy.OWNER)
        await an_endpoint(db, await a_platform(db, "didi"), disabled="answered 410")
        await a_platform(db, "eleme")
        await a_platform(db, "fliggy", suspended=True)
        await ill(db, "zhihu", Condition.HEALTHY, "name does not resolve")
        await ill(db, "weibo", Condition.OPEN, "answered 503")
        await ill(db, "xhs", Condition.DEGRADED, None)
    await console.sign_in()
    text = (await console.get(PAGE, accept_language="zh")).text
    assert rows(text) == [
        "weibo", "didi", "zhihu", "xhs", "ctrip", "fliggy", "alipay", "eleme",
    ]  # fmt: skip
    for words in ("已熔断", "已停用", "持续出错", "时好时坏", "已暂停发送", "正常"):
        assert words in text
    assert "域名无法解析" in text


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"state": "ill"}, ["weibo"]),
        ({"state": "healthy"}, ["alipay", "jd"]),
        ({"state": "paused"}, []),
        ({"state": "nonsense"}, ["weibo", "alipay", "jd"]),
        ({"name": "JD"}, ["jd"]),
        ({"name": " weibo 平台"}, ["weibo"]),
        ({"sort": "name"}, ["alipay", "jd", "weibo"]),
        ({"sort": "p95"}, ["alipay", "jd", "weibo"]),
        ({"name": "nobody"}, []),
        ({"name": "jd", "state": "ill"}, []),
    ],
)
async def test_platforms_are_looked_for_and_sorted(
    console: Console, fields: dict[str, str], found: list[str]
) -> None:
    async with console.engine.begin() as db:
        await a_reachable_platform(db, "jd")
        await a_reachable_platform(db, "alipay")
        await ill(db, "weibo", Condition.OPEN, "answered 503")
    await console.sign_in()
    page = await console.seek("platforms", **fields)
    assert page.status_code == 200
    assert rows(page.text) == found
    live = page.text.partition('hx-get="')[2].partition('"')[0]
    assert live.startswith(f"{PAGE}/-/live")
    assert rows((await console.get(unescape(live))).text) == found


async def test_links_lead_to_platforms_in_a_state(console: Console) -> None:
    async with console.engine.begin() as db:
        await a_reachable_platform(db, "jd")
        await ill(db, "weibo", Condition.OPEN, "answered 503")
    await console.sign_in()
    for path in (f"{PAGE}?state=ill", f"{PAGE}/-/live?state=ill"):
        assert rows((await console.get(path)).text) == ["weibo"]


async def test_hostile_name_is_only_text(console: Console) -> None:
    name = "<script>alert(1)</script>"
    profile = Profile(name_zh=name, name_en=name, category="social", sensitive=False)
    async with console.engine.begin() as db:
        await service.add(db, NOON, "weibo", profile, "test")
    await console.sign_in()
    sought = await console.seek("platforms", name='"><script>')
    for text in ((await console.get(PAGE)).text, sought.text):
        assert "<script>alert" not in text
        assert '"><script>' not in text


async def test_broker_without_platforms_says_what_to_do(console: Console) -> None:
    await console.sign_in()
    assert "还没有登记任何平台" in (await console.get(PAGE)).text


@pytest.mark.parametrize("path", [PAGE, f"{PAGE}/-/live"])
async def test_auditors_see_no_platforms(console: Console, path: str) -> None:
    await console.sign_in(Role.AUDITOR)
    assert (await console.get(path)).status_code == 403


def rows(text: str) -> list[str]:
    return _ROW.findall(text)
