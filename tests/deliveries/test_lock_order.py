"""Whoever works on several rows of ``deliveries`` takes them in one order."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.order_builders import (
    a_reachable_platform,
    an_order,
    many_orders,
)
from tests.support.waiting import eventually
from unbind_broker.base.database import Db, sql
from unbind_broker.base.ids import EndpointId, OrderId, PlatformId
from unbind_broker.deliveries import queue
from unbind_broker.deliveries.announcing import (
    UNSURE,
    fetch_cancelled,
    know_now,
    note_cancelled,
)
from unbind_broker.deliveries.fetching import (
    MovedDeadline,
    push_what_was_fetched,
    wait_by,
)
from unbind_broker.deliveries.queue import Due, Subject, stop_sending
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.states import Delivery
from unbind_broker.endpoints.tables import endpoints
from unbind_broker.items.item import ItemKey

LATE = NOON.replace(year=2200)
_WAITING = sql(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE wait_event_type = 'Lock' AND datname = current_database()"
)
_EARLIER = sql(
    "INSERT INTO deliveries (endpoint_id, due_at, event, order_id, attempt)"
    " SELECT :endpoint, :due, :event, gen_random_uuid(), 1"
    " FROM generate_series(1, 2000)"
)
Place = tuple[EndpointId, PlatformId, list[OrderId]]
Work = Callable[[Db, Place], Awaitable[object]]


async def a_place(db: Db, delivery: Delivery, attempt: int, event: EventType) -> Place:
    """Rows that lie in the table, and are due, in the reverse order of their orders."""
    carrier = await a_carrier(db)
    platform = await a_reachable_platform(db, delivery=delivery)
    first = await an_order(db, carrier)
    orders = sorted([first, *await many_orders(db, carrier, 3, like=first)])
    endpoint: EndpointId = (await db.execute(select(endpoints.c.id))).scalar_one()
    for order_id in reversed(orders):
        await db.execute(
            insert(deliveries).values(
                endpoint_id=endpoint,
                due_at=LATE,
                event=event,
                order_id=order_id,
                attempt=attempt,
            )
        )
    return endpoint, platform.id, orders


async def know(db: Db, place: Place) -> None:
    await know_now(db, [place[0]])


async def fetch(db: Db, place: Place) -> None:
    called_back = EventType.UNBIND_CANCELLED
    found = [Subject(place[0], called_back, one) for one in reversed(place[2])]
    await fetch_cancelled(db, place[0], found)


async def stop(db: Db, place: Place) -> None:
    await stop_sending(db, [ItemKey(one, place[1]) for one in reversed(place[2])])


async def delete(db: Db, place: Place) -> None:
    asked = EventType.UNBIND_REQUESTED
    await queue.delete(db, {Subject(place[0], asked, one) for one in place[2]})


async def note(db: Db, place: Place) -> None:
    await note_cancelled(db, [ItemKey(one, place[1]) for one in reversed(place[2])])


async def wait(db: Db, place: Place) -> None:
    later = LATE + timedelta(days=1)
    await wait_by(db, [MovedDeadline(one, LATE, later) for one in reversed(place[2])])


async def push(db: Db, place: Place) -> None:
    """So few of the rows are due later that these are looked up by their time."""
    values = {"endpoint": place[0], "event": EventType.UNBIND_REQUESTED.code}
    await db.execute(_EARLIER, {**values, "due": NOON})
    await db.execute(sql("ANALYZE deliveries"))
    await push_what_was_fetched(db, NOON, place[0])


@pytest.mark.parametrize(
    ("work", "delivery", "attempt", "event"),
    [
        (know, Delivery.PUSH, UNSURE, EventType.UNBIND_CANCELLED),
        (fetch, Delivery.PULL, 0, EventType.UNBIND_CANCELLED),
        (note, Delivery.PULL, 1, EventType.UNBIND_CANCELLED),
        (wait, Delivery.PULL, 0, EventType.UNBIND_REQUESTED),
        (push, Delivery.PULL, 0, EventType.UNBIND_REQUESTED),
        (stop, Delivery.PUSH, 0, EventType.UNBIND_REQUESTED),
        (delete, Delivery.PUSH, 0, EventType.UNBIND_REQUESTED),
    ],
)
async def test_rows_are_locked_in_the_order_of_their_orders(
    engine: AsyncEngine,
    work: Work,
    delivery: Delivery,
    attempt: int,
    event: EventType,
) -> None:
    async with engine.begin() as db:
        place = await a_place(db, delivery, attempt, event)
    lock = select(deliveries.c.id).order_by(deliveries.c.order_id).with_for_update()
    one = deliveries.c.order_id

    async def do() -> None:
        async with engine.begin() as db:
            await work(db, place)

    async def waits() -> bool:
        async with engine.connect() as db:
            return bool((await db.execute(_WAITING)).scalar_one())

    async with engine.begin() as db:
        await db.execute(lock.where(one == place[2][0]))
        doing = asyncio.create_task(do())
        await eventually(waits)
        # Whoever waits for the first has none of the others yet.
        free = lock.with_for_update(skip_locked=True)
        others = (await db.execute(free.where(one > place[2][0]))).all()
    await doing
    assert len(others) == 3


async def test_rows_of_several_events_are_locked_in_the_order_of_their_codes(
    engine: AsyncEngine,
) -> None:
    """By their words ``restore.requested`` would come first."""
    async with engine.begin() as db:
        place = await a_place(db, Delivery.PUSH, 0, EventType.UNBIND_REQUESTED)
        lies_first = deliveries.c.order_id == place[2][0]
        restores = {"event": EventType.RESTORE_REQUESTED}
        await db.execute(update(deliveries).where(lies_first).values(restores))
    rows = [
        Due(Subject(place[0], event, order_id), NOON, 1)
        for event, order_id in (
            (EventType.RESTORE_REQUESTED, place[2][0]),
            (EventType.UNBIND_REQUESTED, place[2][1]),
        )
    ]

    async def do() -> None:
        async with engine.begin() as db:
            await queue.schedule(db, rows)

    async def waits() -> bool:
        async with engine.connect() as db:
            return bool((await db.execute(_WAITING)).scalar_one())

    lock = select(deliveries.c.id).with_for_update()
    async with engine.begin() as db:
        await db.execute(lock.where(deliveries.c.order_id == place[2][1]))
        doing = asyncio.create_task(do())
        await eventually(waits)
        free = lock.with_for_update(skip_locked=True)
        assert len((await db.execute(free.where(lies_first))).all()) == 1
    await doing
