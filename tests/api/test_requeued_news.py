"""Orders that were over and are open again: carriers hear of it, platforms in time."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import an_endpoint
from tests.support.clock import NOON, FixedClock
from tests.support.news import news
from tests.support.order_api import a_scene, not_bound, query_body
from tests.support.order_builders import bring_to
from tests.support.undeliverable import Desk, a_desk, skipped, uuid_of
from unbind_broker.deadlines.gathering import take_in, tell_gathered
from unbind_broker.deadlines.reminding import enrol, remind
from unbind_broker.deadlines.tables import order_reminders
from unbind_broker.deliveries.reminders import Occasion
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.joining import pass_on
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.tables import orders

TIME = timedelta(hours=100)
NOW = timedelta(0)


@pytest.fixture
async def desk(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Desk]:
    async with a_scene(engine, clock, "weibo", "taobao") as scene:
        async with engine.begin() as db:
            await an_endpoint(db, scene.carrier)
        yield await a_desk(scene)


async def an_order_that_is_over(desk: Desk) -> str:
    """Weibo refuses it for good, taobao is done; it has 100 hours' time."""
    item_id = await desk.order()
    async with desk.engine.begin() as db:
        await db.execute(update(orders).values(deadline=NOON + TIME))
        await enrol(db, 10)
    await desk.refuse(item_id, "weibo")
    await desk.scene.report("taobao", not_bound(item_id))
    assert (await desk.order_of(item_id))["status"] == "completed"
    return item_id


async def gathered(desk: Desk, now: datetime) -> list[dict[str, Any]]:
    async with desk.engine.begin() as db:
        await take_in(db, now, NOW, 100)
        await tell_gathered(db, now, 100)
        return await news(db, "order.updated")


async def test_its_carrier_hears_that_an_order_is_open_again(desk: Desk) -> None:
    item_id = await an_order_that_is_over(desk)
    assert await gathered(desk, NOON) == []
    desk.scene.clock.advance(timedelta(minutes=1))
    await desk.requeue(item_id)
    (told,) = await gathered(desk, desk.scene.clock.now())
    assert told["data"]["order_id"] == item_id
    assert (told["data"]["status"], told["data"]["completed_at"]) == (
        "in_progress",
        None,
    )
    assert told["data"]["summary"] == {"total": 2, "queued": 1, "not_bound": 1}


async def reminded(desk: Desk, share: float) -> list[Occasion]:
    """On which occasion weibo is reminded at this share of the time."""
    async with desk.engine.begin() as db:
        await remind(db, NOON + TIME * share, 10)
        reminder = deliveries.c.event == EventType.UNBIND_REMINDER
        found = await db.execute(select(deliveries.c.occasion).where(reminder))
        occasions = [Occasion(one) for one in found.scalars()]
        await db.execute(delete(deliveries))
    return occasions


@pytest.mark.parametrize(
    ("requeued", "occasions"),
    [
        (0.4, [Occasion.HALF, Occasion.NEARLY_OVER]),
        (0.6, [Occasion.NEARLY_OVER]),
        (0.95, []),
    ],
)
async def test_a_platform_is_reminded_of_what_it_took_after_the_end(
    desk: Desk, requeued: float, occasions: list[Occasion]
) -> None:
    item_id = await an_order_that_is_over(desk)
    for share in (0.5, 0.9):
        if share < requeued:
            assert await reminded(desk, share) == []
    desk.scene.clock.advance(TIME * requeued)
    await desk.requeue(item_id)
    async with desk.engine.begin() as db:
        await bring_to(db, desk.key(item_id, "weibo"), ItemStatus.ACKNOWLEDGED)
    shares = (requeued, 0.5, 0.9)
    found = [await reminded(desk, one) for one in shares if one >= requeued]
    assert [one for some in found for one in some] == occasions


async def test_what_is_under_the_clock_stays_as_it_is(desk: Desk) -> None:
    item_id = await an_order_that_is_over(desk)
    async with desk.engine.connect() as db:
        before = (await db.execute(select(order_reminders))).all()
    desk.scene.clock.advance(TIME * 0.1)
    await desk.requeue(item_id)
    async with desk.engine.connect() as db:
        assert (await db.execute(select(order_reminders))).all() == before


async def test_a_sensitive_platform_is_asked_once_for_a_query_and_its_repetition(
    desk: Desk,
) -> None:
    """The first one is refused, requeued, repeated, and refused again."""
    await desk.scene.add_platform("dating", sensitive=True)
    body, ids = query_body(), []
    for _ in range(2):
        ids.append((await desk.scene.post("/v1/queries", body)).json()["id"])
        await desk.refuse(ids[0], "dating")
        async with desk.engine.begin() as db:
            await pass_on(db, NOON, [desk.key(ids[0], "dating")])
        done = await desk.requeue(platform="dating")
        assert done["requeued"] == 1
    assert [row.order_id for row in await desk.queued()] == [uuid_of(ids[0])]
    named = {"item": ids[1], "platform": "dating"}
    assert skipped(await desk.requeue(items=[named])) == {"joined": 1}
