"""Figures of platforms, as they and auditors read them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import bearer
from tests.support.builders import a_carrier, a_key
from tests.support.clock import NOON, FixedClock
from tests.support.counted_history import ZONE
from tests.support.guards import APPLYING, OUTSIDE, removed
from tests.support.joining import a_number
from tests.support.order_builders import a_reachable_platform, an_order, asked
from tests.support.undeliverable import pass_deadlines
from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.callbacks.results import apply
from unbind_broker.carriers.service import Carrier
from unbind_broker.items.item import ItemKey
from unbind_broker.items.service import acknowledge
from unbind_broker.keys.tables import Role
from unbind_broker.notices.ending import settle
from unbind_broker.platforms.profile import Profile
from unbind_broker.platforms.service import Platform, add
from unbind_broker.platforms.tables import World
from unbind_broker.statistics.figures import MOST_ORDERS
from unbind_broker.worker.counting import Counting

OWN, ALL = "/v1/endpoint/stats", "/v1/audit/stats"
_DUE_FIRST = text(
    """
    INSERT INTO orders
    SELECT (jsonb_populate_record(o, jsonb_build_object(
        'id', substr(o.id::text, 1, 24) || lpad(n::text, 12, '0'),
        'deadline', o.created_at))).*
    FROM orders o CROSS JOIN generate_series(1, :more) n
    WHERE o.id = :like"""
)
"""Copies of an order, due before all others."""
TODAY = NOON.date()
Headers = dict[str, str]


@dataclass(frozen=True)
class Past:
    """Two platforms, of which weibo answered some of what it was asked."""

    weibo: Platform
    carrier: Carrier
    keys: dict[str, Headers]


@pytest.fixture
async def past(engine: AsyncEngine, clock: FixedClock) -> Past:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        weibo = await a_reachable_platform(db)
        jd = await a_reachable_platform(db, "jd")
        keys = {
            "weibo": bearer(await a_key(db, weibo)),
            "jd": bearer(await a_key(db, jd)),
            "carrier": bearer(await a_key(db, carrier)),
            "auditor": bearer(await a_key(db, Role.AUDITOR)),
        }
        orders = [
            await an_order(db, carrier, asked(number=a_number(n), platforms=("weibo",)))
            for n in range(5)
        ]
    now = clock.advance(timedelta(seconds=2))
    async with engine.begin() as db:
        await acknowledge(db, now, [ItemKey(one, weibo.id) for one in orders[:4]])
    now = clock.advance(timedelta(hours=1))
    ids = [format_id(Prefix.ORDER, one) for one in orders]
    refusal = {"outcome": "refused", "reason": "legal_hold"}
    lines = [removed(ids[0]), removed(ids[1], OUTSIDE), {"id": ids[2], **refusal}]
    lines.append({"id": ids[2], "outcome": "not_bound"})
    async with engine.begin() as db:
        applied = await apply(db, now, weibo.id, lines, APPLYING)
    async with engine.begin() as db:
        await settle(db, now, applied.touched)
    await count(engine, clock)
    return Past(weibo, carrier, keys)


async def count(engine: AsyncEngine, clock: FixedClock) -> None:
    for step in Counting(engine, clock, ZONE).steps().values():
        while await step() < 1:
            pass


async def read(
    api: AsyncClient, headers: Headers, url: str = OWN, **params: object
) -> Any:
    answer = await api.get(url, headers=headers, params=params)  # type: ignore[arg-type] # dates write themselves
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_platform_reads_how_it_answered(api: AsyncClient, past: Past) -> None:
    figures = await read(api, past.keys["weibo"])
    unbind = figures["by_kind"]["unbind"]
    assert unbind == {
        "asked": 3,
        "acknowledged": 3,
        "in_time": 3,
        "late": 0,
        "never": 0,
        "punctuality": 1.0,
        "acknowledgement_seconds": unbind["acknowledgement_seconds"],
        "result_seconds": unbind["result_seconds"],
        "outcomes": {"unbound": 2, "refused": 1},
        "refusals": {"legal_hold": 1},
        "amended": 0,
    }
    took = [unbind["acknowledgement_seconds"], unbind["result_seconds"]]
    assert [one["measured"] for one in took] == [3, 3]
    assert took[0]["p50"] == pytest.approx(2, rel=0.42)
    assert took[1]["p95"] == pytest.approx(3602, rel=0.42)
    assert (figures["conflicts"], figures["disputes"]) == (1, 0)
    assert figures["violations"] == {"raised": 1, "undone": 0}
    assert figures["counted_until"] == "2026-11-20T05:00:02Z"
    assert (figures["since"], figures["until"]) == ("2026-10-22", "2026-11-20")
    # Two more orders, and one that undoes the violation.
    assert figures["open"] == {"items": 3, "overdue": 0, "among_orders": None}


async def test_what_was_not_answered_in_time_is_never_or_late(
    api: AsyncClient, engine: AsyncEngine, clock: FixedClock, past: Past
) -> None:
    now = clock.advance(timedelta(days=20))
    await pass_deadlines(engine, now)
    await count(engine, clock)
    unbind = (await read(api, past.keys["weibo"]))["by_kind"]["unbind"]
    assert (unbind["in_time"], unbind["late"], unbind["never"]) == (3, 0, 2)
    assert unbind["punctuality"] == 0.6
    assert unbind["outcomes"] | {"unbound": 2} == {
        "unbound": 2,
        "refused": 1,
        "expired": 1,
        "undeliverable": 1,
    }


async def test_directory_shows_how_punctual_platforms_were(
    api: AsyncClient, engine: AsyncEngine, clock: FixedClock, past: Past
) -> None:
    await pass_deadlines(engine, clock.advance(timedelta(days=20)))
    await count(engine, clock)

    async def shown() -> dict[str, float | None]:
        page = await read(api, past.keys["carrier"], "/v1/platforms")
        return {one["slug"]: one["punctuality"] for one in page["data"]}

    # Two orders were never answered, nor the one that undoes the violation.
    assert await shown() == {"jd": None, "weibo": 0.5}
    async with engine.begin() as db:
        await db.execute(text("UPDATE platforms SET sensitive = slug = 'weibo'"))
    assert await shown() == {"jd": None, "weibo": None}
    async with engine.begin() as db:
        await db.execute(text("UPDATE platforms SET sensitive = false"))
    clock.advance(timedelta(days=30))
    assert await shown() == {"jd": None, "weibo": None}


async def test_rehearsals_count_for_whoever_asks_for_them_only(
    api: AsyncClient, engine: AsyncEngine, past: Past
) -> None:
    before = await read(api, past.keys["auditor"], ALL)
    async with engine.begin() as db:
        names = Profile(name_zh="微博测试", name_en="Weibo test")
        test = await add(db, NOON, "weibo-test", names, "test", World.SANDBOX)
        same = """
            INSERT INTO platform_days
            SELECT :test, day, kind, measure, n FROM platform_days
            WHERE platform_id = :weibo"""
        ids = {"test": test.id, "weibo": past.weibo.id}
        await db.execute(text(same), ids)
    after = await read(api, past.keys["auditor"], ALL)
    assert after == before
    chosen = await read(api, past.keys["auditor"], ALL, platform="weibo-test")
    assert [one["platform"] for one in chosen["data"]] == ["weibo-test"]
    assert chosen["totals"] == before["totals"]


async def test_no_rehearsal_hides_what_a_platform_has_open(
    api: AsyncClient, engine: AsyncEngine, past: Past
) -> None:
    before = await read(api, past.keys["weibo"])
    assert before["open"]["items"] > 0
    async with engine.begin() as db:
        twin = await a_carrier(db, "china-unicom")
        wanted = asked(number=a_number(9), platforms=("jd",))
        first = await an_order(db, twin, wanted)
        rehearse = "UPDATE carriers SET sandbox_of = :real WHERE id = :twin"
        await db.execute(text(rehearse), {"real": past.carrier.id, "twin": twin.id})
        await db.execute(_DUE_FIRST, {"like": first, "more": MOST_ORDERS})
    after = await read(api, past.keys["weibo"])
    assert after["open"] == before["open"]
    listed = await read(api, past.keys["auditor"], ALL, platform="weibo")
    assert listed["data"][0]["open"] == before["open"]


async def test_days_outside_the_period_are_left_out(
    api: AsyncClient, past: Past
) -> None:
    before = TODAY - timedelta(days=1)
    found = await read(api, past.keys["weibo"], since=before, until=before)
    assert found["all"]["asked"] == 0
    assert found["all"]["punctuality"] is None
    found = await read(api, past.keys["weibo"], since=TODAY, until=TODAY)
    assert found["all"]["asked"] == 3


async def test_platforms_see_nothing_of_each_other(
    api: AsyncClient, past: Past
) -> None:
    figures = await read(api, past.keys["jd"])
    assert figures["all"]["asked"] == figures["open"]["items"] == 0
    assert figures["attempts"] == {
        "total": 0,
        "accepted": 0,
        "success_share": None,
        "failures": {},
    }


async def test_auditors_compare_platforms_page_by_page(
    api: AsyncClient, past: Past
) -> None:
    first = await read(api, past.keys["auditor"], ALL, limit=1)
    second = await read(
        api, past.keys["auditor"], ALL, limit=1, cursor=first["next_cursor"]
    )
    assert [one["platform"] for one in first["data"] + second["data"]] == [
        "jd",
        "weibo",
    ]
    own = await read(api, past.keys["weibo"])
    assert second["data"][0].items() <= ({**own, "platform": "weibo"}).items()
    assert (second["next_cursor"], second["totals"]) == (None, None)
    assert first["totals"]["all"] == own["all"]


async def test_auditors_choose_a_platform(api: AsyncClient, past: Past) -> None:
    found = await read(api, past.keys["auditor"], ALL, platform="jd")
    assert [one["platform"] for one in found["data"]] == ["jd"]
    assert found["totals"]["all"]["asked"] == 0
    assert (await read(api, past.keys["auditor"], ALL, platform="qq"))["data"] == []


async def test_reading_the_figures_is_an_event(api: AsyncClient, past: Past) -> None:
    await read(api, past.keys["auditor"], ALL, platform="jd")
    events = await read(api, past.keys["auditor"], "/v1/audit/events", limit=1)
    assert events["data"][0]["facts"] == {
        "what": "stats",
        "platform": "jd",
        "since": "2026-10-22",
        "until": "2026-11-20",
    }


@pytest.mark.parametrize("url", [OWN, ALL])
async def test_carriers_read_no_figures(api: AsyncClient, past: Past, url: str) -> None:
    answer = await api.get(url, headers=past.keys["carrier"])
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong-role")


@pytest.mark.parametrize(
    ("since", "until"), [("2026-11-02", "2026-11-01"), ("2025-11-19", "2026-11-20")]
)
async def test_odd_periods_are_refused(
    api: AsyncClient, past: Past, since: str, until: str
) -> None:
    days = {"since": since, "until": until}
    for url, who in ((OWN, "weibo"), (ALL, "auditor")):
        answer = await api.get(url, headers=past.keys[who], params=days)
        assert (answer.status_code, answer.json()["code"]) == (422, "wrong-period")


async def test_a_leap_year_can_be_asked_for_at_once(
    api: AsyncClient, past: Past
) -> None:
    days = {"since": "2028-01-01", "until": "2028-12-31"}
    assert (await read(api, past.keys["weibo"], **days))["all"]["asked"] == 0


async def test_the_first_days_of_all_are_no_error(api: AsyncClient, past: Past) -> None:
    found = await read(api, past.keys["weibo"], until="0001-01-03")
    assert found["since"] == "0001-01-01"
