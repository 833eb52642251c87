"""Rows of what must be sent again: who gets them, and when they go."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text, update

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.order_builders import (
    a_reachable_platform,
    an_order,
    bring_to,
    many_orders,
)
from tests.support.plans import plan_of
from unbind_broker.base.database import INSTANT, Db, sql
from unbind_broker.base.ids import EndpointId, OrderId
from unbind_broker.carriers.service import Carrier
from unbind_broker.deliveries import queue
from unbind_broker.deliveries.queue import Due, Subject
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.tables import endpoints
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.states import OrderKind, OrderStatus
from unbind_broker.orders.tables import orders
from unbind_broker.platforms.service import Platform

SECOND = timedelta(seconds=1)


@pytest.fixture
async def carrier(db: Db) -> Carrier:
    return await a_carrier(db)


@pytest.fixture
async def platform(db: Db) -> Platform:
    return await a_reachable_platform(db)


@pytest.fixture
async def endpoint(db: Db, platform: Platform) -> EndpointId:
    found = await db.execute(
        select(endpoints.c.id).where(endpoints.c.platform_id == platform.id)
    )
    return EndpointId(found.scalar_one())


@pytest.fixture
async def order_id(db: Db, carrier: Carrier, endpoint: EndpointId) -> OrderId:
    del endpoint  # it is there before the order is
    return await an_order(db, carrier)


def a_row(
    endpoint: EndpointId, order_id: UUID, due_at: datetime = NOON, attempt: int = 1
) -> Due:
    subject = Subject(endpoint, EventType.UNBIND_REQUESTED, order_id)
    return Due(subject, due_at, attempt)


async def rows(db: Db) -> int:
    return len((await db.execute(select(deliveries.c.id))).all())


async def test_due_row_is_read_and_stays(
    db: Db, endpoint: EndpointId, order_id: OrderId
) -> None:
    row = a_row(endpoint, order_id)
    await queue.schedule(db, [row])
    assert await queue.due(db, NOON, {endpoint: 10}) == [row]
    assert await queue.due(db, NOON, {endpoint: 10}) == [row]


async def test_row_is_not_read_before_its_time(
    db: Db, endpoint: EndpointId, order_id: OrderId
) -> None:
    await queue.schedule(db, [a_row(endpoint, order_id, NOON + SECOND)])
    assert await queue.due(db, NOON, {endpoint: 10}) == []


async def test_nobody_reads_for_an_endpoint_that_is_not_asked_for(
    db: Db, endpoint: EndpointId, order_id: OrderId
) -> None:
    await queue.schedule(db, [a_row(endpoint, order_id)])
    assert await queue.due(db, NOON, {}) == []
    assert await queue.due(db, NOON, {EndpointId(endpoint + 1): 10}) == []


async def test_scheduling_again_moves_the_row(
    db: Db, endpoint: EndpointId, order_id: OrderId
) -> None:
    later = a_row(endpoint, order_id, NOON + SECOND, attempt=2)
    await queue.schedule(db, [a_row(endpoint, order_id)])
    await queue.schedule(db, [later])
    assert await queue.due(db, NOON + SECOND, {endpoint: 10}) == [later]


async def test_subject_named_twice_is_scheduled_once(
    db: Db, endpoint: EndpointId, order_id: OrderId
) -> None:
    later = a_row(endpoint, order_id, NOON + SECOND)
    await queue.schedule(db, [a_row(endpoint, order_id), later])
    assert await queue.due(db, NOON + SECOND, {endpoint: 10}) == [later]


async def test_attempts_beyond_what_a_row_holds_are_cut(
    db: Db, endpoint: EndpointId, order_id: OrderId
) -> None:
    await queue.schedule(db, [a_row(endpoint, order_id, attempt=100_000)])
    (row,) = await queue.due(db, NOON, {endpoint: 1})
    assert row.attempt == 32767


async def test_deleted_row_is_gone(
    db: Db, endpoint: EndpointId, order_id: OrderId
) -> None:
    row = a_row(endpoint, order_id)
    await queue.schedule(db, [row])
    await queue.delete(db, [row.subject, row.subject])
    assert await rows(db) == 0


async def test_nothing_to_do_is_no_fault(db: Db) -> None:
    await queue.schedule(db, [])
    await queue.delete(db, [])
    assert await rows(db) == 0


async def test_room_is_kept_and_the_oldest_come_first(
    db: Db, endpoint: EndpointId, order_id: OrderId, carrier: Carrier
) -> None:
    ids = await many_orders(db, carrier, 6, like=order_id)
    made = [
        a_row(endpoint, one, NOON - place * SECOND) for place, one in enumerate(ids)
    ]
    await queue.schedule(db, made)
    assert await queue.due(db, NOON, {endpoint: 4}) == [*reversed(made)][:4]


@pytest.mark.parametrize(
    "status", [ItemStatus.ACKNOWLEDGED, ItemStatus.UNBOUND, ItemStatus.CANCELLED]
)
async def test_row_of_an_item_that_waits_no_more_is_deleted_in_passing(
    db: Db,
    endpoint: EndpointId,
    order_id: OrderId,
    platform: Platform,
    status: ItemStatus,
) -> None:
    await queue.schedule(db, [a_row(endpoint, order_id)])
    await bring_to(db, ItemKey(order_id, platform.id), status)
    assert await queue.due(db, NOON, {endpoint: 10}) == []
    assert await rows(db) == 0


async def test_row_without_an_item_is_deleted_in_passing(
    db: Db, endpoint: EndpointId
) -> None:
    await queue.schedule(db, [a_row(endpoint, UUID(int=7))])
    assert await queue.due(db, NOON, {endpoint: 10}) == []
    assert await rows(db) == 0


async def test_row_of_a_held_order_waits(
    db: Db, endpoint: EndpointId, order_id: OrderId
) -> None:
    await queue.schedule(db, [a_row(endpoint, order_id)])
    await db.execute(
        update(orders).values(status=OrderStatus.HELD, held_until=NOON + SECOND)
    )
    assert await queue.due(db, NOON, {endpoint: 10}) == []
    assert await rows(db) == 1


async def test_row_at_its_deadline_is_not_sent_and_takes_no_room(
    db: Db, endpoint: EndpointId, order_id: OrderId, carrier: Carrier
) -> None:
    late, timely = await many_orders(db, carrier, 2, like=order_id)
    await db.execute(update(orders).where(orders.c.id == late).values(deadline=NOON))
    row = a_row(endpoint, timely)
    await queue.schedule(db, [a_row(endpoint, late, NOON - SECOND), row])
    assert await queue.due(db, NOON, {endpoint: 1}) == [row]
    assert await rows(db) == 2


async def test_other_events_are_left_to_others(
    db: Db, endpoint: EndpointId, order_id: OrderId
) -> None:
    subject = Subject(endpoint, EventType.ENDPOINT_TEST, order_id)
    await queue.schedule(db, [Due(subject, NOON, 0)])
    assert await queue.due(db, NOON, {endpoint: 10}) == []
    assert await rows(db) == 1


@pytest.mark.parametrize(
    "event", [EventType.UNBIND_CANCELLED, EventType.ORDER_HELD], ids=str
)
@pytest.mark.parametrize(
    "status", [OrderStatus.HELD, OrderStatus.COMPLETED, OrderStatus.CANCELLED]
)
async def test_what_is_no_request_is_due_wherever_its_order_stands(
    db: Db,
    endpoint: EndpointId,
    order_id: OrderId,
    event: EventType,
    status: OrderStatus,
) -> None:
    await db.execute(update(orders).values(status=status, held_until=NOON))
    row = Due(Subject(endpoint, event, order_id), NOON, 2)
    await queue.schedule(db, [row])
    assert await queue.due(db, NOON, {endpoint: 10}) == [row]
    assert await rows(db) == 1


def test_every_kind_of_order_has_its_webhook() -> None:
    assert queue.REQUESTS.keys() == set(OrderKind)


async def test_reading_uses_the_index_whatever_the_size(
    db: Db, endpoint: EndpointId, order_id: OrderId
) -> None:
    await db.execute(
        sql(
            "INSERT INTO deliveries (endpoint_id, due_at, event, order_id, attempt)"
            " SELECT g % 200, :now + g * interval '1 s', 2,"
            " (lpad(to_hex(g), 32, '0'))::uuid, 1 FROM generate_series(1, 20000) g",
            now=INSTANT,
        ),
        {"now": NOON},
    )
    await db.execute(text("ANALYZE deliveries"))
    await queue.schedule(db, [a_row(endpoint, order_id)])
    values = {
        "endpoints": [endpoint] * 50,
        "rooms": [50] * 50,
        "floors": [NOON] * 50,
        "now": NOON,
    }
    plan = await plan_of(db, queue._DUE, values)
    assert "Index Scan using deliveries_due on deliveries" in plan
    assert "Seq Scan on deliveries" not in plan
