"""Platforms are told of a cancellation even if nobody knows that they were asked."""

from datetime import timedelta

from sqlalchemy import select, update

from tests.support.guards import APPLYING
from tests.support.receiver import Answer
from tests.support.waiting import eventually
from tests.worker.a_process import a_process, kill
from tests.worker.stage import CLOCK, Stage
from unbind_broker.base.ids import OrderId
from unbind_broker.callbacks.results import apply
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.states import ItemStatus, Reason
from unbind_broker.items.tables import items
from unbind_broker.notices.calling_back import call_back


async def cancel(stage: Stage, order_id: OrderId) -> None:
    async with stage.engine.begin() as db:
        await call_back(
            db, CLOCK.now(), [order_id], Reason.BY_CARRIER, "carrier:china-mobile"
        )


async def announced(stage: Stage) -> bool:
    return bool(await stage.all(select(deliveries.c.id)))


async def test_request_that_its_worker_took_to_the_grave_is_called_back(
    stage: Stage, database_url: str
) -> None:
    await stage.add_platforms(1)
    door = stage.doors[0]
    door.then(Answer(hang=True))
    async with a_process(database_url) as victim:
        await stage.reaches(stage.all_leased)
        (order_id,) = await stage.order_ids()
        await eventually(lambda: door.deliveries)
        await kill(victim, stage)
        assert await stage.all(select(items.c.attempts)) == [0]
        await cancel(stage, order_id)
    async with stage.working():
        await eventually(lambda: len(door.deliveries) == 2)
    told = door.deliveries[1]
    assert told.type == "unbind.cancelled"
    assert told.item_ids == [stage.public_id(order_id)]


async def test_request_that_a_worker_took_to_the_grave_is_called_back_later_too(
    stage: Stage, database_url: str
) -> None:
    await stage.add_platforms(1)
    door = stage.doors[0]
    door.then(Answer(hang=True), Answer(hang=True))
    async with a_process(database_url) as victim:
        await stage.reaches(stage.all_leased)
        (order_id,) = await stage.order_ids()
        await eventually(lambda: door.deliveries)
        await kill(victim, stage)
    async with stage.working():
        await eventually(lambda: len(door.deliveries) == 2)  # asked once more
        await cancel(stage, order_id)
        await eventually(lambda: len(door.deliveries) == 3)
        door.release()
    assert door.deliveries[2].type == "unbind.cancelled"


async def test_platform_that_was_never_asked_is_not_told(stage: Stage) -> None:
    await stage.add_platforms(2)
    idle, other = stage.doors
    await stage.change_endpoint(0, max_rate=0.001)
    async with stage.working():
        await stage.reaches(stage.all_leased)
        (order_id,) = await stage.order_ids()
        await eventually(lambda: other.deliveries)
        await stage.reaches(lambda: stage.one_is(_QUEUED, stage.platforms[0]))
        await cancel(stage, order_id)
        assert await announced(stage)
        soon = update(deliveries).values(due_at=CLOCK.now() - timedelta(seconds=1))
        async with stage.engine.begin() as db:
            await db.execute(soon)
        await eventually(lambda: _is_empty(stage))
    assert idle.deliveries == []
    types = [one.type for one in other.deliveries]
    assert types == [EventType.UNBIND_REQUESTED, EventType.UNBIND_CANCELLED]


async def test_platform_that_reports_on_what_was_called_back_is_told(
    stage: Stage,
) -> None:
    await stage.add_platforms(1)
    (order_id,) = await stage.order_ids()
    await cancel(stage, order_id)
    line = {"id": stage.public_id(order_id), "outcome": "acknowledged"}
    async with stage.engine.begin() as db:
        await apply(db, CLOCK.now(), stage.platforms[0], [line], APPLYING)
    async with stage.working():
        await eventually(lambda: stage.doors[0].deliveries)
        await eventually(lambda: _is_empty(stage))
    (told,) = stage.doors[0].deliveries
    assert told.type == EventType.UNBIND_CANCELLED


_QUEUED = select(items.c.platform_id).where(items.c.status == ItemStatus.QUEUED)


async def _is_empty(stage: Stage) -> bool:
    return not await announced(stage)
