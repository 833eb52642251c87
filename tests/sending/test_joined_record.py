"""What came of a leader's request is written for those that follow it, too."""

import pytest
from sqlalchemy import select, update

from tests.sending.record_desk import Desk, set_desk
from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.joining import a_line
from tests.support.order_builders import an_order, asked, item_row, order_status
from unbind_broker.base.database import Db
from unbind_broker.base.ids import OrderId
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.notices.ending import settle
from unbind_broker.orders.states import OrderKind, OrderStatus
from unbind_broker.orders.tables import orders
from unbind_broker.platforms.tables import platforms


@pytest.fixture
async def desk(db: Db) -> Desk:
    """Its first order leads, and no other one does."""
    made = await set_desk(db)
    made.orders = made.orders[:1]
    return made


async def a_follower(desk: Desk, slug: str = "china-unicom") -> OrderId:
    order_id = await an_order(desk.db, await a_carrier(desk.db, slug))
    item = await item_row(desk.db, ItemKey(order_id, desk.platform_id))
    desk.orders = [item.follows, *desk.orders[1:], order_id]
    return order_id


async def test_an_acknowledgement_is_passed_on(desk: Desk) -> None:
    await a_follower(desk)
    await desk.write(await desk.ended(OutcomeKind.ACCEPTED, 0))
    follower = await desk.item(1)
    assert (follower.status, follower.attempts) == (ItemStatus.ACKNOWLEDGED, 0)
    assert follower.acknowledged_at == NOON


async def test_results_in_the_answer_are_passed_on(desk: Desk) -> None:
    order_id = await a_follower(desk)
    answer = {"results": [a_line(desk.orders[0])]}
    written = await desk.write(await desk.ended(OutcomeKind.ACCEPTED, 0, answer=answer))
    assert order_id in written.touched
    await settle(desk.db, NOON, written.touched)
    assert await order_status(desk.db, order_id) is OrderStatus.COMPLETED


async def test_a_payload_refused_for_good_lets_the_next_one_be_sent(
    desk: Desk,
) -> None:
    order_id = await a_follower(desk)
    written = await desk.write(await desk.ended(OutcomeKind.PAYLOAD_REFUSED, 0))
    assert written.touched == {desk.orders[0]}
    assert (await desk.item(0)).status is ItemStatus.UNDELIVERABLE
    follower = await desk.item(1)
    assert (follower.status, follower.follows) == (ItemStatus.QUEUED, None)
    rows = (await desk.db.execute(select(deliveries))).all()
    assert [(row.order_id, row.event, row.due_at) for row in rows] == [
        (order_id, EventType.UNBIND_REQUESTED, NOON)
    ]


async def test_a_failure_changes_nothing_for_followers(desk: Desk) -> None:
    await a_follower(desk)
    await desk.write(await desk.ended(OutcomeKind.FAILED, 0))
    assert (await desk.item(1)).status is ItemStatus.QUEUED
    assert list(await desk.due()) == [desk.orders[0]]


async def a_repetition(desk: Desk) -> OrderId:
    """A query that its carrier has asked twice."""
    carrier = await a_carrier(desk.db, "china-unicom")
    wanted = asked(OrderKind.QUERY)
    desk.orders = [await an_order(desk.db, carrier, wanted) for _ in range(2)]
    return desk.orders[1]


async def test_a_repeated_query_is_told_by_taking_like_the_first(desk: Desk) -> None:
    await desk.db.execute(update(platforms).values(sensitive=True))
    again = await a_repetition(desk)
    written = await desk.write(await desk.ended(OutcomeKind.ACCEPTED, 0))
    assert again in written.touched
    await settle(desk.db, NOON, written.touched)
    seen = select(orders.c.told_at).where(orders.c.id == again)
    assert (await desk.db.execute(seen)).scalar_one() == NOON


async def test_a_payload_refused_for_good_is_refused_for_a_repeated_query(
    desk: Desk,
) -> None:
    again = await a_repetition(desk)
    written = await desk.write(await desk.ended(OutcomeKind.PAYLOAD_REFUSED, 0))
    assert written.touched == set(desk.orders)
    assert (await desk.item(1)).status is ItemStatus.UNDELIVERABLE
    await settle(desk.db, NOON, written.touched)
    assert await order_status(desk.db, again) is OrderStatus.COMPLETED
