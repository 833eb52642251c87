import json
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
from unbind_broker.base.ids import OrderId, Prefix, format_id, new_uuid7
from unbind_broker.base.sealing import Sealer, SecretKey
from unbind_broker.orders.sealed_numbers import seal_attestation
from unbind_broker.orders.states import OrderKind, OrderStatus
from unbind_broker.orders.tables import orders
from unbind_broker.sending.briefs import FRESH, Briefs


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


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Loops of other tests' workers may tell of theirs meanwhile."""
    own = [one for one in caplog.records if one.name.endswith(".briefs")]
    return [one.message for one in own]


async def test_number_of_an_unknown_key_is_told_and_left_out(
    db: Db, order_id: OrderId, caplog: pytest.LogCaptureFixture
) -> None:
    other = Sealer([SecretKey(b"another key of thirty-two bytes!")])
    with caplog.at_level(logging.WARNING):
        found = await Briefs(other).load(db, NOON, [order_id])
    assert found[order_id].number is None
    assert told(caplog) == ["number_unreadable"]


async def test_order_that_is_held_meanwhile_is_sent_no_more_after_a_second(
    db: Db, order_id: OrderId
) -> None:
    briefs = Briefs(SEALER)
    await briefs.load(db, NOON, [order_id])
    await db.execute(update(orders).values(status=OrderStatus.HELD, held_until=NOON))
    assert await briefs.load(db, NOON + FRESH, [order_id]) != {}
    later = NOON + FRESH + timedelta(milliseconds=1)
    assert await briefs.load(db, later, [order_id]) == {}


async def test_order_that_is_looked_up_again_is_opened_once(
    db: Db, order_id: OrderId
) -> None:
    briefs = Briefs(SEALER)
    found = await briefs.load(db, NOON, [order_id])
    again = await briefs.load(db, NOON + 2 * FRESH, [order_id])
    assert again[order_id] is found[order_id]


async def test_clock_that_was_set_back_keeps_nothing(db: Db, order_id: OrderId) -> None:
    briefs = Briefs(SEALER)
    await briefs.load(db, NOON, [order_id])
    await db.execute(update(orders).values(status=OrderStatus.CANCELLED))
    assert await briefs.load(db, NOON - timedelta(hours=1), [order_id]) == {}


async def test_attestation_goes_with_its_order(db: Db, order_id: OrderId) -> None:
    sealed = seal_attestation(SEALER, "head.body.signature")
    await db.execute(update(orders).values(attestation_sealed=sealed))
    found = await Briefs(SEALER).load(db, NOON, [order_id])
    assert json.loads(found[order_id].encoded)["attestation"] == "head.body.signature"
    assert "head.body.signature" not in repr(found[order_id])


async def test_order_does_not_go_without_the_attestation_that_it_has(
    db: Db, order_id: OrderId, caplog: pytest.LogCaptureFixture
) -> None:
    other = Sealer([SecretKey(b"another key of thirty-two bytes!")])
    sealed = seal_attestation(other, "head.body.signature")
    await db.execute(update(orders).values(attestation_sealed=sealed))
    with caplog.at_level(logging.WARNING):
        found = await Briefs(SEALER).load(db, NOON, [order_id])
    assert not found[order_id].is_readable
    assert told(caplog) == ["attestation_unreadable"]


async def test_restore_names_what_it_undoes(db: Db, order_id: OrderId) -> None:
    undone = OrderId(new_uuid7(NOON))
    await db.execute(update(orders).values(kind=OrderKind.RESTORE, restores=undone))
    found = await Briefs(SEALER).load(db, NOON, [order_id])
    written = json.loads(found[order_id].encoded)
    assert written["restores"] == format_id(Prefix.ORDER, undone)
