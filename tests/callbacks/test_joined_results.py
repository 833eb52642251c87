"""What a platform reports of a leader is there for its followers too."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.guards import APPLYING
from tests.support.joining import a_line, a_number, key_of
from tests.support.order_builders import (
    a_reachable_platform,
    an_order,
    asked,
    bring_to,
    item_row,
    order_status,
)
from unbind_broker.base.database import Db
from unbind_broker.base.ids import OrderId
from unbind_broker.callbacks.results import Applied, LineStatus, apply
from unbind_broker.callbacks.tables import violations
from unbind_broker.items import service as items_service
from unbind_broker.items.joining import pass_on
from unbind_broker.items.states import ItemStatus, Reason
from unbind_broker.items.tables import items
from unbind_broker.notices.ending import settle
from unbind_broker.orders.states import OrderStatus
from unbind_broker.orders.tables import orders
from unbind_broker.platforms.service import Platform

LATER = NOON + timedelta(hours=1)
DEADLINE_PASSED = NOON + timedelta(days=30)


class Joined:
    """One order that asked, and two that joined it."""

    def __init__(self, db: Db, platform: Platform, ids: list[OrderId]) -> None:
        self.db = db
        self.platform = platform
        self.leader, *self.followers = ids
        self.all = ids

    async def report(
        self, outcome: str = "unbound", now: datetime = LATER, **fields: object
    ) -> Applied:
        line = a_line(self.leader, outcome, **fields)
        return await apply(self.db, now, self.platform.id, [line], APPLYING)

    async def item(self, order_id: UUID) -> Any:
        return await item_row(self.db, key_of(order_id, self.platform))

    async def statuses(self) -> list[ItemStatus]:
        return [(await self.item(order_id)).status for order_id in self.all]

    async def bring(self, order_id: UUID, status: ItemStatus) -> None:
        await bring_to(self.db, key_of(order_id, self.platform), status)


@pytest.fixture
async def joined(db: Db) -> Joined:
    platform = await a_reachable_platform(db)
    slugs = ("china-mobile", "china-unicom", "china-telecom")
    ids = [await an_order(db, await a_carrier(db, slug)) for slug in slugs]
    return Joined(db, platform, ids)


async def test_a_result_is_there_for_all_and_their_orders_are_touched(
    joined: Joined,
) -> None:
    applied = await joined.report(removed=2, restorable_until="2026-12-24T00:00:00Z")
    assert applied.touched == set(joined.all)
    told = []
    for order_id in joined.all:
        item = await joined.item(order_id)
        told.append((item.status, item.removed, item.finished_at, item.late))
        assert item.restorable_until is not None
        assert item.acknowledged_at == LATER
    assert told == [(ItemStatus.UNBOUND, 2, LATER, False)] * 3
    await settle(joined.db, LATER, applied.touched)
    for order_id in joined.all:
        assert await order_status(joined.db, order_id) is OrderStatus.COMPLETED


async def test_nobody_but_the_leader_is_said_to_have_been_sent(joined: Joined) -> None:
    key = key_of(joined.leader, joined.platform)
    await items_service.acknowledge(joined.db, LATER, [key])
    await joined.report()
    attempts = [(await joined.item(one)).attempts for one in joined.all]
    assert attempts == [1, 0, 0]


async def test_states_on_the_way_are_passed_on(joined: Joined) -> None:
    await joined.report("acknowledged")
    assert await joined.statuses() == [ItemStatus.ACKNOWLEDGED] * 3
    url = "https://weibo.com/confirm"
    applied = await joined.report(
        "action_required", action="confirm_in_app", action_url=url
    )
    assert applied.answers[0].status is LineStatus.RECORDED
    assert await joined.statuses() == [ItemStatus.ACTION_REQUIRED] * 3
    follower = await joined.item(joined.followers[1])
    assert (follower.action_url, follower.finished_at) == (url, None)
    await joined.report("not_bound")
    follower = await joined.item(joined.followers[1])
    assert (follower.status, follower.action_url) == (ItemStatus.NOT_BOUND, None)


async def test_a_correction_is_passed_on(joined: Joined) -> None:
    await joined.report("not_bound")
    much_later = LATER + timedelta(days=1)
    await joined.report("refused", much_later, reason="legal_hold", amend=True)
    for order_id in joined.all:
        item = await joined.item(order_id)
        assert (item.status, item.reason) == (ItemStatus.REFUSED, Reason.LEGAL_HOLD)
        assert item.finished_at == much_later


async def test_a_correction_reaches_those_that_joined_the_result(
    joined: Joined,
) -> None:
    await joined.report("not_bound")
    carrier = await a_carrier(joined.db, "china-broadnet")
    wanted = asked(now=LATER)
    born_final = await an_order(joined.db, carrier, wanted, now=LATER)
    applied = await joined.report("unbound", DEADLINE_PASSED, amend=True)
    assert born_final in applied.touched
    item = await joined.item(born_final)
    assert (item.status, item.late) == (ItemStatus.UNBOUND, False)


async def test_what_contradicts_is_passed_on_to_nobody(joined: Joined) -> None:
    await joined.report("not_bound")
    applied = await joined.report("unbound", LATER + timedelta(hours=1))
    assert applied.answers[0].status is LineStatus.CONFLICT
    assert await joined.statuses() == [ItemStatus.NOT_BOUND] * 3


async def test_each_is_late_by_its_own_deadline(joined: Joined) -> None:
    lasting = update(orders).where(orders.c.id == joined.followers[0])
    await joined.db.execute(lasting.values(deadline=DEADLINE_PASSED))
    await joined.report(now=DEADLINE_PASSED)
    lates = [(await joined.item(order_id)).late for order_id in joined.all]
    assert lates == [True, False, True]


@pytest.mark.parametrize("ended", [ItemStatus.EXPIRED, ItemStatus.UNDELIVERABLE])
async def test_a_follower_that_was_given_up_takes_a_result_late(
    joined: Joined, ended: ItemStatus
) -> None:
    await joined.bring(joined.followers[0], ended)
    await joined.report("in_progress")
    assert (await joined.item(joined.followers[0])).status is ended
    await joined.report()
    item = await joined.item(joined.followers[0])
    assert (item.status, item.late) == (ItemStatus.UNBOUND, True)


async def test_a_follower_that_was_called_back_stays_so(joined: Joined) -> None:
    await joined.bring(joined.followers[0], ItemStatus.CANCELLED)
    applied = await joined.report()
    assert applied.touched == {joined.leader, joined.followers[1]}
    assert (await joined.item(joined.followers[0])).status is ItemStatus.CANCELLED


async def test_a_held_follower_takes_its_leaders_result(joined: Joined) -> None:
    held = update(orders).where(orders.c.id == joined.followers[0])
    until = {"status": OrderStatus.HELD, "held_until": DEADLINE_PASSED}
    await joined.db.execute(held.values(until))
    await joined.report()
    assert (await joined.item(joined.followers[0])).status is ItemStatus.UNBOUND


async def test_a_platform_does_not_know_items_that_it_never_saw(
    joined: Joined,
) -> None:
    line = a_line(joined.followers[0])
    applied = await apply(joined.db, LATER, joined.platform.id, [line], APPLYING)
    assert applied.answers[0].status is LineStatus.UNKNOWN
    assert await joined.statuses() == [ItemStatus.QUEUED] * 3


async def test_a_violation_is_raised_once_however_many_joined(joined: Joined) -> None:
    await joined.report(last_bound_at="2025-06-01T00:00:00Z")
    found = await joined.db.execute(select(violations.c.order_id))
    assert found.scalars().all() == [joined.leader]


async def test_the_same_passed_on_again_changes_nothing(joined: Joined) -> None:
    await joined.report()
    leader = [key_of(joined.leader, joined.platform)]
    assert await pass_on(joined.db, LATER + timedelta(hours=1), leader) == set()


async def test_what_ended_without_the_platforms_word_is_not_passed_on(
    joined: Joined,
) -> None:
    await joined.bring(joined.leader, ItemStatus.EXPIRED)
    leader = [key_of(joined.leader, joined.platform)]
    assert await pass_on(joined.db, LATER, leader) == set()


async def test_results_that_nobody_follows_cost_nothing_more(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        platform = await a_reachable_platform(db)
        alone = await an_order(db, carrier, asked(number=a_number(1)))
        leader = await an_order(db, carrier)
        await an_order(db, carrier)
    counts = []
    for order_id in (alone, leader):
        statements: list[str] = []

        def note(*call: object, into: list[str] = statements) -> None:
            into.append(str(call[2]))

        event.listen(engine.sync_engine, "before_cursor_execute", note)
        async with engine.begin() as db:
            await apply(db, LATER, platform.id, [a_line(order_id)], APPLYING)
        event.remove(engine.sync_engine, "before_cursor_execute", note)
        counts.append(len(statements))
    assert counts[1] == counts[0] + 1
    async with engine.connect() as db:
        found = await db.execute(select(items.c.status))
        assert set(found.scalars()) == {ItemStatus.UNBOUND}
