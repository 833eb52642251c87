"""The log of attempts is read by its index, a bounded part of it at a time."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from tests.support.attempts import an_attempt, endpoint_of
from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.order_builders import a_reachable_platform, an_order, bring_to
from tests.support.plans import plan_of
from unbind_broker.base.database import INSTANT, Db, sql
from unbind_broker.base.ids import AttemptId, EndpointId, OrderId, new_uuid7
from unbind_broker.deliveries import attempt_log, replaying
from unbind_broker.deliveries.attempt_log import (
    LAST_WORDS,
    MOST_LOOKED_AT,
    WantedAttempts,
    find_attempt,
    last_looked_at,
    list_attempts,
)
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.platforms.service import Platform

LOWEST, HIGHEST = UUID(int=0), UUID(int=(1 << 128) - 1)


@pytest.fixture
async def platform(db: Db) -> Platform:
    return await a_reachable_platform(db)


@pytest.fixture
async def order(db: Db, platform: Platform) -> OrderId:
    del platform  # it is there before the order is
    return await an_order(db, await a_carrier(db))


@pytest.fixture
async def endpoint(db: Db, platform: Platform) -> EndpointId:
    return await endpoint_of(db, platform.id)


async def found(db: Db, endpoint: EndpointId, order: OrderId) -> list[AttemptId]:
    rows = await list_attempts(db, endpoint, WantedAttempts(order), None, 50)
    return [one.id for one in rows]


async def test_attempt_reads_back_as_it_was_written(
    db: Db, platform: Platform, endpoint: EndpointId, order: OrderId
) -> None:
    made = await an_attempt(db, platform.id, [order], occasion=UUID(int=3), replay=True)
    assert await find_attempt(db, endpoint, made.id) == made
    assert await list_attempts(db, endpoint, WantedAttempts(), None, 1) == [made]
    assert await find_attempt(db, EndpointId(endpoint + 1), made.id) is None


async def test_attempts_about_an_item_end_a_while_after_it(
    db: Db, platform: Platform, endpoint: EndpointId, order: OrderId
) -> None:
    first = await an_attempt(db, platform.id, [order])
    last = await an_attempt(db, platform.id, [order], at=NOON + LAST_WORDS / 2)
    await an_attempt(db, platform.id, [order], at=NOON + LAST_WORDS)
    assert len(await found(db, endpoint, order)) == 3
    await bring_to(db, ItemKey(order, platform.id), ItemStatus.NOT_BOUND)
    assert await found(db, endpoint, order) == [last.id, first.id]


async def test_what_is_rare_is_looked_for_bit_by_bit(
    db: Db, platform: Platform, endpoint: EndpointId, order: OrderId
) -> None:
    second = timedelta(seconds=1)
    failed = await an_attempt(db, platform.id, [order], kind=OutcomeKind.FAILED)
    for place in range(1, 5):
        await an_attempt(db, platform.id, [order], at=NOON + place * second)
    wanted = WantedAttempts(outcome=OutcomeKind.FAILED)
    pages, behind = [], None
    while True:
        pages.append(await list_attempts(db, endpoint, wanted, behind, 50, most=2))
        behind = await last_looked_at(db, endpoint, wanted, behind, most=2)
        if behind is None:
            break
    assert pages == [[], [], [failed]]


async def test_the_log_is_read_by_its_index(db: Db, endpoint: EndpointId) -> None:
    await db.execute(
        sql(
            "INSERT INTO attempts (id, endpoint_id, event, order_ids, webhook_id,"
            " body_sha256, started_at, outcome, total_ms)"
            " SELECT (lpad(to_hex((extract(epoch FROM CAST(:now AS timestamptz))"
            "  * 1000)::bigint + g), 12, '0') || '7000800000000000000' || 'a')::uuid,"
            " g % 200, 2, '{}', 'msg_1', '\\x01'::bytea, :now, 1, 1"
            " FROM generate_series(1, 20000) g",
            now=INSTANT,
        ),
        {"now": NOON},
    )
    await db.execute(text("ANALYZE attempts"))
    page = {
        "endpoint": endpoint,
        "first": LOWEST,
        "end": HIGHEST,
        "since": None,
        "until": None,
        "outcome": None,
        "subject": None,
        "most": MOST_LOOKED_AT,
        "limit": 51,
    }
    span = {name: page[name] for name in ("endpoint", "first", "end", "most")}
    sent = {"endpoint": endpoint, "behind": LOWEST, "since": NOON - timedelta(days=1)}
    about_one = {**page, "subject": new_uuid7(NOON), "since": NOON}
    newest = await plan_of(db, attempt_log._PAGE, page)
    assert "Index Scan Backward using attempts_2026_11_endpoint_id_id_idx" in newest
    for plan in (
        newest,
        await plan_of(db, attempt_log._PAGE, about_one),
        await plan_of(db, attempt_log._LAST, span),
        await plan_of(db, replaying._SENT, sent),
    ):
        assert "attempts_2026_11_endpoint_id_id_idx" in plan
        assert "Seq Scan on attempts_2026_11" not in plan
