"""A follower is never sent; when its leader ends without an answer, the oldest is."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text, update

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.fetching import fetch_for
from tests.support.joining import followed_by, key_of
from tests.support.order_builders import (
    a_reachable_platform,
    an_order,
    asked,
    bring_to,
    item_row,
    many_orders,
)
from tests.support.plans import plan_of
from tests.support.sweeping import sweep
from unbind_broker.base.database import Db
from unbind_broker.base.ids import EndpointId, OrderId, PlatformId
from unbind_broker.deadlines.expiring import expire_overdue
from unbind_broker.deliveries import queue
from unbind_broker.deliveries.fetching import take_in
from unbind_broker.deliveries.joining import mend_astray, promote
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.states import Delivery
from unbind_broker.endpoints.tables import endpoints
from unbind_broker.items import joining
from unbind_broker.items.states import ENDED_BY_US, HolderAction, ItemStatus, Reason
from unbind_broker.items.tables import items
from unbind_broker.notices.calling_back import call_back
from unbind_broker.notices.ending import settle
from unbind_broker.orders.positions import start_of
from unbind_broker.orders.states import OrderKind, OrderStatus
from unbind_broker.orders.tables import orders
from unbind_broker.platforms.service import Platform
from unbind_broker.sending import log_reads
from unbind_broker.sending.frontier import Frontier
from unbind_broker.sending.log_reads import Want
from unbind_broker.sending.recheck import still_waiting

LATER = NOON + timedelta(hours=1)


class Queue:
    """Orders of several carriers, all about one number: the first one leads."""

    def __init__(self, db: Db, platform: Platform, ids: Sequence[OrderId]) -> None:
        self.db = db
        self.platform = platform
        self.ids = ids

    async def cancel(self, *places: int) -> None:
        chosen = [self.ids[place] for place in places]
        await call_back(self.db, LATER, chosen, Reason.BY_CARRIER, "test")

    async def bring(self, place: int, status: ItemStatus) -> None:
        await bring_to(self.db, key_of(self.ids[place], self.platform), status)

    async def item(self, place: int) -> Any:
        return await item_row(self.db, key_of(self.ids[place], self.platform))

    async def follows(self) -> list[int | None]:
        """For each order the place of the one that it follows."""
        found = [await followed_by(self.db, one, self.platform) for one in self.ids]
        places = {str(one): place for place, one in enumerate(self.ids)}
        return [None if one is None else places[str(one)] for one in found]

    async def sent_again(self) -> list[tuple[int, EventType]]:
        rows = await self.db.execute(
            select(deliveries.c.order_id, deliveries.c.event).where(
                deliveries.c.event != EventType.UNBIND_CANCELLED
            )
        )
        return [(list(self.ids).index(row.order_id), row.event) for row in rows]

    async def endpoint(self) -> EndpointId:
        found = await self.db.execute(
            select(endpoints.c.id).where(endpoints.c.platform_id == self.platform.id)
        )
        return EndpointId(found.scalar_one())


@pytest.fixture
async def line(db: Db) -> Queue:
    platform = await a_reachable_platform(db)
    carriers = [await a_carrier(db, f"carrier-{place}") for place in range(4)]
    ids = [await an_order(db, carrier) for carrier in carriers]
    return Queue(db, platform, ids)


async def test_the_oldest_follower_is_sent_when_the_leader_is_called_back(
    line: Queue,
) -> None:
    assert await line.follows() == [None, 0, 0, 0]
    await line.cancel(0)
    assert await line.follows() == [None, None, 1, 1]
    assert [(await line.item(place)).followed for place in (1, 2, 3)] == [
        True,
        False,
        False,
    ]
    assert await line.sent_again() == [(1, EventType.UNBIND_REQUESTED)]
    due = await queue.due(line.db, LATER, {await line.endpoint(): 10})
    assert [one.subject.subject_id for one in due if one.attempt == 0] == [line.ids[1]]


async def test_each_in_turn_leads_until_nobody_is_left(line: Queue) -> None:
    for place in range(3):
        await line.cancel(place)
        follows = await line.follows()
        assert follows[place + 1] is None
        assert set(follows[place + 2 :]) <= {place + 1}
        assert await line.sent_again() == [(place + 1, EventType.UNBIND_REQUESTED)]
    await line.cancel(3)
    assert await line.sent_again() == []


async def test_those_that_are_called_back_themselves_are_passed_over(
    line: Queue,
) -> None:
    await line.cancel(1)
    assert await line.follows() == [None, 0, 0, 0]
    await line.cancel(0)
    assert (await line.follows())[2:] == [None, 2]
    assert await line.sent_again() == [(2, EventType.UNBIND_REQUESTED)]


async def test_orders_called_back_together_leave_the_next_one(line: Queue) -> None:
    await line.cancel(0, 1, 2)
    assert (await line.follows())[3] is None
    assert await line.sent_again() == [(3, EventType.UNBIND_REQUESTED)]


async def test_what_the_platform_told_the_leader_counts_no_longer(line: Queue) -> None:
    told = {
        "status": ItemStatus.ACTION_REQUIRED,
        "holder_action": HolderAction.VERIFY_CODE,
        "action_url": "https://weibo.com/confirm",
        "acknowledged_at": NOON,
        "detail": "words",
    }
    await line.db.execute(update(items).values(told))
    await line.cancel(0)
    for place in (1, 2):
        item = await line.item(place)
        assert (item.status, item.attempts) == (ItemStatus.QUEUED, 0)
        assert (item.action_url, item.acknowledged_at, item.detail) == (None,) * 3
        assert item.holder_action is None


@pytest.mark.parametrize("status", sorted(ENDED_BY_US))
async def test_any_end_without_an_answer_sets_the_oldest_free(
    line: Queue, status: ItemStatus
) -> None:
    await line.bring(0, status)
    leader = key_of(line.ids[0], line.platform)
    assert (await promote(line.db, LATER, [leader])).leading == [
        key_of(line.ids[1], line.platform)
    ]


@pytest.mark.parametrize("status", sorted(set(ItemStatus) - ENDED_BY_US))
async def test_nothing_is_sent_while_the_leader_may_answer_or_has(
    line: Queue, status: ItemStatus
) -> None:
    await line.bring(0, status)
    leader = key_of(line.ids[0], line.platform)
    assert (await promote(line.db, LATER, [leader])).leading == []
    assert await line.follows() == [None, 0, 0, 0]


async def test_nothing_ended_is_fine(db: Db) -> None:
    assert await promote(db, LATER, []) == ([], set(), [])
    await mend_astray(db, LATER, [])


async def test_a_query_that_is_overdue_leaves_its_place_to_a_younger_one(
    db: Db,
) -> None:
    platform = await a_reachable_platform(db)
    carrier = await a_carrier(db)
    then = NOON + timedelta(minutes=5)
    first = await an_order(db, carrier, asked(OrderKind.QUERY))
    other = await a_carrier(db, "china-unicom")
    second = await an_order(db, other, asked(OrderKind.QUERY, now=then), now=then)
    assert await followed_by(db, second, platform) == first
    end = NOON + timedelta(minutes=10)
    assert await expire_overdue(db, end, 10) == {first}
    assert await followed_by(db, second, platform) is None
    rows = (await db.execute(select(deliveries))).all()
    assert [(row.order_id, row.event) for row in rows] == [
        (second, EventType.QUERY_REQUESTED)
    ]


async def test_leaders_and_followers_that_end_together_leave_nobody(db: Db) -> None:
    await a_reachable_platform(db)
    carrier = await a_carrier(db)
    for _ in range(3):
        await an_order(db, carrier, asked(OrderKind.QUERY))
    end = NOON + timedelta(minutes=10)
    for expected in (2, 1, 0):
        ended = await expire_overdue(db, end, 2)
        assert len(ended) == expected
        await settle(db, end, ended)
    assert (await db.execute(select(deliveries))).all() == []
    statuses = (await db.execute(select(items.c.status))).scalars()
    assert set(statuses) == {ItemStatus.UNDELIVERABLE}


async def test_a_held_order_leads_but_is_sent_only_when_it_is_released(
    line: Queue,
) -> None:
    held = {"status": OrderStatus.HELD, "held_until": LATER}
    chosen = orders.c.id == line.ids[1]
    await line.db.execute(update(orders).where(chosen).values(held))
    await line.cancel(0)
    assert (await line.follows())[1:] == [None, 1, 1]
    room = {await line.endpoint(): 10}
    assert await queue.due(line.db, LATER, room) == []
    release = {"status": OrderStatus.IN_PROGRESS}
    await line.db.execute(update(orders).where(chosen).values(release))
    assert len(await queue.due(line.db, LATER, room)) == 1


async def test_a_follower_is_read_by_nobody_who_sends(line: Queue) -> None:
    tail = await log_reads.read_tail(line.db, Frontier(start_of(0)), 100)
    waiting = {row.position.order_id for row in tail.rows if row.platforms}
    assert waiting == {line.ids[0]}
    wants = [Want(PlatformId(line.platform.id), Frontier(start_of(0)), 100)]
    behind = await log_reads.read_behind(line.db, wants)
    found = [row.order_id for row in behind[line.platform.id].waiting]
    assert found == [line.ids[0]]
    waits = await still_waiting(line.db, line.platform.id, line.ids)
    assert waits == {line.ids[0]}


async def test_a_follower_is_not_taken_in_by_who_fetches(line: Queue) -> None:
    await line.db.execute(update(endpoints).values(delivery=Delivery.PULL))
    await take_in(line.db, await line.endpoint(), PlatformId(line.platform.id))
    assert await line.sent_again() == [(0, EventType.UNBIND_REQUESTED)]


async def test_a_follower_is_handed_out_once_it_leads(db: Db) -> None:
    platform = await a_reachable_platform(db, delivery=Delivery.PULL)
    carrier = await a_carrier(db)
    first = await an_order(db, carrier)
    second = await an_order(db, carrier)
    assert await fetch_for(db, NOON, platform.id, 10) == [first]
    await call_back(db, LATER, [first], Reason.BY_CARRIER, "test")
    assert await fetch_for(db, LATER, platform.id, 10) == [second]


@pytest.mark.parametrize("has_result", [True, False])
async def test_the_sweep_mends_followers_that_were_left_behind(
    line: Queue, *, has_result: bool
) -> None:
    await line.bring(0, ItemStatus.NOT_BOUND if has_result else ItemStatus.EXPIRED)
    await sweep(line.db, LATER)
    if has_result:
        assert (await line.item(1)).status is ItemStatus.NOT_BOUND
        assert len(await sweep(line.db, LATER)) == 3
    else:
        assert (await line.follows())[1:] == [None, 1, 1]
        assert await line.sent_again() == [(1, EventType.UNBIND_REQUESTED)]


async def test_followers_are_found_by_number_and_key(db: Db) -> None:
    carrier = await a_carrier(db)
    for place in range(5):
        await a_reachable_platform(db, f"platform-{place}")
    order_id = await an_order(db, carrier)
    made = await many_orders(db, carrier, 3000, like=order_id)
    await db.execute(text("UPDATE orders SET number_index = uuid_send(id)"))
    await db.execute(text("UPDATE items SET followed = true"))
    for table in ("orders", "items"):
        await db.execute(text(f"ANALYZE {table}"))
    some: list[UUID] = [*made[::100]]
    named = {"orders": some, "platforms": [1] * len(some), "now": NOON}
    for statement in (joining._PASS_ON, joining._SET_FREE):
        plan = await plan_of(db, statement, named)
        assert "Seq Scan on orders_2026_11" not in plan, plan
        assert "Seq Scan on items_2026_11" not in plan, plan
    plan = await plan_of(db, joining._LOCK_ASTRAY, {"orders": some})
    assert "Seq Scan on items_2026_11" not in plan, plan
