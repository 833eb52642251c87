"""The first page says what needs somebody, the worst first, and how it all stands."""

import re
from datetime import timedelta

import pytest

from tests.console.scene import Console
from tests.console.trouble import make_trouble
from tests.support.builders import a_carrier
from tests.support.order_builders import a_reachable_platform, an_order
from unbind_broker.carriers import brakes
from unbind_broker.keys.tables import Role

PAGE = "/console"
LIVE = "/console/overview/live"
_NEED = re.compile(r'<li class="(bad|warn)">(.*?)</li>', re.DOTALL)
_TAGS = re.compile(r"<[^>]+>")
_LINKS = re.compile(r'href="(/console[^"#?]*)')


async def test_trouble_is_listed_in_plain_words_the_worst_first(
    console: Console,
) -> None:
    await make_all_trouble(console)
    found = needs((await console.get(PAGE, accept_language="en")).text)
    assert [tone for tone, _ in found] == ["bad"] * 6 + ["warn"] * 7
    for (_, text), begin in zip(
        found,
        (
            "■ No worker says that it is well.",
            "■ Items past their deadline and still open: 4.",
            "■ What is to go to weibo platform waits, though it could be sent.",
            "■ Wrong unbindings that are not made good yet: 1.",
            "■ jd platform is cut off : It answers 503 (its service is unavailable).",
            "■ didi platform is disabled : It answers 410",
            "▲ Items due within the hour, queries aside: 4.",
            "▲ ctrip platform is paused",
            "▲ The brake is on for china-mobile (too many went wrong). Orders held: 0.",
            "▲ A clearance of china-mobile is stopped. Numbers: 1200.",
            "▲ Items that could not be delivered and wait to be sent again: 1.",
            "▲ Orders held because it is disputed who holds the number: 1.",
            "▲ Audit events that are not sealed yet:",
        ),
        strict=True,
    ):
        assert text.startswith(begin)
    assert "for 60 min" in found[4][1]


async def test_tab_tells_how_much_needs_somebody(console: Console) -> None:
    await make_all_trouble(console)
    page = await console.get(PAGE, accept_language="en")
    title = "<title>(13) Overview · unbind-broker</title>"
    assert page.text.count(title) == 1
    live = await console.get(LIVE, accept_language="en")
    assert live.text.count(title) == 1
    assert needs(live.text) == needs(page.text)


async def test_trouble_is_told_in_chinese(console: Console) -> None:
    await make_all_trouble(console)
    text = (await console.get(PAGE, accept_language="zh")).text
    assert "没有工作进程报告正常" in text
    assert "jd 平台 已熔断" in text
    assert "已持续 60 分钟" in text


async def test_every_figure_leads_to_a_page_that_is_there(console: Console) -> None:
    await make_all_trouble(console)
    leads = set(_LINKS.findall((await console.get(LIVE)).text))
    assert "/console/platforms/jd" in leads
    assert any(path.startswith("/console/clearances/") for path in leads)
    for path in leads:
        assert (await console.get(path)).status_code == 200, path


async def test_orders_of_the_last_hour_are_told_in_words_and_rows(
    console: Console,
) -> None:
    await make_all_trouble(console)
    text = (await console.get(LIVE, accept_language="en")).text
    assert (
        "0 in the last full minute, 0 at most, 0 in the hour; 0 so far in this minute"
        in text
    )
    assert text.count("<svg") == 2
    assert '<tr><th scope="row">11:59</th><td>0</td></tr>' in text


async def test_minute_that_runs_is_told_though_it_is_not_drawn(
    console: Console,
) -> None:
    await console.sign_in()
    console.clock.advance(timedelta(seconds=30))
    async with console.engine.begin() as db:
        await a_reachable_platform(db)
        await an_order(db, await a_carrier(db), now=console.clock.now())
    text = (await console.get(LIVE, accept_language="en")).text
    assert "0 in the hour; 1 so far in this minute" in text


async def test_hostile_reason_is_only_text(console: Console) -> None:
    await console.sign_in()
    async with console.engine.begin() as db:
        now, hostile = console.clock.now(), "<script>alert(1)</script>{name}"
        await brakes.engage(db, now, (await a_carrier(db)).id, hostile, "broker")
    text = (await console.get(PAGE)).text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{name}" in text


@pytest.mark.parametrize("path", [PAGE, LIVE])
async def test_auditors_do_not_see_it(console: Console, path: str) -> None:
    await console.sign_in(Role.AUDITOR)
    assert (await console.get(path)).status_code == 403


def needs(text: str) -> list[tuple[str, str]]:
    """Give each line of what needs somebody, with its tone."""
    return [
        (tone, " ".join(_TAGS.sub(" ", inner).split()))
        for tone, inner in _NEED.findall(text)
    ]


async def make_all_trouble(console: Console) -> None:
    async with console.engine.begin() as db:
        await make_trouble(db, console.clock.now())
    await console.sign_in()
