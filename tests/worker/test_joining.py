"""A worker sends what leads, and nothing else."""

from sqlalchemy import func, select

from tests.support.order_builders import an_order, asked
from tests.support.waiting import eventually
from tests.worker.stage import CLOCK, Stage
from unbind_broker.base.ids import OrderId
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.states import ItemStatus, Reason
from unbind_broker.items.tables import items
from unbind_broker.notices.calling_back import call_back


async def order(stage: Stage) -> OrderId:
    async with stage.engine.begin() as db:
        now = CLOCK.now()
        return await an_order(db, stage.carrier, asked(now=now), now=now)


async def test_a_platform_is_asked_once_until_the_asking_order_is_called_back(
    stage: Stage,
) -> None:
    await stage.add_platforms(2)
    first, second, _ = [await order(stage) for _ in range(3)]
    async with stage.working():
        await stage.reaches(stage.all_are(ItemStatus.ACKNOWLEDGED))
        for door in stage.doors:
            assert list(door.item_ids) == [stage.public_id(first)]
        async with stage.engine.begin() as db:
            now = CLOCK.now()
            await call_back(db, now, [first], Reason.BY_CARRIER, "test")
        sent = select(func.count()).where(
            items.c.order_id == second, items.c.attempts > 0
        )
        await eventually(lambda: stage.one_is(sent, 2))
    for door in stage.doors:
        requested = [
            item_id
            for delivery in door.deliveries
            if delivery.type == EventType.UNBIND_REQUESTED
            for item_id in delivery.item_ids
        ]
        assert requested == [stage.public_id(first), stage.public_id(second)]
