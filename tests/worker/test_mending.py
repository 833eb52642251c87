"""Workers that find out what nobody would send any more, and send it."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest
from sqlalchemy import delete, func, select, text, update

from tests.support.receiver import Answer
from tests.support.trail import trail
from tests.support.waiting import eventually
from tests.worker.stage import CLOCK, Stage, short
from unbind_broker.deadlines.mending import Walked, last_walk
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.states import EndpointStatus
from unbind_broker.endpoints.tables import endpoint_leases
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.states import OrderStatus
from unbind_broker.orders.tables import order_log
from unbind_broker.platforms.service import suspend
from unbind_broker.settings import Settings

NOT_NOW = Answer(HTTPStatus.INTERNAL_SERVER_ERROR)
LATER = (timedelta(hours=1),)


def watchful(**changes: Any) -> Settings:
    """Settings with which a walk over all open orders begins five times a second."""
    often = timedelta(seconds=0.2)
    return short(mend_interval=often, breaker_pause=often, **changes)


def unbound(item: dict[str, Any]) -> dict[str, object]:
    at = "2024-05-01T00:00:00Z"
    return {"id": item["id"], "outcome": "unbound", "removed": 1, "last_bound_at": at}


async def walked(stage: Stage) -> Walked:
    async with stage.engine.connect() as db:
        return await last_walk(db)


async def is_complete(stage: Stage) -> bool:
    async with stage.engine.connect() as db:
        found = await db.execute(text("SELECT DISTINCT status FROM orders"))
        return list(found.scalars()) == [OrderStatus.COMPLETED.code]


async def completes(stage: Stage) -> None:
    await eventually(lambda: is_complete(stage))


async def count_due(stage: Stage) -> int:
    (count,) = await stage.all(select(func.count()).select_from(deliveries))
    return int(count)


async def test_a_retry_whose_row_is_lost_is_sent_once_all_the_same(
    stage: Stage,
) -> None:
    await stage.add_platforms(2)
    for door in stage.doors:
        door.then(NOT_NOW)
        door.usual = Answer(results=unbound)
    async with stage.working(watchful(retry_plan=LATER)):
        (order_id,) = await stage.order()
        await eventually(lambda: _all_due(stage))
        async with stage.engine.begin() as db:
            await db.execute(delete(deliveries))
        await completes(stage)
    for door in stage.doors:
        assert door.times_sent == {order_id: 2}
    assert await stage.tries() == [2, 2]
    assert (await walked(stage)).repaired_total == 2


async def _all_due(stage: Stage) -> bool:
    return await count_due(stage) == 2


@pytest.mark.parametrize("broken", ["cursor", "log"])
async def test_an_item_that_the_cursor_or_the_log_has_lost_is_sent_once(
    stage: Stage, broken: str
) -> None:
    await stage.add_platforms(2)
    for door in stage.doors:
        door.usual = Answer(results=unbound)
    (order_id,) = await stage.order()
    async with stage.engine.begin() as db:
        if broken == "log":
            await db.execute(delete(order_log))
        else:
            beyond = text("pg_current_xact_id()::text::bigint + 1")
            await db.execute(update(endpoint_leases).values(cursor_xid=beyond))
    async with stage.working(watchful()):
        await completes(stage)
    for door in stage.doors:
        assert door.times_sent == {order_id: 1}
    assert (await walked(stage)).repaired_total == 2
    async with stage.engine.connect() as db:
        told = await trail(db, "invariant.repaired")
    assert [one.facts["items"] for one in told] == [2]


async def test_nothing_is_repaired_where_nothing_is_broken(stage: Stage) -> None:
    await stage.add_platforms(4, max_batch=5)
    slow, failing, flaky, gone = stage.doors
    slow.usual = Answer(delay=0.05)
    failing.usual = NOT_NOW
    flaky.then(*[NOT_NOW, Answer(), Answer(reset=True)] * 20)
    gone.then(Answer())
    gone.usual = Answer(HTTPStatus.GONE)  # to those that are on their way, too
    walks = set()
    settings = watchful()
    async with stage.working(settings), stage.working(settings):
        for turn in range(12):
            await stage.order(5)
            last = (await walked(stage)).last_at
            walks.add(last)
            if turn % 4 == 3:
                await eventually(lambda: _walked_since(stage, last))  # noqa: B023 - awaited here
        failing.usual = Answer()
        await stage.reaches(lambda: _only_gone_waits(stage))
        last = (await walked(stage)).last_at
        await eventually(lambda: _walked_since(stage, last))
    assert len(walks) > 1
    ended = await walked(stage)
    assert (ended.repaired_last, ended.repaired_total) == (0, 0)


async def _only_gone_waits(stage: Stage) -> bool:
    waits = (await stage.counts())[ItemStatus.QUEUED]
    taken = stage.doors[3].deliveries[:1]
    return [60 - waits] == [len(delivery.items) for delivery in taken]


async def _walked_since(stage: Stage, last: object) -> bool:
    return (await walked(stage)).last_at != last


async def test_a_row_too_many_does_no_harm(stage: Stage) -> None:
    await stage.add_platforms(1)
    stage.doors[0].usual = Answer(delay=0.3, results=unbound)
    (order_id,) = await stage.order()
    async with stage.working(watchful()):
        await eventually(lambda: stage.doors[0].deliveries)
        async with stage.engine.begin() as db:
            await db.execute(
                text(
                    "INSERT INTO deliveries"
                    " (endpoint_id, due_at, event, order_id, attempt)"
                    " SELECT e.id, now(), 2, o.id, 0 FROM endpoints e, orders o"
                )
            )
        await completes(stage)
        await eventually(lambda: _none_due(stage))
    assert stage.doors[0].times_sent == {order_id: 1}


async def _none_due(stage: Stage) -> bool:
    return await count_due(stage) == 0


async def test_what_is_lost_at_a_parked_endpoint_waits_there_again(
    stage: Stage,
) -> None:
    await stage.add_platforms(1)
    stage.doors[0].usual = Answer(results=unbound)
    (order_id,) = await stage.order()
    await stage.change_endpoint(0, status=EndpointStatus.DISABLED)
    async with stage.engine.begin() as db:
        await db.execute(delete(order_log))
    async with stage.working(watchful()):
        await eventually(lambda: _is_repaired(stage))
        walk = (await walked(stage)).last_at
        await eventually(lambda: _walked_since(stage, walk))
        assert stage.doors[0].times_sent == {}
        await stage.change_endpoint(0, status=EndpointStatus.ACTIVE)
        await completes(stage)
    assert stage.doors[0].times_sent == {order_id: 1}
    assert (await walked(stage)).repaired_total == 1


async def _is_repaired(stage: Stage) -> bool:
    return (await walked(stage)).repaired_total == 1


async def test_what_a_suspended_platform_has_open_is_still_sent(stage: Stage) -> None:
    await stage.add_platforms(1)
    stage.doors[0].then(NOT_NOW)
    stage.doors[0].usual = Answer(results=unbound)
    (order_id,) = await stage.order()
    async with stage.engine.begin() as db:
        await suspend(db, CLOCK.now(), stage.doors[0].slug, "test")
    async with stage.working(watchful()):
        await completes(stage)
    assert stage.doors[0].times_sent == {order_id: 2}
    assert (await walked(stage)).repaired_total == 0
