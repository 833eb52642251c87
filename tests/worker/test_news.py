"""A whole worker tells carriers how orders get on, and platforms what they owe."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from tests.support.builders import a_carrier, an_endpoint
from tests.support.guards import APPLYING
from tests.support.news import BODIES, news
from tests.support.order_builders import an_order, asked
from tests.support.receiver import Answer, Delivery, Door
from tests.support.waiting import eventually
from tests.worker.stage import CLOCK, Stage, short
from unbind_broker.api.progress_webhooks import UnbindReminder
from unbind_broker.base.ids import OrderId, Prefix, format_id
from unbind_broker.callbacks.results import apply
from unbind_broker.deadlines.tables import order_reminders
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.notices.ending import settle
from unbind_broker.notices.feed import START, read_on
from unbind_broker.orders.states import OrderKind, OrderStatus


@pytest.fixture
async def door(stage: Stage) -> Door:
    """The carrier's own endpoint."""
    made = stage.receiver.door("carrier")
    async with stage.engine.begin() as db:
        posted = await an_endpoint(db, stage.carrier, made.url, now=CLOCK.now())
    made.secrets.append(posted.secret)
    return made


def not_bound(item: dict[str, Any]) -> dict[str, object]:
    return {"id": item["id"], "outcome": "not_bound"}


async def report(stage: Stage, place: int, order_id: OrderId, outcome: str) -> None:
    line = {"id": format_id(Prefix.ORDER, order_id), "outcome": outcome}
    async with stage.engine.begin() as db:
        platform = stage.platforms[place]
        applied = await apply(db, CLOCK.now(), platform, [line], APPLYING)
    async with stage.engine.begin() as db:
        await settle(db, CLOCK.now(), applied.touched)


async def nothing_is_queued(stage: Stage) -> bool:
    return await stage.all(select(deliveries.c.id)) == []


def of_type(door: Door, event: EventType) -> list[Delivery]:
    return [one for one in door.deliveries if one.type == event.value]


@pytest.mark.parametrize(
    ("kind", "event"),
    [
        (OrderKind.QUERY, EventType.QUERY_COMPLETED),
        (OrderKind.UNBIND, EventType.ORDER_COMPLETED),
    ],
)
async def test_the_end_is_told_with_the_bytes_that_the_feed_holds(
    stage: Stage, door: Door, kind: OrderKind, event: EventType
) -> None:
    await stage.add_platforms(2)
    for one in stage.doors:
        one.usual = Answer(results=not_bound)
    async with stage.working():
        (order_id,) = await stage.order(kind=kind)
        await eventually(lambda: door.deliveries)
        await stage.reaches(lambda: nothing_is_queued(stage))
    (told,) = door.deliveries
    assert told.type == event.value
    BODIES[told.type].model_validate_json(told.body)
    assert told.payload["data"]["order_id"] == order_id
    assert told.payload["data"]["summary"] == {"total": 2, "not_bound": 2}
    assert door.rejected == 0
    async with stage.engine.connect() as db:
        (kept,) = await read_on(db, stage.carrier.id, START, 10)
    assert told.webhook_id == format_id(Prefix.EVENT, kept.id)
    assert told.body.endswith(b'"data":' + kept.data + b"}")


async def test_two_workers_tell_once_and_the_feed_needs_no_endpoint(
    stage: Stage, door: Door
) -> None:
    await stage.add_platforms(3)
    for one in stage.doors:
        one.usual = Answer(results=not_bound)
    async with stage.engine.begin() as db:
        other = await a_carrier(db, "china-telecom")
    async with stage.working(), stage.working():
        made = await stage.order(20)
        async with stage.engine.begin() as db:
            now = CLOCK.now()
            theirs = await an_order(db, other, asked(now=now), now=now)
        await eventually(lambda: len(door.deliveries) == 20)
        await stage.reaches(stage.all_are(ItemStatus.NOT_BOUND))
        await stage.reaches(lambda: nothing_is_queued(stage))
        await stage.reaches(lambda: stage.order_is(theirs, OrderStatus.COMPLETED))
    told = [one.payload["data"]["order_id"] for one in door.deliveries]
    assert sorted(told) == sorted(made)
    async with stage.engine.connect() as db:
        kept = await read_on(db, other.id, START, 10)
    assert [(one.event, one.order_id) for one in kept] == [
        (EventType.ORDER_COMPLETED, theirs)
    ]


@pytest.mark.real_time(0.6)
async def test_how_an_order_gets_on_is_told_after_a_while(
    stage: Stage, door: Door
) -> None:
    await stage.add_platforms(2)
    quick = short(update_interval=timedelta(seconds=1))
    async with stage.working(quick), stage.working(quick):
        await stage.reaches(stage.all_leased)  # both are sent to at once
        (order_id,) = await stage.order_ids()
        await eventually(lambda: len(door.deliveries) == 1)
        await report(stage, 0, order_id, "not_bound")
        await eventually(lambda: len(door.deliveries) == 2)
        await report(stage, 1, order_id, "not_bound")
        await eventually(lambda: len(door.deliveries) == 3)
        await stage.reaches(lambda: nothing_is_queued(stage))
    assert [one.type for one in door.deliveries] == [
        "order.updated",
        "order.updated",
        "order.completed",
    ]
    second = door.deliveries[1].payload["data"]
    assert second["summary"] == {"total": 2, "acknowledged": 1, "not_bound": 1}
    assert len({one.webhook_id for one in door.deliveries}) == 3
    async with stage.engine.connect() as db:
        assert len(await news(db)) == 3


async def make_due(stage: Stage, order_id: OrderId, share: float) -> None:
    """Let so much of an order's time have passed."""
    whole, now = timedelta(hours=100), CLOCK.now()

    async def enrolled() -> bool:
        return await stage.all(select(order_reminders.c.order_id)) == [order_id]

    await stage.reaches(enrolled)
    created = now - whole * share
    await stage.change_order(order_id, created_at=created, deadline=created + whole)
    async with stage.engine.begin() as db:
        await db.execute(update(order_reminders).values(due_at=now))


async def test_a_platform_is_reminded_of_what_it_owes_twice(stage: Stage) -> None:
    await stage.add_platforms(2)
    done, owing = stage.doors
    done.usual = Answer(results=not_bound)
    async with stage.working():
        (order_id,) = await stage.order_ids()
        await stage.reaches(stage.none_is_queued)
        await make_due(stage, order_id, 0.6)
        await eventually(lambda: len(owing.deliveries) == 2)
        await make_due(stage, order_id, 0.95)
        await eventually(lambda: len(owing.deliveries) == 3)
        await stage.reaches(lambda: nothing_is_queued(stage))
    first, second = of_type(owing, EventType.UNBIND_REMINDER)
    assert len({one.webhook_id for one in owing.deliveries}) == 3
    for one in (first, second):
        UnbindReminder.model_validate_json(one.body)
        assert one.item_ids == [stage.public_id(order_id)]
        assert b"+86" not in one.body
    assert of_type(done, EventType.UNBIND_REMINDER) == []
    assert owing.rejected == 0
    assert sorted(await stage.all(select(items.c.attempts))) == [1, 1]


async def test_a_reminder_is_repeated_until_it_is_taken(stage: Stage) -> None:
    await stage.add_platforms(1)
    (door,) = stage.doors
    async with stage.working():
        (order_id,) = await stage.order_ids()
        await stage.reaches(stage.none_is_queued)
        door.then(Answer(503), Answer(500))
        await make_due(stage, order_id, 0.6)
        await eventually(lambda: len(door.deliveries) == 4)
        await stage.reaches(lambda: nothing_is_queued(stage))
    reminders = of_type(door, EventType.UNBIND_REMINDER)
    assert len({one.webhook_id for one in reminders}) == 1
    assert len({json.dumps(one.payload["data"]) for one in reminders}) == 1


@pytest.mark.real_time(0.1)
async def test_a_reminder_is_dropped_once_the_result_is_there(stage: Stage) -> None:
    await stage.add_platforms(1)
    (door,) = stage.doors
    door.usual = Answer(503)
    door.then(Answer(200))
    plan = short(retry_plan=(timedelta(seconds=1.5),))
    async with stage.working(plan):
        (order_id,) = await stage.order_ids()
        await stage.reaches(stage.none_is_queued)
        await make_due(stage, order_id, 0.6)
        await eventually(lambda: len(door.deliveries) == 2)
        await report(stage, 0, order_id, "not_bound")
        await stage.reaches(lambda: nothing_is_queued(stage))
    assert len(of_type(door, EventType.UNBIND_REMINDER)) == 1


async def test_reminders_of_many_orders_go_together(stage: Stage) -> None:
    await stage.add_platforms(1)
    (door,) = stage.doors
    async with stage.working():
        made = await stage.order_ids(20)
        await stage.reaches(stage.none_is_queued)

        async def enrolled() -> bool:
            return len(await stage.all(select(order_reminders.c.order_id))) == 20

        await stage.reaches(enrolled)
        now = CLOCK.now()
        for order_id in made:
            await stage.change_order(
                order_id,
                created_at=now - timedelta(hours=6),
                deadline=now + timedelta(hours=4),
            )
        async with stage.engine.begin() as db:
            await db.execute(update(order_reminders).values(due_at=now))
        await eventually(lambda: of_type(door, EventType.UNBIND_REMINDER))
        await stage.reaches(lambda: nothing_is_queued(stage))
    (reminder,) = of_type(door, EventType.UNBIND_REMINDER)
    assert sorted(reminder.item_ids) == sorted(stage.public_id(one) for one in made)
