"""What platforms see of orders that are taken back, before and after they are done."""

from datetime import timedelta

from sqlalchemy import func, select

from tests.support.builders import a_carrier
from tests.support.order_builders import INTAKE, an_order, asked, asking
from tests.support.receiver import Answer
from tests.support.waiting import eventually
from tests.worker.stage import CLOCK, Stage, short
from unbind_broker.base.ids import OrderId
from unbind_broker.carriers.service import Carrier
from unbind_broker.deadlines.releasing import release_held
from unbind_broker.deliveries.tables import attempts, deliveries
from unbind_broker.intake.cancelling import cancel
from unbind_broker.intake.place_order import Placed
from unbind_broker.intake.restoring import AskedRestore, restore
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.orders.states import OrderStatus, Scope


async def call_off(stage: Stage, order_id: OrderId) -> None:
    async with stage.engine.begin() as db:
        assert await cancel(db, CLOCK.now(), asking(stage.carrier), order_id)


async def undo(stage: Stage, carrier: Carrier, order_id: OrderId) -> OrderId:
    wanted = AskedRestore(order_id=order_id, platforms=None, reason="by mistake")
    async with stage.engine.begin() as db:
        placed = await restore(
            db, CLOCK.now(), wanted, asking(carrier), INTAKE.policy.working_time
        )
    assert isinstance(placed, Placed)
    return placed.order_id


def unbound(item: dict[str, str]) -> dict[str, object]:
    return {
        "id": item["id"],
        "outcome": "unbound",
        "removed": 1,
        "last_bound_at": "2024-05-01T00:00:00Z",
        "restorable_until": (CLOCK.now() + timedelta(days=9)).isoformat(),
    }


async def test_no_platform_ever_sees_what_is_cancelled_in_the_undo_window(
    stage: Stage,
) -> None:
    await stage.add_platforms(2)
    wanted = asked(
        scope=Scope.CURRENT_OWNER,
        platforms=("platform-0", "platform-1"),
        now=CLOCK.now(),
    )
    async with stage.engine.begin() as db:
        held = await an_order(db, stage.carrier, wanted, now=CLOCK.now())
    async with stage.working():
        await call_off(stage, held)
        async with stage.engine.begin() as db:
            after = CLOCK.now() + timedelta(days=2)
            assert await release_held(db, after, 10) == set()
        (later,) = await stage.order()
        await stage.reaches(stage.none_is_queued)
    for door in stage.doors:
        assert door.item_ids == [later]
    asked_for = attempts.c.order_ids.any_() == held
    assert await stage.all(select(attempts.c.id).where(asked_for)) == []
    assert await stage.all(select(deliveries.c.id)) == []
    tries = select(func.sum(items.c.attempts)).where(items.c.order_id == held)
    assert await stage.all(tries) == [0]


async def test_a_platform_that_was_asked_is_told_and_asked_no_more(
    stage: Stage,
) -> None:
    await stage.add_platforms(2)
    taken, failing = stage.doors
    failing.judge = lambda one: Answer(503) if one.type == "unbind.requested" else None
    (order_id,) = await stage.order_ids()
    async with stage.working(short(retry_plan=(timedelta(seconds=3600),))):
        await eventually(lambda: taken.deliveries and failing.deliveries)
        await stage.reaches(lambda: stage.one_is(select(deliveries.c.attempt), 1))
        await call_off(stage, order_id)
        await eventually(lambda: len(taken.deliveries) + len(failing.deliveries) == 4)
        await stage.reaches(stage.all_are(ItemStatus.CANCELLED))
    for door in stage.doors:
        assert [one.type for one in door.deliveries] == [
            "unbind.requested",
            "unbind.cancelled",
        ]
        assert door.item_ids == [stage.public_id(order_id)] * 2
        assert door.deliveries[1].items[0]["reason"] == "by_carrier"


async def test_a_restore_names_the_order_as_each_platform_knows_it(
    stage: Stage,
) -> None:
    await stage.add_platforms(1)
    async with stage.engine.begin() as db:
        other = await a_carrier(db, "other")
    (door,) = stage.doors
    (leader,) = await stage.order_ids()
    await stage.add_platforms(1)
    async with stage.engine.begin() as db:
        now = CLOCK.now()
        follower = await an_order(db, other, asked(now=now), now=now)
    joined = select(items.c.follows).where(items.c.order_id == follower)
    assert set(await stage.all(joined)) == {leader, None}
    for one in stage.doors:
        one.then(Answer(results=unbound))
        one.usual = Answer(
            results=lambda item: {"id": item["id"], "outcome": "restored"}
        )
    async with stage.working():
        await stage.reaches(stage.all_are(ItemStatus.UNBOUND))
        await stage.reaches(lambda: stage.order_is(follower, OrderStatus.COMPLETED))
        restore_id = await undo(stage, other, follower)
        await stage.reaches(lambda: stage.order_is(restore_id, OrderStatus.COMPLETED))
    knows_leader, knows_follower = (one.deliveries[-1].items[0] for one in stage.doors)
    assert knows_leader["id"] == knows_follower["id"] == stage.public_id(restore_id)
    assert door.item_ids[0] == knows_leader["restores"] == stage.public_id(leader)
    assert knows_follower["restores"] == stage.public_id(follower)
