"""Which open items nobody would send, and what is done about them."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, insert, literal, select, text, update

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.order_builders import (
    a_reachable_platform,
    an_order,
    bring_to,
    many_orders,
)
from tests.support.plans import plan_of
from tests.support.trail import trail
from unbind_broker.base.database import Db
from unbind_broker.base.ids import OrderId, PlatformId
from unbind_broker.deadlines import mending
from unbind_broker.deadlines.mending import (
    Walked,
    end_walk,
    last_walk,
    mend_unsendable,
)
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.states import Delivery
from unbind_broker.endpoints.tables import endpoint_leases, endpoints
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import OPEN, ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.orders.states import OrderStatus
from unbind_broker.orders.tables import order_log, orders
from unbind_broker.platforms.tables import World, platforms

FAR = 2**62
MANY = 2000
Deed = Callable[[Db], Awaitable[object]]


@pytest.fixture
async def item(db: Db) -> ItemKey:
    """An item that waits for its first send."""
    carrier = await a_carrier(db)
    platform = await a_reachable_platform(db)
    return ItemKey(await an_order(db, carrier), platform.id)


async def rows(db: Db) -> list[tuple[Any, ...]]:
    """What is to be sent besides first sends."""
    due = select(
        deliveries.c.event,
        deliveries.c.order_id,
        deliveries.c.due_at,
        deliveries.c.attempt,
    )
    return [tuple(row) for row in await db.execute(due)]


async def was_tried(db: Db) -> None:
    await db.execute(update(items).values(attempts=3))


async def has_a_row(db: Db, **values: object) -> None:
    """Let it be behind the cursor, and due at its deadline unless it is said when."""
    await cursor_is_beyond(db)
    (endpoint,) = (await db.execute(select(endpoints.c.id))).scalars()
    order_id, deadline = (
        await db.execute(select(orders.c.id, orders.c.deadline))
    ).one()
    row = {"endpoint_id": endpoint, "order_id": order_id, "due_at": deadline}
    row |= {"event": EventType.UNBIND_REQUESTED, "attempt": 0, **values}
    await db.execute(insert(deliveries).values(row))


async def is_due_again(db: Db) -> None:
    await was_tried(db)
    await has_a_row(db, attempt=3, due_at=NOON + timedelta(hours=9))


async def is_parked_until_its_deadline(db: Db) -> None:
    await was_tried(db)
    await has_a_row(db, attempt=3)


async def is_parked_in_the_last_seconds(db: Db) -> None:
    """Nothing was sent, by a fault of this side: no step of the plan is used up."""
    await db.execute(update(orders).values(deadline=NOON + timedelta(seconds=3)))
    await has_a_row(db)


async def is_asked_once_more_at_its_deadline(db: Db) -> None:
    await has_a_row(db, occasion=UUID(int=7))


async def is_replayed_after_its_deadline(db: Db) -> None:
    await has_a_row(db, replay=True)


async def waits_for_its_platform_to_fetch(db: Db) -> None:
    await was_fetched_without_a_row(db)
    await has_a_row(db)


async def was_taken_in_before_its_platform_was_posted_to(db: Db) -> None:
    await was_tried(db)
    await has_a_row(db)


async def cursor_is_beyond(db: Db) -> None:
    await db.execute(update(endpoint_leases).values(cursor_xid=FAR))


async def log_row_is_gone(db: Db) -> None:
    await db.execute(delete(order_log))


async def is_held(db: Db) -> None:
    await log_row_is_gone(db)
    await db.execute(update(orders).values(status=OrderStatus.HELD))


async def is_overdue(db: Db) -> None:
    await cursor_is_beyond(db)
    await db.execute(update(orders).values(deadline=NOON))


async def follows_another(db: Db) -> None:
    await cursor_is_beyond(db)
    await db.execute(update(items).values(follows=items.c.order_id))


async def was_taken_in_and_lost(db: Db) -> None:
    await cursor_is_beyond(db)
    await db.execute(update(endpoints).values(delivery=Delivery.PULL, url=None))


async def was_fetched_without_a_row(db: Db) -> None:
    await was_tried(db)
    await db.execute(update(endpoints).values(delivery=Delivery.PULL, url=None))


async def is_made_up(db: Db) -> None:
    await cursor_is_beyond(db)
    await db.execute(update(platforms).values(world=World.REHEARSED))


async def is_logged_again(db: Db) -> None:
    """Let it lie behind the cursor in the log, and ahead of it as well."""
    row = select(literal(1), order_log.c.order_id)
    await db.execute(insert(order_log).from_select(["xid", "order_id"], row))


@pytest.mark.parametrize(
    "deed", [was_tried, cursor_is_beyond, log_row_is_gone, was_taken_in_and_lost]
)
async def test_an_item_that_nobody_would_send_is_due_at_once(
    db: Db, item: ItemKey, deed: Deed
) -> None:
    await deed(db)
    tried = (await db.execute(select(items.c.attempts))).scalar_one()
    repaired = await mend_unsendable(db, NOON, [item.order_id])
    assert repaired.total() == 1
    event = EventType.UNBIND_REQUESTED
    assert await rows(db) == [(event, item.order_id, NOON, tried)]


@pytest.mark.parametrize(
    "deed",
    [
        is_logged_again,
        is_due_again,
        is_parked_until_its_deadline,
        is_parked_in_the_last_seconds,
        is_asked_once_more_at_its_deadline,
        is_replayed_after_its_deadline,
        waits_for_its_platform_to_fetch,
        is_held,
        is_overdue,
        follows_another,
        was_fetched_without_a_row,
        is_made_up,
    ],
)
async def test_an_item_that_waits_rightly_is_left_alone(
    db: Db, item: ItemKey, deed: Deed
) -> None:
    await deed(db)
    before = await rows(db)
    assert not await mend_unsendable(db, NOON, [item.order_id])
    assert await rows(db) == before
    assert await trail(db, "invariant") == []


async def test_a_row_that_waits_to_be_fetched_is_due_at_once_where_it_is_posted(
    db: Db, item: ItemKey
) -> None:
    """A process that did not know of the turn may have left it."""
    await was_taken_in_before_its_platform_was_posted_to(db)
    repaired = await mend_unsendable(db, NOON, [item.order_id])
    assert repaired.total() == 1
    assert await rows(db) == [(EventType.UNBIND_REQUESTED, item.order_id, NOON, 0)]
    assert not await mend_unsendable(db, NOON, [item.order_id])


@pytest.mark.parametrize("status", sorted(ItemStatus))
async def test_only_queued_items_need_to_be_sent(
    db: Db, item: ItemKey, status: ItemStatus
) -> None:
    await bring_to(db, item, status)
    await cursor_is_beyond(db)
    repaired = await mend_unsendable(db, NOON, [item.order_id])
    assert bool(repaired) is (status is ItemStatus.QUEUED)
    assert ItemStatus.QUEUED in OPEN


async def test_repairs_are_told_once_and_counted(db: Db, item: ItemKey) -> None:
    await was_tried(db)
    repaired = await mend_unsendable(db, NOON, [item.order_id])
    assert not await mend_unsendable(db, NOON, [item.order_id])
    (fact,) = await trail(db, "invariant")
    assert fact.actor == "broker"
    assert fact.facts == {"items": 1, "orders": 1, "endpoints": sorted(repaired)}
    assert await last_walk(db) == Walked(repaired_total=1)


async def test_the_last_walk_is_kept_beside_all_that_was_repaired(db: Db) -> None:
    assert await last_walk(db) == Walked()
    await end_walk(db, NOON, 7, 0)
    later = NOON + timedelta(minutes=3)
    await end_walk(db, later, 9, 0)
    assert await last_walk(db) == Walked(later, 9, 0, 0)


async def test_a_repair_counts_before_its_walk_has_ended(db: Db, item: ItemKey) -> None:
    await end_walk(db, NOON, 7, 0)
    await was_tried(db)
    await mend_unsendable(db, NOON, [item.order_id])
    assert await last_walk(db) == Walked(NOON, 7, 0, 1)
    await end_walk(db, NOON, 1, 1)
    assert await last_walk(db) == Walked(NOON, 1, 1, 1)


async def test_every_item_of_a_large_table_is_looked_up_by_its_key(db: Db) -> None:
    carrier = await a_carrier(db)
    for place in range(4):
        await a_reachable_platform(db, f"platform-{place}")
    first = await an_order(db, carrier)
    made = await many_orders(db, carrier, MANY, like=first)
    await _schedule_half(db, made)
    for table in ("orders", "items", "order_log", "deliveries"):
        await db.execute(text(f"ANALYZE {table}"))
    values = {"orders": made[::10], "now": NOON}
    plan = await plan_of(db, mending._MEND, values)
    for table in ("orders_2026_11", "items_2026_11", "order_log", "deliveries"):
        assert f"Seq Scan on {table}" not in plan, plan
    assert "order_log_by_order" in plan, plan
    repaired = await mend_unsendable(db, NOON, made[::10])
    assert not repaired


async def _schedule_half(db: Db, made: list[OrderId]) -> None:
    """Let two of the four endpoints have their cursors beyond, and rows instead."""
    ids: list[PlatformId] = list((await db.execute(select(endpoints.c.id))).scalars())
    for endpoint in ids[:2]:
        one = endpoint_leases.c.endpoint_id == endpoint
        await db.execute(update(endpoint_leases).where(one).values(cursor_xid=FAR))
        await db.execute(
            insert(deliveries),
            [
                {
                    "endpoint_id": endpoint,
                    "due_at": NOON,
                    "event": EventType.UNBIND_REQUESTED,
                    "order_id": order_id,
                    "attempt": 1,
                }
                for order_id in made
            ],
        )
    others = endpoint_leases.c.endpoint_id.in_(ids[2:])
    await db.execute(update(endpoint_leases).where(others).values(cursor_xid=0))
