import asyncio
from datetime import timedelta
from typing import Any

from sqlalchemy import event, func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier, a_platform, an_endpoint
from tests.support.clock import NOON
from tests.support.guards import APPLYING
from tests.support.joining import a_number
from tests.support.order_builders import (
    a_query,
    a_reachable_platform,
    an_item,
    an_order,
    asked,
    bring_to,
    item_row,
)
from unbind_broker.audit.tables import audit_events
from unbind_broker.base.database import Db
from unbind_broker.base.ids import OrderId, PlatformId, Prefix, format_id
from unbind_broker.callbacks.results import Applied, LineAnswer, LineStatus, apply
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.orders.states import OrderKind, Scope
from unbind_broker.platforms.service import suspend

IN_TIME = NOON + timedelta(hours=1)
BEFORE_CUTOFF = "2024-05-01T00:00:00Z"


def ord_id(key: ItemKey | OrderId) -> str:
    return format_id(Prefix.ORDER, key.order_id if isinstance(key, ItemKey) else key)


def unbound(key: ItemKey | OrderId, **fields: Any) -> dict[str, Any]:
    return {
        "id": ord_id(key),
        "outcome": "unbound",
        "removed": 1,
        "last_bound_at": BEFORE_CUTOFF,
        **fields,
    }


async def report(db: Db, key: ItemKey, *lines: object) -> Applied:
    return await apply(db, IN_TIME, PlatformId(key.platform_id), lines, APPLYING)


def statuses(applied: Applied) -> list[str]:
    return [answer.status.value for answer in applied.answers]


async def test_a_result_is_recorded(db: Db) -> None:
    key = await an_item(db, status=ItemStatus.ACKNOWLEDGED)
    applied = await report(db, key, unbound(key, removed=2))
    assert applied.answers == [LineAnswer(ord_id(key), LineStatus.RECORDED)]
    assert applied.touched == {key.order_id}
    item = await item_row(db, key)
    assert (item.status, item.removed) == (ItemStatus.UNBOUND, 2)
    assert (item.finished_at, item.acknowledged_at) == (IN_TIME, NOON)


async def test_each_line_is_answered_in_its_place(db: Db) -> None:
    key = await an_item(db)
    other = await a_query(db, await a_carrier(db, "china-unicom"))
    applied = await report(
        db,
        key,
        "no object",
        unbound(key),
        unbound(key),
        unbound(key, removed=9),
        {"id": format_id(Prefix.QUERY, other), "outcome": "bound"},
        {"id": "ord_nothing", "outcome": "not_bound"},
        {"id": ord_id(key), "outcome": "bound"},
    )
    assert statuses(applied) == [
        "rejected",
        "recorded",
        "duplicate",
        "conflict",
        "rejected",
        "unknown",
        "rejected",
    ]
    codes = [answer.code for answer in applied.answers]
    assert codes[0] == "line-invalid"
    assert codes[4] == "bound-at-missing"
    assert codes[6] == "outcome-not-possible"
    assert (await item_row(db, key)).removed == 1


async def test_lines_about_one_item_build_on_each_other(db: Db) -> None:
    key = await an_item(db)
    applied = await report(
        db,
        key,
        {"id": ord_id(key), "outcome": "acknowledged"},
        {"id": ord_id(key), "outcome": "in_progress"},
        {"id": ord_id(key), "outcome": "not_bound"},
        unbound(key, amend=True),
    )
    assert statuses(applied) == ["recorded"] * 4
    assert (await item_row(db, key)).status is ItemStatus.UNBOUND


async def test_another_platforms_item_is_unknown(db: Db) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db, "weibo")
    other = await a_reachable_platform(db, "douyin")
    order_id = await an_order(db, carrier, asked(platforms=("weibo",)))
    applied = await apply(db, IN_TIME, other.id, [unbound(order_id)], APPLYING)
    assert statuses(applied) == ["unknown"]
    assert applied.touched == set()


async def test_an_item_that_is_held_is_unknown(db: Db) -> None:
    carrier = await a_carrier(db)
    platform = await a_reachable_platform(db)
    wanted = asked(scope=Scope.CURRENT_OWNER, platforms=("weibo",))
    order_id = await an_order(db, carrier, wanted)
    applied = await apply(db, IN_TIME, platform.id, [unbound(order_id)], APPLYING)
    assert statuses(applied) == ["unknown"]


async def test_a_result_may_overtake_the_record_of_its_own_request(db: Db) -> None:
    key = await an_item(db, status=ItemStatus.QUEUED)
    assert (await item_row(db, key)).attempts == 0
    assert statuses(await report(db, key, unbound(key))) == ["recorded"]


async def test_a_suspended_platforms_results_are_taken(db: Db) -> None:
    key = await an_item(db, status=ItemStatus.ACKNOWLEDGED)
    await suspend(db, NOON, "weibo", "test")
    assert statuses(await report(db, key, unbound(key))) == ["recorded"]


async def test_a_result_after_the_end_is_late(db: Db) -> None:
    for status in (
        ItemStatus.EXPIRED,
        ItemStatus.UNDELIVERABLE,
        ItemStatus.CANCELLED,
    ):
        carrier = await a_carrier(db, f"carrier-{status}")
        platform = await a_reachable_platform(db, f"platform-{status}")
        wanted = asked(platforms=(platform.slug,))
        key = ItemKey(await an_order(db, carrier, wanted), platform.id)
        await bring_to(db, key, status)
        assert statuses(await report(db, key, unbound(key))) == ["recorded"]
        item = await item_row(db, key)
        assert (item.status, item.late) == (ItemStatus.UNBOUND, True)


async def test_a_result_ends_a_delivery_that_waits(db: Db) -> None:
    carrier = await a_carrier(db)
    platform = await a_platform(db)
    endpoint = (await an_endpoint(db, platform)).endpoint
    reported, other = await an_order(db, carrier), await an_order(db, carrier)
    waiting = [
        {
            "endpoint_id": endpoint.id,
            "due_at": NOON,
            "event": EventType.UNBIND_REQUESTED,
            "order_id": order_id,
            "attempt": 1,
        }
        for order_id in (reported, other)
    ]
    await db.execute(insert(deliveries), waiting)
    await apply(db, IN_TIME, platform.id, [unbound(reported)], APPLYING)
    left = await db.execute(select(deliveries.c.order_id))
    assert left.scalars().all() == [other]


async def facts_of(db: Db, action: str) -> list[Any]:
    found = await db.execute(
        select(audit_events).where(audit_events.c.action == action)
    )
    return list(found.all())


async def test_a_report_is_one_audit_event(db: Db) -> None:
    key = await an_item(db)
    await report(db, key, unbound(key), unbound(key), 5)
    (fact,) = await facts_of(db, "results.reported")
    assert fact.actor == "platform:weibo"
    assert fact.facts["lines"] == {"recorded": 1, "duplicate": 1, "rejected": 1}
    assert fact.facts["outcomes"] == {"unbound": 1}
    assert len(fact.facts["items_sha256"]) == 64


async def test_an_amendment_leaves_the_old_result_in_the_trail(db: Db) -> None:
    key = await an_item(db)
    await report(db, key, {"id": ord_id(key), "outcome": "not_bound"})
    await report(db, key, unbound(key, amend=True))
    (fact,) = await facts_of(db, "result.amended")
    assert fact.order_id == key.order_id
    assert fact.facts["was"]["status"] == "not_bound"
    assert fact.facts["reported"]["status"] == "unbound"


async def test_a_result_after_the_end_is_in_the_trail_with_what_stood_before(
    db: Db,
) -> None:
    key = await an_item(db, status=ItemStatus.EXPIRED)
    await report(db, key, unbound(key), unbound(key))
    (fact,) = await facts_of(db, "result.late")
    assert (fact.actor, fact.order_id) == ("platform:weibo", key.order_id)
    assert fact.facts["was"]["status"] == "expired"
    assert fact.facts["reported"]["status"] == "unbound"


async def test_a_conflict_is_in_the_trail(db: Db) -> None:
    key = await an_item(db)
    await report(db, key, unbound(key))
    applied = await report(db, key, {"id": ord_id(key), "outcome": "not_bound"})
    assert applied.answers[0].status is LineStatus.CONFLICT
    (fact,) = await facts_of(db, "result.conflict")
    assert fact.facts["standing"]["status"] == "unbound"
    assert fact.facts["reported"]["status"] == "not_bound"


async def test_a_query_takes_its_own_outcomes(db: Db) -> None:
    key = await an_item(db, kind=OrderKind.QUERY)
    line = {
        "id": format_id(Prefix.QUERY, key.order_id),
        "outcome": "bound",
        "bindings": 2,
        "last_bound_at": BEFORE_CUTOFF,
    }
    outside = {**line, "last_bound_at": "2025-02-28T16:00:00Z"}
    applied = await report(db, key, outside, line)
    assert applied.answers[0].code == "bound-outside-interval"
    assert statuses(applied) == ["rejected", "recorded"]
    assert (await item_row(db, key)).bindings == 2


async def test_a_full_report_is_written_in_one_statement(engine: AsyncEngine) -> None:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        platform = await a_reachable_platform(db)
        order_ids = [
            await an_order(db, carrier, asked(number=a_number(place)))
            for place in range(100)
        ]
    statements: list[str] = []

    def note(*call: object) -> None:
        statements.append(str(call[2]).strip())

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    async with engine.begin() as db:
        lines = [unbound(order_id) for order_id in order_ids for _ in range(10)]
        applied = await apply(db, IN_TIME, platform.id, lines, APPLYING)
    event.remove(engine.sync_engine, "before_cursor_execute", note)
    assert len(applied.answers) == 1000
    assert statuses(applied).count("recorded") == 100
    assert len([text for text in statements if text.startswith("UPDATE")]) == 1
    assert len(statements) == 7


async def test_of_reports_that_contradict_the_first_stands(engine: AsyncEngine) -> None:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        platform = await a_reachable_platform(db)
        order_ids = [
            await an_order(db, carrier, asked(number=a_number(place)))
            for place in range(20)
        ]

    async def send(removed: int) -> list[str]:
        lines = [unbound(one, removed=removed) for one in order_ids]
        async with engine.begin() as db:
            return statuses(await apply(db, IN_TIME, platform.id, lines, APPLYING))

    answers = await asyncio.gather(*(send(removed) for removed in range(1, 7)))
    won = {
        one: removed
        for removed, answer in enumerate(answers, start=1)
        for one, status in zip(order_ids, answer, strict=True)
        if status == "recorded"
    }
    assert sum(answer.count("recorded") for answer in answers) == len(order_ids)
    assert sum(answer.count("conflict") for answer in answers) == 5 * len(order_ids)
    async with engine.connect() as db:
        found = await db.execute(select(items.c.order_id, items.c.removed))
        assert {row.order_id: row.removed for row in found} == won


async def test_reports_that_meet_never_deadlock_and_agree(engine: AsyncEngine) -> None:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        platform = await a_reachable_platform(db)
        order_ids = [
            await an_order(db, carrier, asked(number=a_number(place)))
            for place in range(40)
        ]

    async def send(place: int) -> list[str]:
        lines = [unbound(one) for one in order_ids[:: 1 if place % 2 else -1]]
        async with engine.begin() as db:
            return statuses(await apply(db, IN_TIME, platform.id, lines, APPLYING))

    answers = await asyncio.gather(*(send(place) for place in range(6)))
    assert sum(answer.count("recorded") for answer in answers) == 40
    assert sum(answer.count("duplicate") for answer in answers) == 200
    async with engine.connect() as db:
        found = await db.execute(
            select(func.count())
            .select_from(audit_events)
            .where(audit_events.c.action == "results.reported")
        )
        assert found.scalar_one() == 6
