"""What is written down of cancellations and notices, and of requests they overtook."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from tests.sending.parts import (
    START,
    a_batch,
    a_cancel,
    a_notice,
    a_target,
    a_work,
    ended,
)
from tests.sending.record_desk import Desk, set_desk
from tests.support.clock import NOON
from tests.support.order_builders import bring_to
from tests.support.trail import trail
from unbind_broker.base.database import Db
from unbind_broker.base.ids import OrderId
from unbind_broker.deliveries import queue
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.deliveries.queue import Due, Subject
from unbind_broker.deliveries.reminders import Occasion, announce_reminders
from unbind_broker.deliveries.tables import attempts, deliveries
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.states import OrderKind, OrderStatus
from unbind_broker.orders.tables import orders
from unbind_broker.sending.finished import Finished
from unbind_broker.sending.lane import Lane
from unbind_broker.sending.payloads import OutgoingReminder
from unbind_broker.sending.read_numbers import ReadNumbers

A_DAY = timedelta(days=1)


@pytest.fixture
async def desk(db: Db) -> Desk:
    return await set_desk(db)


async def queued(desk: Desk) -> list[tuple[OrderId, EventType]]:
    rows = await desk.db.execute(select(deliveries).order_by(deliveries.c.order_id))
    return [(row.order_id, row.event) for row in rows]


async def called_back(desk: Desk, *places: int, **order: object) -> None:
    for place in places:
        one = ItemKey(desk.orders[place], desk.platform_id)
        await bring_to(desk.db, one, ItemStatus.CANCELLED)
    ids = [desk.orders[place] for place in places]
    values = {"status": OrderStatus.CANCELLED, "completed_at": NOON, **order}
    statement = update(orders).where(orders.c.id.in_(ids))
    await desk.db.execute(statement.values(**values))


@pytest.mark.parametrize(
    "kind",
    [
        OutcomeKind.ACCEPTED,
        OutcomeKind.FAILED,
        OutcomeKind.TIMED_OUT,
        OutcomeKind.GONE,
    ],
)
async def test_platform_is_told_of_what_was_cancelled_while_its_request_was_on_its_way(
    desk: Desk, kind: OutcomeKind
) -> None:
    finished = await desk.ended(kind, 0, 1)
    await called_back(desk, 1)
    await desk.write(finished)
    told = [one for one in await queued(desk) if one[1] is EventType.UNBIND_CANCELLED]
    assert told == [(desk.orders[1], EventType.UNBIND_CANCELLED)]
    assert (await desk.item(1)).status is ItemStatus.CANCELLED
    assert (await desk.item(1)).attempts == 2


async def test_request_that_never_left_tells_nobody_of_a_cancellation(
    desk: Desk,
) -> None:
    finished = await desk.ended(OutcomeKind.OWN_FAULT, 0)
    await called_back(desk, 0)
    await desk.write(finished)
    assert EventType.UNBIND_CANCELLED not in {event for _, event in await queued(desk)}


async def test_cancelled_query_tells_nobody(desk: Desk) -> None:
    finished = await desk.ended(OutcomeKind.ACCEPTED, 0)
    await called_back(desk, 0, kind=OrderKind.QUERY, action=None)
    await desk.write(finished)
    assert await queued(desk) == []


async def test_taken_cancellation_is_logged_and_touches_no_item(desk: Desk) -> None:
    await called_back(desk, 0)
    subject = Subject(desk.lane.endpoint_id, EventType.UNBIND_CANCELLED, desk.orders[0])
    await queue.schedule(desk.db, [Due(subject, NOON, 0)])
    before = await desk.item(0)
    work = a_work(None, item=a_cancel(desk.orders[0]))
    batch = a_batch(works=[work], event=EventType.UNBIND_CANCELLED)
    line = {"id": "ord_" + "0" * 26, "outcome": "not_bound"}
    answer = json.dumps({"results": [line]}).encode()
    written = await desk.write(ended(batch, lane=desk.lane, answer=answer))
    assert written.touched == set()
    assert await desk.item(0) == before
    assert await queued(desk) == []
    (logged,) = await desk.db.execute(select(attempts))
    assert logged.event is EventType.UNBIND_CANCELLED
    assert logged.order_ids == [desk.orders[0]]
    assert await trail(desk.db, "attempt.told") != []
    assert await trail(desk.db, "results.reported") == []


async def remind(desk: Desk, occasion: Occasion) -> None:
    await announce_reminders(desk.db, NOON, {desk.orders[0]: occasion})


def of_the_first_reminder(desk: Desk, kind: OutcomeKind) -> Finished:
    content = OutgoingReminder(desk.orders[0], OrderKind.UNBIND, NOON, NOON + A_DAY)
    work = replace(a_work(None, item=content), occasion=Occasion.HALF.value)
    batch = a_batch(works=[work], event=EventType.UNBIND_REMINDER)
    return ended(batch, kind, lane=desk.lane)


@pytest.mark.parametrize(
    "kind", [OutcomeKind.ACCEPTED, OutcomeKind.FAILED, OutcomeKind.PAYLOAD_REFUSED]
)
async def test_later_reminder_stays_whatever_becomes_of_the_one_under_way(
    desk: Desk, kind: OutcomeKind
) -> None:
    await desk.write(await desk.ended(OutcomeKind.ACCEPTED, 0))
    await remind(desk, Occasion.HALF)
    finished = of_the_first_reminder(desk, kind)
    await remind(desk, Occasion.NEARLY_OVER)
    await desk.write(finished)
    (left,) = await desk.db.execute(select(deliveries))
    assert (left.event, left.occasion) == (
        EventType.UNBIND_REMINDER,
        Occasion.NEARLY_OVER.value,
    )
    assert (left.due_at, left.attempt) == (NOON, 0)


async def test_reminder_that_nothing_followed_is_over_once_it_is_taken(
    desk: Desk,
) -> None:
    await desk.write(await desk.ended(OutcomeKind.ACCEPTED, 0))
    await remind(desk, Occasion.HALF)
    await desk.write(of_the_first_reminder(desk, OutcomeKind.ACCEPTED))
    assert await queued(desk) == []


async def test_carriers_notice_is_logged_by_its_own_id(desk: Desk) -> None:
    notice = a_notice()
    batch = a_batch(works=[a_work(None, item=notice)], event=notice.event)
    carriers = Lane(desk.lane.endpoint_id, desk.lane.epoch, START, 9.0, ReadNumbers())
    carriers.retarget(a_target(platform_id=None), 0.0)
    finished = ended(batch, OutcomeKind.FAILED, lane=carriers)
    await desk.write(finished)
    (logged,) = await desk.db.execute(select(attempts))
    assert (logged.event, logged.order_ids) == (notice.event, [notice.notice_id])
    assert await queued(desk) == [(notice.notice_id, notice.event)]
