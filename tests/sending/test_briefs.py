import logging
from datetime import timedelta

import pytest
from sqlalchemy import update

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.order_builders import (
    NUMBER,
    a_reachable_platform,
    an_order,
    many_orders,
)
from tests.support.sealing import SEALER
from unbind_broker.base.database import Db
from unbind_broker.base.ids import OrderId
from unbind_broker.base.sealing import Sealer, SecretKey
from unbind_broker.orders.states import OrderStatus
from unbind_broker.orders.tables import orders
from unbind_broker.sending.briefs import Briefs


@pytest.fixture
async def order_id(db: Db) -> OrderId:
    carrier = await a_carrier(db)
    await a_reachable_platform(db)
    return await an_order(db, carrier)


async def test_order_is_read_once(db: Db, order_id: OrderId) -> None:
    briefs = Briefs(SEALER)
    found = await briefs.load(db, NOON, [order_id])
    assert found[order_id].number == NUMBER
    assert found[order_id].carrier == "china-mobile"
    again = await briefs.load(db, NOON, [order_id])
    assert again[order_id] is found[order_id]


@pytest.mark.parametrize(
    "status", [OrderStatus.HELD, OrderStatus.COMPLETED, OrderStatus.CANCELLED]
)
async def test_only_orders_in_progress_are_sent(
    db: Db, order_id: OrderId, status: OrderStatus
) -> None:
    await db.execute(update(orders).values(status=status, held_until=NOON))
    assert await Briefs(SEALER).load(db, NOON, [order_id]) == {}


async def test_overdue_order_is_not_sent_unless_its_deadline_moves(
    db: Db, order_id: OrderId
) -> None:
    briefs = Briefs(SEALER)
    found = await briefs.load(db, NOON, [order_id])
    deadline = found[order_id].deadline
    assert await briefs.load(db, deadline, [order_id]) == {}
    later = deadline + timedelta(days=1)
    await db.execute(update(orders).values(deadline=later))
    moved = await briefs.load(db, deadline, [order_id])
    assert moved[order_id].deadline == later


async def test_no_more_are_kept_than_allowed(db: Db, order_id: OrderId) -> None:
    briefs = Briefs(SEALER, most=2)
    carrier = await a_carrier(db, "china-unicom")
    first, *others = await many_orders(db, carrier, 3, like=order_id)
    before = await briefs.load(db, NOON, [first])
    await briefs.load(db, NOON, others)
    after = await briefs.load(db, NOON, [first])
    assert after[first] is not before[first]
    assert after[first] == before[first]


async def test_number_of_an_unknown_key_is_told_and_left_out(
    db: Db, order_id: OrderId, caplog: pytest.LogCaptureFixture
) -> None:
    other = Sealer([SecretKey(b"another key of thirty-two bytes!")])
    with caplog.at_level(logging.WARNING):
        found = await Briefs(other).load(db, NOON, [order_id])
    assert found[order_id].number is None
    assert [record.message for record in caplog.records] == ["number_unreadable"]
