"""What a new holder means for what older ones asked for, and who is told what."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Row, select, update

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.order_builders import (
    NUMBER,
    OWNER_SINCE,
    POLICY,
    a_query,
    a_reachable_platform,
    an_order,
    asked,
    item_row,
    order_status,
)
from tests.support.trail import trail
from unbind_broker.base.database import Db
from unbind_broker.base.ids import CarrierId, OrderId
from unbind_broker.base.instants import show_instant
from unbind_broker.carriers.service import Carrier
from unbind_broker.deadlines.releasing import release_held
from unbind_broker.endpoints.events import EventType
from unbind_broker.holdings.refusals import OwnershipSuperseded, SinceIsKnownPort
from unbind_broker.holdings.tables import holdings
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus, Reason
from unbind_broker.notices.tables import notices
from unbind_broker.orders.states import HoldReason, OrderKind, OrderStatus, Scope
from unbind_broker.orders.tables import order_log, orders
from unbind_broker.orders.views import show_order_id

NEWER = OWNER_SINCE + timedelta(days=200)
WINDOW = POLICY.undo_window


async def two_carriers(db: Db) -> tuple[Carrier, Carrier]:
    await a_reachable_platform(db)
    return await a_carrier(db, "china-mobile"), await a_carrier(db, "china-unicom")


async def order_row(db: Db, order_id: OrderId) -> Row[Any]:
    return (await db.execute(select(orders).where(orders.c.id == order_id))).one()


async def notices_of(
    db: Db, carrier: Carrier, event: EventType
) -> list[dict[str, Any]]:
    rows = await db.execute(
        select(notices.c.data)
        .where(notices.c.carrier_id == carrier.id, notices.c.event == event)
        .order_by(notices.c.id)
    )
    return [json.loads(data) for data in rows.scalars()]


async def test_the_first_order_enters_its_holder(db: Db) -> None:
    mobile, _ = await two_carriers(db)
    order_id = await an_order(db, mobile)
    row = (await db.execute(select(holdings))).one()
    assert (row.since, row.carrier_id) == (OWNER_SINCE, mobile.id)
    assert row.order_id == order_id
    assert [fact.action for fact in await trail(db, "holding")] == ["holding.claimed"]


@pytest.mark.parametrize("kind", [OrderKind.QUERY, OrderKind.UNBIND])
async def test_an_older_holder_is_refused(db: Db, kind: OrderKind) -> None:
    mobile, unicom = await two_carriers(db)
    await an_order(db, mobile)
    older = asked(kind, owner_since=OWNER_SINCE - timedelta(days=1))
    with pytest.raises(OwnershipSuperseded):
        await an_order(db, unicom, older)


async def test_a_newer_holder_ends_what_older_ones_asked_for(db: Db) -> None:
    mobile, unicom = await two_carriers(db)
    order_id, query_id = await an_order(db, mobile), await a_query(db, mobile)
    await an_order(db, unicom, asked(OrderKind.QUERY, owner_since=NEWER))
    for ended in (order_id, query_id):
        assert await order_status(db, ended) is OrderStatus.CANCELLED
    facts = await trail(db, "order.cancelled")
    assert {fact.facts["reason"] for fact in facts} == {"superseded"}
    assert [fact.actor for fact in facts] == ["carrier:china-unicom"] * 2


async def test_what_was_superseded_says_so(db: Db) -> None:
    mobile, unicom = await two_carriers(db)
    platform = await a_reachable_platform(db, "douyin")
    order_id = await an_order(db, mobile)
    await an_order(db, unicom, asked(owner_since=NEWER))
    item = await item_row(db, ItemKey(order_id, platform.id))
    assert item.status is ItemStatus.CANCELLED
    assert item.reason is Reason.SUPERSEDED


async def test_another_number_is_left_alone(db: Db) -> None:
    mobile, unicom = await two_carriers(db)
    order_id = await an_order(db, mobile)
    other = type(NUMBER)("+8613800005678")
    await an_order(db, unicom, asked(number=other, owner_since=NEWER))
    assert await order_status(db, order_id) is OrderStatus.IN_PROGRESS


async def test_a_disputed_order_is_held_for_the_window(db: Db) -> None:
    mobile, unicom = await two_carriers(db)
    await an_order(db, mobile)
    order_id = await an_order(db, unicom, asked(owner_since=NEWER))
    row = await order_row(db, order_id)
    assert row.status is OrderStatus.HELD
    assert row.held_for is HoldReason.DISPUTED_HOLDING
    assert row.held_until == NOON + WINDOW
    found = await db.execute(select(order_log).where(order_log.c.order_id == order_id))
    assert found.first() is None
    facts = await trail(db, "order.disputed")
    assert [fact.facts["with"] for fact in facts] == ["china-mobile"]


async def test_a_disputed_query_has_its_minutes_after_the_release(db: Db) -> None:
    mobile, unicom = await two_carriers(db)
    await an_order(db, mobile)
    query_id = await a_query(db, unicom, asked(OrderKind.QUERY, owner_since=NEWER))
    row = await order_row(db, query_id)
    assert row.held_for is HoldReason.DISPUTED_HOLDING
    assert row.deadline == NOON + WINDOW + POLICY.query_deadline
    assert query_id in await release_held(db, NOON + WINDOW, 10)


async def test_both_carriers_of_a_dispute_are_told(db: Db) -> None:
    mobile, unicom = await two_carriers(db)
    ended = await an_order(db, mobile, asked(reference="OLD-1"))
    wanted = asked(owner_since=NEWER, reference="NEW-1")
    order_id = await an_order(db, unicom, wanted)
    public = show_order_id(OrderKind.UNBIND, order_id)
    assert await notices_of(db, unicom, EventType.ORDER_DISPUTED) == [
        {
            "order_id": public,
            "orders": [],
            "number": "+86138****1234",
            "reference": "NEW-1",
            "role": "claimant",
        }
    ]
    assert await notices_of(db, unicom, EventType.ORDER_HELD) == [
        {
            "order_id": public,
            "reference": "NEW-1",
            "held_for": "disputed_holding",
            "held_until": show_instant(NOON + WINDOW),
        }
    ]
    assert await notices_of(db, mobile, EventType.ORDER_DISPUTED) == [
        {
            "order_id": None,
            "orders": [show_order_id(OrderKind.UNBIND, ended)],
            "number": "+86138****1234",
            "reference": None,
            "role": "known_holder",
        }
    ]


async def test_the_known_holders_carrier_learns_nothing_of_the_new_one(db: Db) -> None:
    mobile, unicom = await two_carriers(db)
    own = await an_order(db, mobile)
    wanted = asked(owner_since=NEWER, reference="NEW-1")
    order_id = await an_order(db, unicom, wanted)
    rows = await db.execute(select(notices).where(notices.c.carrier_id == mobile.id))
    for row in rows:
        told = row.data.decode()
        hidden = (show_order_id(OrderKind.UNBIND, order_id), "NEW-1", str(NEWER))
        assert not any(word in told for word in hidden)
        assert row.order_id in {None, own}
        assert "unicom" not in told


async def test_one_dispute_is_told_once_to_the_known_holders_carrier(db: Db) -> None:
    mobile, unicom = await two_carriers(db)
    await an_order(db, mobile)
    for _ in range(3):
        await an_order(db, unicom, asked(owner_since=NEWER))
    assert len(await notices_of(db, mobile, EventType.ORDER_DISPUTED)) == 1
    assert len(await notices_of(db, unicom, EventType.ORDER_DISPUTED)) == 3


@pytest.mark.parametrize("unseen", ["hidden", "told"])
async def test_orders_that_a_carrier_cannot_see_end_are_not_named(
    db: Db, unseen: str
) -> None:
    mobile, unicom = await two_carriers(db)
    ended = await an_order(db, mobile)
    change = {"hidden": True} if unseen == "hidden" else {"told_at": NOON}
    await db.execute(update(orders).where(orders.c.id == ended).values(**change))
    await an_order(db, unicom, asked(owner_since=NEWER))
    (told,) = await notices_of(db, mobile, EventType.ORDER_DISPUTED)
    assert told["orders"] == []
    assert await order_status(db, ended) is OrderStatus.CANCELLED


async def test_an_order_held_for_its_undo_window_is_told_to_be_held(db: Db) -> None:
    mobile, _ = await two_carriers(db)
    wanted = asked(scope=Scope.CURRENT_OWNER, platforms=("weibo",))
    await an_order(db, mobile, wanted)
    (told,) = await notices_of(db, mobile, EventType.ORDER_HELD)
    assert told["held_for"] == "undo_window"


async def test_an_order_that_goes_out_at_once_is_told_to_nobody(db: Db) -> None:
    mobile, _ = await two_carriers(db)
    await an_order(db, mobile)
    assert (await db.execute(select(notices))).first() is None


async def test_a_holder_not_confirmed_within_the_freeze_disputes_nothing(
    db: Db,
) -> None:
    mobile, unicom = await two_carriers(db)
    await an_order(db, mobile)
    await age(db, mobile.id)
    order_id = await an_order(db, unicom, asked(owner_since=NEWER))
    assert await order_status(db, order_id) is OrderStatus.IN_PROGRESS
    facts = await trail(db, "holding.superseded")
    assert facts[0].facts == {
        "carrier": "china-mobile",
        "owner_since": "2025-03-01",
        "until": str(NEWER),
    }


async def age(db: Db, carrier_id: CarrierId) -> None:
    long_ago = NOON - POLICY.freeze
    await db.execute(
        update(holdings)
        .where(holdings.c.carrier_id == carrier_id)
        .values(confirmed_at=long_ago, recorded_at=long_ago)
    )


async def test_the_day_of_a_port_that_was_told_is_refused(db: Db) -> None:
    mobile, unicom = await two_carriers(db)
    await an_order(db, mobile)
    day = date(2025, 9, 1)
    wanted = asked(owner_since=OWNER_SINCE)
    await an_order(db, unicom, wanted)
    await db.execute(
        update(holdings).where(holdings.c.carrier_id == unicom.id).values(from_on=day)
    )
    with pytest.raises(SinceIsKnownPort):
        await an_order(db, unicom, asked(owner_since=day))
