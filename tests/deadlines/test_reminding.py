"""Platforms are reminded at half and nine tenths of an order's time, once each."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.joining import a_number
from tests.support.order_builders import (
    a_reachable_platform,
    an_item,
    an_order,
    asked,
    bring_to,
)
from unbind_broker.base.database import Db
from unbind_broker.deadlines.reminding import (
    Standing,
    Step,
    decide,
    enrol,
    remind,
)
from unbind_broker.deadlines.tables import order_reminders, upkeep_marks
from unbind_broker.deadlines.upkeep import prune_log
from unbind_broker.deliveries.reminders import DONE, HALF, NEARLY_OVER, Occasion
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.states import Delivery
from unbind_broker.endpoints.tables import endpoint_leases, endpoints
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.orders.states import HoldReason, OrderKind, OrderStatus
from unbind_broker.orders.tables import order_log, orders

TIME = timedelta(hours=100)
DEADLINE = NOON + TIME
AT_HALF = NOON + TIME / 2
AT_NINE_TENTHS = NOON + TIME * 0.9
MOMENT = timedelta(microseconds=1)


def standing(mark: int, *, held: bool = False) -> Standing:
    return Standing(mark, NOON, DEADLINE, held)


@pytest.mark.parametrize(
    ("mark", "now", "step"),
    [
        (HALF, AT_HALF - MOMENT, Step(None, HALF, AT_HALF)),
        (HALF, AT_HALF, Step(Occasion.HALF, NEARLY_OVER, AT_NINE_TENTHS)),
        (HALF, AT_NINE_TENTHS, Step(Occasion.NEARLY_OVER, DONE, DEADLINE)),
        (HALF, DEADLINE, Step()),
        (NEARLY_OVER, AT_HALF, Step(None, NEARLY_OVER, AT_NINE_TENTHS)),
        (NEARLY_OVER, AT_NINE_TENTHS, Step(Occasion.NEARLY_OVER, DONE, DEADLINE)),
        (NEARLY_OVER, DEADLINE, Step()),
        (DONE, AT_NINE_TENTHS, Step(None, DONE, DEADLINE)),
        (DONE, DEADLINE, Step()),
    ],
)
def test_each_mark_is_due_once_and_only_the_latest(
    mark: int, now: datetime, step: Step
) -> None:
    assert decide(now, standing(mark)) == step


def test_a_held_order_is_looked_at_again_and_never_after_its_deadline() -> None:
    step = decide(AT_HALF, standing(HALF, held=True))
    assert step == Step(None, HALF, AT_HALF + timedelta(minutes=1))
    last = DEADLINE - timedelta(seconds=1)
    assert decide(last, standing(HALF, held=True)) == Step(None, HALF, DEADLINE)


async def taken(db: Db, status: ItemStatus = ItemStatus.ACKNOWLEDGED) -> ItemKey:
    """An item with 100 hours' time, under the clock."""
    key = await an_item(db, status=status)
    await db.execute(update(orders).values(deadline=DEADLINE))
    await enrol(db, 100)
    return key


async def reminded(db: Db) -> list[tuple[UUID, UUID]]:
    """Which orders' platforms get a reminder, and on which occasion."""
    found = await db.execute(
        select(deliveries.c.order_id, deliveries.c.occasion)
        .where(deliveries.c.event == EventType.UNBIND_REMINDER)
        .order_by(deliveries.c.endpoint_id, deliveries.c.order_id)
    )
    return [(row[0], row[1]) for row in found]


async def rows(db: Db) -> list[tuple[UUID, int, datetime]]:
    found = await db.execute(
        select(
            order_reminders.c.order_id,
            order_reminders.c.mark,
            order_reminders.c.due_at,
        )
    )
    return [(row[0], row[1], row[2]) for row in found]


WAITING = [
    ItemStatus.ACKNOWLEDGED,
    ItemStatus.IN_PROGRESS,
    ItemStatus.ACTION_REQUIRED,
]


@pytest.mark.parametrize("status", ItemStatus)
async def test_who_has_taken_it_and_owes_the_result_is_reminded(
    db: Db, status: ItemStatus
) -> None:
    key = await taken(db, status)
    await remind(db, AT_HALF, 10)
    expected = [(key.order_id, Occasion.HALF.value)] if status in WAITING else []
    assert await reminded(db) == expected


async def test_both_marks_are_reminded_of_once(db: Db) -> None:
    key = await taken(db)
    assert await remind(db, AT_HALF - MOMENT, 10) == 0
    assert await remind(db, AT_HALF, 10) == 1
    await db.execute(delete(deliveries))
    assert await remind(db, AT_NINE_TENTHS - MOMENT, 10) == 0
    assert await reminded(db) == []
    await remind(db, AT_NINE_TENTHS, 10)
    await remind(db, AT_NINE_TENTHS, 10)
    assert await reminded(db) == [(key.order_id, Occasion.NEARLY_OVER.value)]
    assert await rows(db) == [(key.order_id, DONE, DEADLINE)]
    await remind(db, DEADLINE, 10)
    assert await rows(db) == []


async def test_after_an_absence_only_the_latest_mark_counts(db: Db) -> None:
    key = await taken(db)
    await remind(db, AT_NINE_TENTHS + MOMENT, 10)
    assert await reminded(db) == [(key.order_id, Occasion.NEARLY_OVER.value)]


async def test_nobody_is_reminded_after_the_deadline(db: Db) -> None:
    await taken(db)
    await remind(db, DEADLINE, 10)
    assert await reminded(db) == []
    assert await rows(db) == []


async def test_a_later_reminder_takes_the_place_of_one_that_waits(db: Db) -> None:
    key = await taken(db)
    await remind(db, AT_HALF, 10)
    await remind(db, AT_NINE_TENTHS, 10)
    assert await reminded(db) == [(key.order_id, Occasion.NEARLY_OVER.value)]


async def test_queries_are_not_reminded_of(db: Db) -> None:
    await an_item(db, kind=OrderKind.QUERY, status=ItemStatus.ACKNOWLEDGED)
    await enrol(db, 100)
    assert await rows(db) == []


async def test_an_orders_time_begins_when_it_is_released(db: Db) -> None:
    key = await an_item(db, status=ItemStatus.ACKNOWLEDGED)
    held_until = NOON + timedelta(hours=20)
    await db.execute(update(orders).values(deadline=DEADLINE, held_until=held_until))
    await enrol(db, 100)
    assert await rows(db) == [(key.order_id, HALF, NOON + timedelta(hours=60))]


async def test_a_deadline_that_moves_moves_the_marks(db: Db) -> None:
    key = await taken(db)
    moved = DEADLINE + timedelta(hours=10)
    await db.execute(update(orders).values(deadline=moved))
    await remind(db, AT_HALF, 10)
    assert await reminded(db) == []
    assert await rows(db) == [(key.order_id, HALF, NOON + timedelta(hours=55))]


async def test_an_order_under_the_brake_is_reminded_of_after_it(db: Db) -> None:
    key = await taken(db)
    held = {"status": OrderStatus.HELD, "held_for": HoldReason.BRAKED}
    await db.execute(update(orders).values(held))
    await remind(db, AT_HALF, 10)
    assert await reminded(db) == []
    await db.execute(update(orders).values(status=OrderStatus.IN_PROGRESS))
    await remind(db, AT_HALF + timedelta(minutes=1), 10)
    assert await reminded(db) == [(key.order_id, Occasion.HALF.value)]


async def test_a_closed_order_is_forgotten(db: Db) -> None:
    await taken(db)
    closed = {"status": OrderStatus.COMPLETED, "completed_at": NOON, "told_at": NOON}
    await db.execute(update(orders).values(closed))
    await remind(db, AT_HALF, 10)
    assert await reminded(db) == []
    assert await rows(db) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"event_types": ["unbind.requested"]},
        {"delivery": Delivery.PULL},
        {"verified_at": None},
    ],
    ids=lambda changes: next(iter(changes)),
)
async def test_only_endpoints_that_are_posted_to_and_want_it_are_reminded(
    db: Db, changes: dict[str, object]
) -> None:
    await taken(db)
    await db.execute(update(endpoints).values(changes))
    await remind(db, AT_HALF, 10)
    assert await reminded(db) == []


async def test_items_that_joined_others_are_not_reminded_of(db: Db) -> None:
    key = await taken(db)
    await db.execute(update(items).values(follows=key.order_id))
    await remind(db, AT_HALF, 10)
    assert await reminded(db) == []


async def test_steps_are_bounded(db: Db) -> None:
    carrier = await a_carrier(db)
    platform = await a_reachable_platform(db)
    made = [
        await an_order(db, carrier, asked(number=a_number(place))) for place in range(5)
    ]
    for order_id in made:
        await bring_to(db, ItemKey(order_id, platform.id), ItemStatus.ACKNOWLEDGED)
    await db.execute(update(orders).values(deadline=DEADLINE))
    assert [await enrol(db, 2) for _ in range(3)] == [2, 2, 1]
    assert [await remind(db, AT_HALF, 2) for _ in range(4)] == [2, 2, 1, 0]
    assert len(await reminded(db)) == 5


async def test_new_orders_are_enrolled_from_the_log_however_late_they_commit(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as db:
        await enrol(db, 10)
        carrier = await a_carrier(db)
        await a_reachable_platform(db)
    async with engine.connect() as slow, slow.begin() as under_way:
        late = await an_order(slow, carrier, asked(number=a_number(1)))
        async with engine.begin() as db:
            early = await an_order(db, carrier, asked(number=a_number(2)))
        async with engine.begin() as db:
            await enrol(db, 10)
            assert await rows(db) == []  # what commits late might come before it
        await under_way.commit()
    async with engine.begin() as db:
        await enrol(db, 10)
        assert {row[0] for row in await rows(db)} == {late, early}
        assert await enrol(db, 10) <= 1


async def test_what_one_transaction_wrote_is_enrolled_whole_however_much_it_is(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as db:
        await enrol(db, 10)
        carrier = await a_carrier(db)
        await a_reachable_platform(db)
    async with engine.begin() as db:
        made = {
            await an_order(db, carrier, asked(number=a_number(place)))
            for place in range(5)
        }
    async with engine.begin() as db:
        last = await an_order(db, carrier, asked(number=a_number(5)))
    async with engine.begin() as db:
        assert await enrol(db, 2) == 5
        assert {row[0] for row in await rows(db)} == made
        assert await enrol(db, 2) == 1
        assert {row[0] for row in await rows(db)} == {*made, last}
        assert await enrol(db, 2) == 0


async def test_an_order_that_is_released_again_is_not_enrolled_twice(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as db:
        key = await taken(db)
        await remind(db, AT_NINE_TENTHS, 10)
    async with engine.begin() as db:
        await db.execute(update(upkeep_marks).values(last=0))  # the log names it anew
        await enrol(db, 10)
        assert await rows(db) == [(key.order_id, DONE, DEADLINE)]


async def test_the_log_is_kept_until_it_was_read_here(db: Db) -> None:
    await an_item(db)
    await db.execute(update(order_log).values(xid=5))
    await db.execute(update(endpoint_leases).values(cursor_xid=10**9))
    mark = {"name": "reminders", "looked_at": 0, "last": 5, "total": 0}
    await db.execute(insert(upkeep_marks).values(mark))
    assert await prune_log(db, NOON, 10) == 0
    await db.execute(update(upkeep_marks).values(last=6))
    assert await prune_log(db, NOON, 10) == 1
