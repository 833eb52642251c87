"""What a carrier sees of an order goes by what it was told."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.order_builders import NUMBER, a_reachable_platform, an_order
from tests.support.sealing import BLIND_INDEX, SEALER
from unbind_broker.base.database import Db
from unbind_broker.base.ids import CarrierId, OrderId
from unbind_broker.items.views import list_orders, read_order
from unbind_broker.orders.states import HoldReason, OrderStatus
from unbind_broker.orders.tables import orders
from unbind_broker.orders.views import OrderFilter

SOON, LATER = NOON + timedelta(hours=1), NOON + timedelta(hours=2)
HELD, WORKING = OrderStatus.HELD, OrderStatus.IN_PROGRESS
COMPLETED, CANCELLED = OrderStatus.COMPLETED, OrderStatus.CANCELLED


async def an_own_order(db: Db, **columns: object) -> tuple[CarrierId, OrderId]:
    carrier = await a_carrier(db)
    await a_reachable_platform(db)
    order_id = await an_order(db, carrier)
    await db.execute(update(orders).values(**columns))
    return carrier.id, order_id


async def listed(db: Db, carrier: CarrierId, **chosen: Any) -> list[OrderId]:
    found = await list_orders(db, carrier, OrderFilter(**chosen), (None, 50), SEALER)
    return [OrderId(order_id) for order_id, _ in found]


@pytest.mark.parametrize(
    ("status", "told_at", "completed_at", "seen", "seen_at"),
    [
        (HELD, None, None, HELD, None),
        (WORKING, None, None, WORKING, None),
        (WORKING, SOON, None, COMPLETED, SOON),
        (HELD, SOON, None, COMPLETED, SOON),
        (COMPLETED, SOON, SOON, COMPLETED, SOON),
        (COMPLETED, SOON, LATER, COMPLETED, SOON),
        (COMPLETED, None, LATER, COMPLETED, LATER),  # from before anybody was told
        (CANCELLED, SOON, SOON, CANCELLED, SOON),
        (CANCELLED, None, LATER, CANCELLED, LATER),
        (CANCELLED, SOON, LATER, COMPLETED, SOON),
        (CANCELLED, SOON, SOON + timedelta(microseconds=1), COMPLETED, SOON),
    ],
)
async def test_an_order_is_seen_as_it_was_told(
    db: Db,
    status: OrderStatus,
    told_at: datetime | None,
    completed_at: datetime | None,
    seen: OrderStatus,
    seen_at: datetime | None,
) -> None:
    carrier, order_id = await an_own_order(
        db,
        status=status,
        told_at=told_at,
        completed_at=completed_at,
        held_for=HoldReason.BRAKED,
    )
    view = await read_order(db, carrier, order_id, SEALER)
    assert view is not None
    assert view["status"] == seen
    shown = None if seen_at is None else seen_at.isoformat().replace("+00:00", "Z")
    assert view["completed_at"] == shown
    for one in OrderStatus:
        found = await listed(db, carrier, status=one)
        assert found == ([order_id] if one is seen else [])


async def test_a_hidden_order_is_nowhere(db: Db) -> None:
    carrier, order_id = await an_own_order(db, hidden=True, reference="R")
    assert await read_order(db, carrier, order_id, SEALER) is None
    assert await listed(db, carrier) == []
    assert await listed(db, carrier, reference="R") == []
    index = BLIND_INDEX.index(NUMBER)
    assert await listed(db, carrier, number_index=index) == []


async def test_hidden_orders_shorten_no_page(db: Db) -> None:
    carrier = await a_carrier(db)
    await a_reachable_platform(db)
    made = [await an_order(db, carrier) for _ in range(6)]
    await db.execute(
        update(orders).where(orders.c.id.in_(made[::2])).values(hidden=True)
    )
    page = await list_orders(db, carrier.id, OrderFilter(), (None, 2), SEALER)
    assert [order_id for order_id, _ in page] == [made[5], made[3]]


async def test_a_destroyed_number_is_stars_and_no_fault(
    db: Db, caplog: pytest.LogCaptureFixture
) -> None:
    carrier, order_id = await an_own_order(
        db,
        status=COMPLETED,
        told_at=SOON,
        completed_at=SOON,
        number_sealed=None,
        number_index=None,
        destroyed_at=LATER,
    )
    view = await read_order(db, carrier, order_id, SEALER)
    assert view is not None
    assert view["number"] == "****"
    assert await listed(db, carrier) == [order_id]
    assert "unreadable" not in caplog.text
