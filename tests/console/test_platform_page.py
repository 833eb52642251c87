"""One platform: what it was sent, what came of it, what is done about it."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert

from tests.console.ailing import SINCE, ill
from tests.console.asking import DEEDS, asked
from tests.console.scene import Console
from tests.support.attempts import an_attempt
from tests.support.builders import a_platform, an_endpoint
from tests.support.clock import NOON
from tests.support.order_builders import a_reachable_platform
from unbind_broker.console.platform_deeds import about
from unbind_broker.console.platform_rows import State
from unbind_broker.console.words import CATALOGUE
from unbind_broker.deliveries.outcomes import Cause, Outcome, OutcomeKind
from unbind_broker.endpoints import health_store
from unbind_broker.endpoints.health import Condition, HealthEventKind
from unbind_broker.endpoints.states import Delivery, PausedBy
from unbind_broker.items.states import Reason
from unbind_broker.orders.states import OrderKind
from unbind_broker.statistics.measures import Family, Measure
from unbind_broker.statistics.tables import platform_days

PAGE = "/console/platforms/weibo"
ZONE = ZoneInfo("Asia/Shanghai")


async def test_page_says_what_is_wrong_and_since_when(console: Console) -> None:
    async with console.engine.begin() as db:
        endpoint = await ill(db, "weibo", Condition.OPEN, "answered 503")
        await health_store.note(
            db, endpoint, HealthEventKind.OPEN, SINCE, "answered 503"
        )
    await console.sign_in()
    for path in (PAGE, f"{PAGE}/live"):
        text = (await console.get(path, accept_language="en")).text
        assert text.count("It answers 503 (its service is unavailable)") == 2
        assert "38 min ago" in text
        assert "Next request that tries" in text
        assert "in 5 min" in text


async def test_page_shows_requests_and_their_answers_as_text(console: Console) -> None:
    platform, order_id = await asked(console)
    async with console.engine.begin() as db:
        await an_attempt(
            db,
            platform.id,
            [order_id],
            kind=OutcomeKind.THROTTLED,
            outcome=Outcome(OutcomeKind.THROTTLED, 503),
            answer_head="<script>alert(1)</script> away",
        )
        await an_attempt(
            db,
            platform.id,
            [order_id],
            kind=OutcomeKind.UNREACHABLE,
            error="TLS: certificate has expired",
            answer_head=None,
        )
    await console.sign_in()
    text = (await console.get(PAGE, accept_language="en")).text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; away" in text
    assert "<script>alert" not in text
    assert "Its TLS certificate has expired" in text
    assert "It answers 503" in text
    assert "DNS 2, connect 4, TLS 9, first byte 31" in text


async def test_older_requests_stand_on_further_pages(console: Console) -> None:
    platform, order_id = await asked(console)
    async with console.engine.begin() as db:
        for minute in range(45):
            at = NOON - timedelta(minutes=minute)
            head = f"answer-{minute:02}"
            await an_attempt(db, platform.id, [order_id], at=at, answer_head=head)
    await console.sign_in()
    path, seen = PAGE, []
    for _ in range(3):
        text = (await console.get(path)).text
        seen.append([n for n in range(45) if f"answer-{n:02}" in text])
        found = text.rpartition("/attempts?before=")[2].partition('"')[0]
        path = f"{PAGE}/attempts?before={found}"
    assert seen == [[*range(10)], [*range(10, 30)], [*range(30, 45)]]
    assert (await console.get(f"{PAGE}/attempts?before=att_x")).status_code == 422


async def test_figures_of_the_month_are_plotted_and_refusals_named(
    console: Console,
) -> None:
    async with console.engine.begin() as db:
        platform = await a_reachable_platform(db)
        counted = {
            Measure.IN_TIME: 3,
            Measure.NOT_IN_TIME: 1,
            Family.REFUSAL + Reason.LEGAL_HOLD.code: 7,
            Family.ACKNOWLEDGEMENT + 10: 20,
        }
        rows = [
            {
                "platform_id": platform.id,
                "day": NOON.date(),
                "kind": OrderKind.UNBIND.code,
                "measure": measure,
                "n": n,
            }
            for measure, n in counted.items()
        ]
        await db.execute(insert(platform_days), rows)
    await console.sign_in()
    text = (await console.get(PAGE, accept_language="zh")).text
    assert "依法须保留" in text
    assert "75.0 %" in text
    assert '<rect class="plot-bar"' in text
    assert "<td>75.0</td>" in text
    listed = (await console.get("/console/platforms", accept_language="zh")).text
    assert "75.0 %" in listed
    assert "3.1 秒" in listed


async def test_page_names_the_host_but_nothing_secret(console: Console) -> None:
    async with console.engine.begin() as db:
        platform = await a_platform(db)
        url = "https://hooks.weibo.com/in?token=geheim"
        made = await an_endpoint(db, platform, url)
    await console.sign_in()
    text = (await console.get(PAGE)).text
    assert "hooks.weibo.com" in text
    assert "geheim" not in text
    assert made.secret.removeprefix("whsec_") not in text


async def test_platform_without_anything_has_a_page_too(console: Console) -> None:
    async with console.engine.begin() as db:
        await a_platform(db)
    await console.sign_in()
    answer = await console.get(PAGE, accept_language="en")
    assert answer.status_code == 200
    assert "Not connected" in answer.text
    assert "It has registered no endpoint" in answer.text
    assert f'action="{PAGE}/pause"' not in answer.text


@pytest.mark.parametrize("slug", ["nobody", "Weibo", "%00", "a%2Fb", "x" * 500])
async def test_what_is_no_platform_has_no_page(console: Console, slug: str) -> None:
    await console.sign_in()
    for path in ("", "/live", "/attempts"):
        answer = await console.get(f"/console/platforms/{slug}{path}")
        assert answer.status_code == 404
    acted = await console.act(f"/console/platforms/{slug}/suspend")
    assert acted.status_code == 404


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0"),
        (7, "7"),
        (10, "10–19"),
        (1234, "1,000–1,999"),
        (99_999, "90,000–99,999"),
    ],
)
def test_counts_that_go_on_are_shown_between_round_numbers(
    count: int, words: str
) -> None:
    assert about(count) == words


def test_everything_that_can_be_the_case_has_words() -> None:
    needed = [
        f"platform.{part}.{state}" for state in State for part in ("state", "means")
    ]
    needed += [f"outcome.{kind}" for kind in OutcomeKind]
    needed += [f"platform.event.{kind}" for kind in HealthEventKind]
    needed += [f"platform.delivery.{one}" for one in Delivery]
    needed += [f"platform.paused_by.{one}" for one in PausedBy]
    needed += [f"cause.{one}" for one in Cause]
    for deed in set(DEEDS) - {"requeue"}:
        needed += [f"platform.{deed}", f"platform.{deed}.warning"]
    assert [key for key in needed if key not in CATALOGUE] == []
