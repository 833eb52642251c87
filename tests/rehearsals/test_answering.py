"""Made-up platforms answer for test numbers as their table says."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, func, select, update

from tests.rehearsals.scene import CHAT, NAMED, SOON, TOOLS, Scene
from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.order_builders import a_reachable_platform, an_order, asking
from unbind_broker.audit.tables import audit_events
from unbind_broker.base.magic_numbers import Behaviour, describe
from unbind_broker.callbacks.results import LineStatus
from unbind_broker.callbacks.tables import violations
from unbind_broker.deadlines.expiring import expire_overdue
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.states import EndpointStatus, PausedBy
from unbind_broker.endpoints.tables import endpoints
from unbind_broker.intake.cancelling import cancel
from unbind_broker.items.tables import items
from unbind_broker.orders.states import OrderKind, OrderStatus
from unbind_broker.orders.tables import orders
from unbind_broker.platforms.rehearsed import REHEARSED
from unbind_broker.platforms.tables import PlatformStatus, platforms
from unbind_broker.rehearsals.answering import answer, hear_called_back
from unbind_broker.rehearsals.made_up import load_made_up
from unbind_broker.rehearsals.tables import rehearsed_reports

LATER = NOON + timedelta(days=30)
AT_ONCE = {Behaviour.PROMPT, Behaviour.CONTRADICTING, Behaviour.VIOLATING}
prompt = pytest.mark.parametrize(
    "name", [name for name, one in NAMED.items() if one.behaviour in AT_ONCE]
)


@prompt
async def test_result_is_told_as_soon_as_the_item_is_taken(
    scene: Scene, name: str
) -> None:
    row = describe(NAMED[name])
    order, query = await scene.ask(name), await scene.ask(name, OrderKind.QUERY)
    assert await scene.take() == 2
    assert await scene.stand(order) == (row["unbind"], row["reason"], False)
    assert (await scene.stand(query))[0] == row["query"]
    attempts = select(items.c.attempts).where(items.c.order_id == order)
    assert (await scene.db.execute(attempts)).scalars().all() == [1]


@pytest.mark.parametrize(
    ("name", "first"),
    [("slow", "acknowledged"), ("action-required", "action_required")],
)
async def test_result_of_one_that_takes_its_time_comes_seconds_later(
    scene: Scene, name: str, first: str
) -> None:
    order = await scene.ask(name)
    await scene.take()
    await scene.tell(SOON - timedelta(seconds=1))
    assert await scene.stand(order) == (first, None, False)
    await scene.tell(SOON)
    assert await scene.stand(order) == ("unbound", None, False)
    assert await nothing_is_left(scene)


async def test_late_result_waits_until_its_item_has_expired(scene: Scene) -> None:
    order = await scene.ask("late")
    await scene.take()
    await scene.tell(LATER)
    assert await scene.stand(order) == ("acknowledged", None, False)
    await expire_overdue(scene.db, LATER, 10)
    assert await scene.stand(order) == ("expired", None, False)
    await scene.tell(LATER + timedelta(seconds=2))
    assert await scene.stand(order) == ("unbound", None, True)
    assert await nothing_is_left(scene)


async def test_contradiction_is_a_conflict_and_comes_once(scene: Scene) -> None:
    order = await scene.ask("contradicting")
    await scene.take()
    first, second = await scene.tell(SOON), await scene.tell(SOON)
    assert [one.status for one in first.answers] == [LineStatus.CONFLICT]
    assert second.answers == []
    assert await scene.stand(order) == ("unbound", None, False)


async def test_violation_is_raised_and_undone(scene: Scene) -> None:
    order = await scene.ask("violating")
    await scene.take()
    about = select(violations.c.order_id)
    undoing = select(orders.c.id).where(orders.c.restores == order)
    assert (await scene.db.execute(about)).scalars().all() == [order]
    restore = (await scene.db.execute(undoing)).scalar_one()
    assert await scene.take() == 1
    assert await scene.stand(restore) == ("restored", None, False)


async def test_all_of_them_answer_and_each_item_is_taken_once(scene: Scene) -> None:
    order = await scene.ask("before", platforms=None)
    assert [await scene.take(limit=5) for _ in range(3)] == [5, 3, 0]
    assert await scene.statuses(order) == {"unbound": len(REHEARSED)}


async def test_numbers_outside_the_table_have_no_bindings(scene: Scene) -> None:
    order = await scene.ask("before", copy=-500)
    await scene.take()
    assert await scene.stand(order) == ("not_bound", None, False)


async def test_real_orders_are_left_to_real_platforms(scene: Scene) -> None:
    await a_reachable_platform(scene.db)
    real = await an_order(scene.db, await a_carrier(scene.db, "china-telecom"))
    assert await scene.take() == 0
    assert await scene.statuses(real) == {"queued": 1}


async def test_what_was_called_back_is_heard_and_not_answered(scene: Scene) -> None:
    order = await scene.ask("slow")
    await scene.take()
    await cancel(scene.db, NOON, asking(scene.twin), order)
    made_up = await load_made_up(scene.db)
    heard = [await hear_called_back(scene.db, made_up, 10) for _ in range(2)]
    await scene.tell(SOON)
    assert heard == [1, 0]
    assert (await scene.stand(order))[0] == "cancelled"
    assert await nothing_is_left(scene)
    left = select(func.count()).select_from(deliveries)
    assert (await scene.db.execute(left)).scalar_one() == 0


@pytest.mark.parametrize("held", ["paused", "suspended", "braked", "aged"])
async def test_nothing_is_taken_that_no_platform_would_get(
    scene: Scene, held: str
) -> None:
    order, tools = await scene.ask("before"), TOOLS
    chat = await scene.platform(CHAT)
    match held:
        case "paused":
            pausing = {"status": EndpointStatus.PAUSED, "paused_by": PausedBy.ADMIN}
            of_chat = endpoints.c.platform_id == chat
            await scene.db.execute(update(endpoints).where(of_chat).values(**pausing))
        case "suspended":
            values = {"status": PlatformStatus.SUSPENDED}
            of_chat = platforms.c.id == chat
            await scene.db.execute(update(platforms).where(of_chat).values(**values))
        case "braked":
            held_back = update(orders).where(orders.c.id == order)
            await scene.db.execute(held_back.values(status=OrderStatus.HELD))
        case _:
            tools = replace(TOOLS, longest=timedelta(minutes=1))
    made_up = await load_made_up(scene.db)
    now = NOON + timedelta(minutes=2)
    assert (await answer(scene.db, now, made_up, tools, 10)).items == 0
    assert await scene.statuses(order) == {"queued": 1}


async def test_trail_names_the_platform_that_reported(scene: Scene) -> None:
    await scene.ask("before")
    await scene.take()
    actors = select(audit_events.c.actor).where(
        audit_events.c.action == "results.reported"
    )
    assert (await scene.db.execute(actors)).scalars().all() == [f"platform:{CHAT}"]


async def test_item_that_is_gone_with_its_month_is_forgotten(scene: Scene) -> None:
    order = await scene.ask("slow")
    await scene.take()
    await scene.db.execute(delete(items).where(items.c.order_id == order))
    assert (await scene.tell(SOON)).answers == []
    assert await nothing_is_left(scene)


async def nothing_is_left(scene: Scene) -> bool:
    left = select(func.count()).select_from(rehearsed_reports)
    return (await scene.db.execute(left)).scalar_one() == 0
