"""Too many bad results stop a carrier's unbinding, and nobody else's."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.guards import (
    APPLYING,
    BRAKE,
    OUTSIDE,
    active_after_cutoff,
    ord_id,
    orders_committed,
    orders_of_their_own,
    removed,
)
from tests.support.order_builders import (
    a_reachable_platform,
    an_order,
    asked,
    item_row,
    order_status,
)
from tests.support.trail import trail
from unbind_broker.base.database import Db
from unbind_broker.base.ids import CarrierId, OrderId
from unbind_broker.callbacks.braking import BrakePolicy, consider, let_go, stop
from unbind_broker.callbacks.results import Applied, apply
from unbind_broker.carriers.brakes import engaged, stopped
from unbind_broker.carriers.marks import Tally, mark, newest
from unbind_broker.carriers.service import Carrier
from unbind_broker.carriers.standing import UnbindingBraked
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.notices.ending import settle
from unbind_broker.notices.tables import notices
from unbind_broker.orders.states import HoldReason, OrderKind, OrderStatus, Scope
from unbind_broker.orders.tables import order_log, orders
from unbind_broker.platforms.service import Platform

LATER = NOON + timedelta(hours=1)
STILL_LATER = NOON + timedelta(hours=2)


@pytest.mark.parametrize(
    ("results", "bad", "over"),
    [
        (4, 4, False),
        (5, 5, True),
        (100, 5, True),
        (249, 5, True),
        (250, 5, False),
        (250, 6, True),
        (1000, 5, False),
        (1000, 20, False),
        (1000, 21, True),
        (0, 0, False),
    ],
)
def test_more_than_the_share_and_at_least_the_least_is_too_much(
    results: int, bad: int, *, over: bool
) -> None:
    assert BRAKE.is_over(Tally(results, bad)) is over


def test_the_share_is_exact_where_binary_fractions_are_not() -> None:
    assert not BrakePolicy(0.29, 1).is_over(Tally(100, 29))
    assert BrakePolicy(0.29, 1).is_over(Tally(100, 30))
    assert not BrakePolicy(1.0, 1).is_over(Tally(7, 7))


async def reported(
    db: Db, platform: Platform, *lines: dict[str, Any]
) -> tuple[Applied, dict[int, Tally]]:
    """Report, and read what was counted so far for each carrier named."""
    applied = await apply(db, LATER, platform.id, lines, APPLYING)
    carriers = set((await db.execute(select(orders.c.carrier_id))).scalars())
    return applied, {one: await newest(db, one, None) for one in carriers}


async def test_every_final_result_counts_and_some_are_bad(db: Db) -> None:
    mobile, unicom = await a_carrier(db), await a_carrier(db, "china-unicom")
    weibo = await a_reachable_platform(db)
    one, two, three, four, five = await orders_of_their_own(db, mobile, 5)
    (other,) = await orders_of_their_own(db, unicom, 1)
    applied, counted = await reported(
        db,
        weibo,
        removed(ord_id(one)),
        removed(ord_id(two), OUTSIDE),
        active_after_cutoff(ord_id(three)),
        {"id": ord_id(four), "outcome": "refused", "reason": "legal_hold"},
        {"id": ord_id(five), "outcome": "in_progress"},
        {"id": ord_id(other), "outcome": "not_bound"},
    )
    assert counted == {mobile.id: Tally(4, 2), unicom.id: Tally(1, 0)}
    assert applied.alarming == {mobile.id}


async def test_an_item_counts_once_and_again_only_if_it_turns_bad(db: Db) -> None:
    mobile = await a_carrier(db)
    weibo = await a_reachable_platform(db)
    (order_id,) = await orders_of_their_own(db, mobile, 1)
    named = ord_id(order_id)
    sums = []
    for line in (
        {"id": named, "outcome": "acknowledged"},
        {"id": named, "outcome": "not_bound"},
        {"id": named, "outcome": "not_bound"},
        removed(named, amend=True),
        removed(named, OUTSIDE, amend=True),
        removed(named, OUTSIDE, amend=True, removed=2),
        {"id": named, "outcome": "not_bound", "amend": True},
    ):
        _, counted = await reported(db, weibo, line)
        sums.append((counted[mobile.id].results, counted[mobile.id].bad))
    assert sums == [(0, 0), (1, 0), (1, 0), (1, 0), (2, 1), (2, 1), (2, 1)]


async def test_queries_and_restores_do_not_count(db: Db) -> None:
    mobile = await a_carrier(db)
    weibo = await a_reachable_platform(db)
    (query,) = await orders_of_their_own(db, mobile, 1, OrderKind.QUERY)
    named = ord_id(query).replace("ord_", "qry_")
    _, counted = await reported(
        db, weibo, {"id": named, "outcome": "refused", "reason": "active_after_cutoff"}
    )
    assert counted == {mobile.id: Tally()}


async def test_what_sensitive_platforms_answer_about_former_holders_does_not_count(
    db: Db,
) -> None:
    mobile = await a_carrier(db)
    dating = await a_reachable_platform(db, "dating", sensitive=True)
    one, two = await orders_of_their_own(db, mobile, 2)
    applied, counted = await reported(
        db, dating, removed(ord_id(one), OUTSIDE), active_after_cutoff(ord_id(two))
    )
    assert counted == {mobile.id: Tally()}
    assert applied.alarming == set()


async def a_carrier_with(
    engine: AsyncEngine, orders_made: int
) -> tuple[Carrier, Platform, list[OrderId]]:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        platform = await a_reachable_platform(db)
    return carrier, platform, await orders_committed(engine, carrier, orders_made)


async def bad_report(
    engine: AsyncEngine, platform: Platform, order_id: OrderId
) -> set[CarrierId]:
    """Report one bad result as the routes do; return who was braked for it."""
    async with engine.begin() as db:
        line = active_after_cutoff(ord_id(order_id))
        applied = await apply(db, LATER, platform.id, [line], APPLYING)
    async with engine.begin() as db:
        return await consider(db, LATER, applied.alarming, BRAKE)


async def test_the_fifth_bad_result_trips_the_brake(engine: AsyncEngine) -> None:
    carrier, platform, made = await a_carrier_with(engine, 6)
    tripped = [await bad_report(engine, platform, one) for one in made]
    assert tripped == [set(), set(), set(), set(), {carrier.id}, set()]
    async with engine.connect() as db:
        (brake,) = await engaged(db)
        assert brake.engaged_by == "broker"
        (notice,) = (await db.execute(select(notices))).all()
    assert notice.event is EventType.CARRIER_BRAKED
    told = json.loads(notice.data)
    assert (told["carrier"], told["results"], told["bad"]) == ("china-mobile", 5, 5)
    assert told["reason"] == brake.reason


async def test_five_of_a_thousand_are_bearable(engine: AsyncEngine) -> None:
    carrier, platform, made = await a_carrier_with(engine, 5)
    async with engine.begin() as db:
        await mark(db, NOON, {carrier.id: Tally(995, 0)})
    assert [await bad_report(engine, platform, one) for one in made] == [set()] * 5


async def test_reports_that_race_engage_it_once(engine: AsyncEngine) -> None:
    carrier, platform, made = await a_carrier_with(engine, 20)
    tripped = await asyncio.gather(
        *(bad_report(engine, platform, order_id) for order_id in made)
    )
    assert sum(carrier.id in one for one in tripped) == 1
    async with engine.connect() as db:
        assert len(await trail(db, "brake.engaged")) == 1
        assert len((await db.execute(select(notices))).all()) == 1


async def test_counting_begins_anew_after_a_release(engine: AsyncEngine) -> None:
    carrier, platform, made = await a_carrier_with(engine, 9)
    for order_id in made[:5]:
        await bad_report(engine, platform, order_id)
    async with engine.begin() as db:
        assert await let_go(db, LATER, carrier.id, "mended", "admin:1")
        assert await consider(db, STILL_LATER, {carrier.id}, BRAKE) == set()
        await mark(db, STILL_LATER, {carrier.id: Tally(4, 4)})
        assert await consider(db, STILL_LATER, {carrier.id}, BRAKE) == set()
        await mark(db, STILL_LATER, {carrier.id: Tally(1, 1)})
        assert await consider(db, STILL_LATER, {carrier.id}, BRAKE) == {carrier.id}


async def test_a_brake_holds_what_is_under_way_and_a_release_sends_it(db: Db) -> None:
    mobile, unicom = await a_carrier(db), await a_carrier(db, "china-unicom")
    await a_reachable_platform(db)
    (own,) = await orders_of_their_own(db, mobile, 1)
    (query,) = await orders_of_their_own(db, mobile, 1, OrderKind.QUERY)
    (other,) = await orders_of_their_own(db, unicom, 1)
    assert await stop(db, LATER, mobile.id, "wrong dates", "admin:1")
    assert not await stop(db, LATER, mobile.id, "wrong dates", "admin:1")
    assert await order_status(db, own) is OrderStatus.HELD
    for going_on in (query, other):
        assert await order_status(db, going_on) is OrderStatus.IN_PROGRESS
    row = (await db.execute(select(orders).where(orders.c.id == own))).one()
    assert (row.held_for, row.held_until) == (HoldReason.BRAKED, None)
    await db.execute(order_log.delete())
    assert await let_go(db, LATER, mobile.id, "mended", "admin:1")
    assert not await let_go(db, LATER, mobile.id, "mended", "admin:1")
    assert await order_status(db, own) is OrderStatus.IN_PROGRESS
    logged = await db.execute(select(order_log.c.order_id))
    assert logged.scalars().all() == [own]
    moves = [one.action for one in await trail(db, "order.")]
    assert moves[-2:] == ["order.held", "order.released"]


async def test_new_unbind_orders_are_refused_and_queries_taken(db: Db) -> None:
    mobile = await a_carrier(db)
    await a_reachable_platform(db)
    await stop(db, NOON, None, "drill", "admin:1")
    with pytest.raises(UnbindingBraked):
        await an_order(db, mobile)
    assert await orders_of_their_own(db, mobile, 1, OrderKind.QUERY)
    await let_go(db, NOON, None, "over", "admin:1")
    assert await order_status(db, await an_order(db, mobile)) is OrderStatus.IN_PROGRESS


async def test_results_of_requests_under_way_are_taken_and_complete_the_order(
    db: Db,
) -> None:
    mobile = await a_carrier(db)
    weibo = await a_reachable_platform(db)
    (order_id,) = await orders_of_their_own(db, mobile, 1)
    await stop(db, NOON, mobile.id, "wrong dates", "admin:1")
    applied, _ = await reported(db, weibo, removed(ord_id(order_id)))
    assert [answer.status.value for answer in applied.answers] == ["recorded"]
    item = await item_row(db, ItemKey(order_id, weibo.id))
    assert item.status is ItemStatus.UNBOUND
    assert await settle(db, LATER, applied.touched) == [order_id]
    await let_go(db, LATER, mobile.id, "mended", "admin:1")
    assert await order_status(db, order_id) is OrderStatus.COMPLETED


async def test_an_undo_window_is_no_brake(db: Db) -> None:
    mobile = await a_carrier(db)
    weibo = await a_reachable_platform(db)
    wanted = asked(scope=Scope.CURRENT_OWNER, platforms=("weibo",))
    order_id = await an_order(db, mobile, wanted)
    await stop(db, NOON, mobile.id, "wrong dates", "admin:1")
    applied, _ = await reported(db, weibo, removed(ord_id(order_id), OUTSIDE))
    assert [answer.status.value for answer in applied.answers] == ["unknown"]
    await let_go(db, NOON, mobile.id, "mended", "admin:1")
    assert await order_status(db, order_id) is OrderStatus.HELD


async def test_a_restore_goes_out_though_the_carrier_is_braked(db: Db) -> None:
    mobile = await a_carrier(db)
    weibo = await a_reachable_platform(db)
    (order_id,) = await orders_of_their_own(db, mobile, 1)
    await stop(db, NOON, None, "drill", "admin:1")
    await reported(db, weibo, removed(ord_id(order_id), OUTSIDE))
    restoring = orders.c.kind == OrderKind.RESTORE
    (restore,) = (await db.execute(select(orders).where(restoring))).all()
    assert restore.status is OrderStatus.IN_PROGRESS


async def test_an_order_that_is_over_for_its_carrier_is_left_alone(db: Db) -> None:
    mobile = await a_carrier(db)
    await a_reachable_platform(db)
    (order_id,) = await orders_of_their_own(db, mobile, 1)
    await db.execute(orders.update().values(told_at=NOON))
    await stop(db, NOON, mobile.id, "wrong dates", "admin:1")
    assert await order_status(db, order_id) is OrderStatus.IN_PROGRESS


async def test_nobody_is_told_of_the_brake_on_all(db: Db) -> None:
    await a_carrier(db)
    assert await stop(db, NOON, None, "drill", "admin:1")
    assert (await stopped(db)).everybody
    assert (await db.execute(select(notices))).all() == []


async def test_requests_that_wait_to_be_repeated_stay_for_the_release(db: Db) -> None:
    mobile = await a_carrier(db)
    await a_reachable_platform(db)
    (order_id,) = await orders_of_their_own(db, mobile, 1)
    waiting = {
        "endpoint_id": 1,
        "due_at": NOON,
        "event": EventType.UNBIND_REQUESTED,
        "order_id": order_id,
        "attempt": 1,
    }
    await db.execute(insert(deliveries).values(waiting))
    await db.execute(order_log.delete())
    await stop(db, NOON, mobile.id, "wrong dates", "admin:1")
    await let_go(db, NOON, mobile.id, "mended", "admin:1")
    left = await db.execute(select(deliveries.c.order_id))
    assert left.scalars().all() == [order_id]
