"""Cancellations are queued for those that are posted to and those that fetch."""

import pytest
from sqlalchemy import select, update

from tests.support.builders import a_carrier, a_platform, an_endpoint
from tests.support.clock import NOON
from tests.support.order_builders import a_query, a_reachable_platform, an_order
from unbind_broker.base.database import Db
from unbind_broker.base.ids import OrderId
from unbind_broker.carriers.service import Carrier
from unbind_broker.deliveries.announcing import (
    announce_cancelled,
    fetch_cancelled,
    find_cancelled,
    note_cancelled,
)
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.states import Delivery, PausedBy
from unbind_broker.items.item import ItemKey


@pytest.fixture
async def carrier(db: Db) -> Carrier:
    return await a_carrier(db)


async def queued(db: Db) -> list[tuple[OrderId, EventType, int]]:
    due = deliveries.c.due_at == NOON
    rows = await db.execute(select(deliveries).where(due).order_by(deliveries.c.id))
    return [(row.order_id, row.event, row.attempt) for row in rows]


async def test_cancelled_item_is_announced_once(db: Db, carrier: Carrier) -> None:
    platform = await a_reachable_platform(db)
    order = await an_order(db, carrier)
    for _ in range(2):
        await announce_cancelled(db, NOON, [ItemKey(order, platform.id)])
    assert await queued(db) == [(order, EventType.UNBIND_CANCELLED, 0)]


async def test_cancelled_query_is_not_announced(db: Db, carrier: Carrier) -> None:
    platform = await a_reachable_platform(db)
    query = await a_query(db, carrier)
    await announce_cancelled(db, NOON, [ItemKey(query, platform.id)])
    assert await queued(db) == []


async def test_fetching_platform_finds_it_until_it_has_noted_it(
    db: Db, carrier: Carrier
) -> None:
    platform = await a_reachable_platform(db, delivery=Delivery.PULL)
    order = await an_order(db, carrier)
    key = ItemKey(order, platform.id)
    await announce_cancelled(db, NOON, [key])
    await note_cancelled(db, [key])
    endpoint = (await db.execute(select(deliveries.c.endpoint_id))).scalar_one()
    found = await find_cancelled(db, endpoint, 10)
    for _ in range(2):
        assert await find_cancelled(db, endpoint, 10) == found
        assert [one.subject_id for one in found] == [order]
        assert await fetch_cancelled(db, endpoint, found) == found
    await note_cancelled(db, [key])
    assert await fetch_cancelled(db, endpoint, found) == []
    assert await find_cancelled(db, endpoint, 10) == []


async def test_what_is_posted_is_not_noted_by_an_acknowledgement(
    db: Db, carrier: Carrier
) -> None:
    platform = await a_reachable_platform(db)
    order = await an_order(db, carrier)
    await announce_cancelled(db, NOON, [ItemKey(order, platform.id)])
    await db.execute(update(deliveries).values(attempt=1))
    await note_cancelled(db, [ItemKey(order, platform.id)])
    assert len(await queued(db)) == 1


@pytest.mark.parametrize("pause", [PausedBy.OWNER, PausedBy.ADMIN])
async def test_paused_platform_is_told_later(
    db: Db, carrier: Carrier, pause: PausedBy
) -> None:
    platform = await a_platform(db)
    await an_endpoint(db, platform, paused_by=pause)
    order = await an_order(db, carrier)
    await announce_cancelled(db, NOON, [ItemKey(order, platform.id)])
    assert [one for one, *_ in await queued(db)] == [order]
