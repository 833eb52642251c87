"""A requeue meets others: another requeue, a result, who settles, the deadline."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.clock import FixedClock
from tests.support.joining import a_line
from tests.support.order_api import Scene, a_scene
from tests.support.order_builders import POLICY
from tests.support.undeliverable import (
    Desk,
    a_desk,
    pass_deadlines,
    refuse_payload,
    skipped,
    uuid_of,
)
from tests.support.waiting import eventually
from unbind_broker.base.database import Db
from unbind_broker.callbacks.braking import BrakePolicy
from unbind_broker.callbacks.results import Applying, apply
from unbind_broker.deliveries.undelivered_views import WantedItems
from unbind_broker.intake.requeuing import AskedRequeue, Requeued, requeue
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.notices.ending import settle
from unbind_broker.orders.states import OrderStatus
from unbind_broker.orders.tables import orders

APPLYING = Applying(POLICY.working_time, BrakePolicy(0.02, 5))


@pytest.fixture
async def desk(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Desk]:
    async with a_scene(engine, clock, "weibo") as made:
        yield await a_desk(made)


def asked(*keys: ItemKey) -> AskedRequeue:
    return AskedRequeue(keys, WantedItems(), None, dry_run=False, spread=None)


async def do(db: Db, now: datetime, key: ItemKey) -> Requeued:
    return await requeue(db, now, asked(key), "admin:1")


async def somebody_waits(scene: Scene) -> bool:
    async with scene.engine.connect() as db:
        waiting = await db.scalar(
            text(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                "AND datname = current_database()"
            )
        )
        return bool(waiting)


async def stands(desk: Desk, key: ItemKey) -> tuple[OrderStatus, ItemStatus]:
    async with desk.engine.connect() as db:
        row = await db.execute(
            select(orders.c.status, items.c.status)
            .join(items, items.c.order_id == orders.c.id)
            .where(items.c.order_id == key.order_id)
        )
        order, item = row.one()
        return order, item


async def test_two_at_once_send_it_once(desk: Desk) -> None:
    order_id = await desk.refused()
    done = await asyncio.gather(*(desk.requeue(order_id) for _ in range(4)))
    assert sorted(one["requeued"] for one in done) == [0, 0, 0, 1]
    assert [skipped(one) for one in done if not one["requeued"]] == [
        {"not-undeliverable": 1}
    ] * 3
    assert len(await desk.queued()) == 1


async def test_who_settles_meanwhile_does_not_close_it(desk: Desk) -> None:
    order_id = await desk.order()
    key, now = desk.key(order_id, "weibo"), desk.scene.clock.now()
    await refuse_payload(desk.engine, now, key)
    async with desk.engine.begin() as db:
        await requeue(db, now, asked(key), "admin:1")
    async with desk.engine.begin() as db:  # refused once more, not settled yet
        await db.execute(
            items.update().values(status=ItemStatus.UNDELIVERABLE, finished_at=now)
        )

    async def settling() -> list[Any]:
        async with desk.engine.begin() as db:
            return list(await settle(db, now, [key.order_id]))

    async with desk.engine.begin() as db:
        done = await do(db, now, key)
        assert done.count == 1
        settled = asyncio.create_task(settling())
        await eventually(lambda: somebody_waits(desk.scene))
    assert await settled == []
    assert await stands(desk, key) == (OrderStatus.IN_PROGRESS, ItemStatus.QUEUED)


async def test_a_result_that_comes_first_stands(desk: Desk) -> None:
    order_id = await desk.refused()
    key, now = desk.key(order_id, "weibo"), desk.scene.clock.now()
    platform = desk.scene.platforms["weibo"].id

    async def requeuing() -> Requeued:
        async with desk.engine.begin() as db:
            return await do(db, now, key)

    async with desk.engine.begin() as db:
        line = a_line(uuid_of(order_id), "not_bound")
        await apply(db, now, platform, [line], APPLYING)
        late = asyncio.create_task(requeuing())
        await eventually(lambda: somebody_waits(desk.scene))
    assert (await late).count == 0
    assert await stands(desk, key) == (OrderStatus.COMPLETED, ItemStatus.NOT_BOUND)
    assert await desk.queued() == []


async def test_a_result_that_comes_second_is_in_time_and_ends_the_sending(
    desk: Desk,
) -> None:
    order_id = await desk.refused()
    key, now = desk.key(order_id, "weibo"), desk.scene.clock.now()
    line = {"id": order_id, "outcome": "not_bound"}
    async with desk.engine.begin() as db:
        assert (await do(db, now, key)).count == 1
        reporting = asyncio.create_task(desk.scene.report("weibo", line))
        await eventually(lambda: somebody_waits(desk.scene))
    assert (await reporting).json()["results"][0]["status"] == "recorded"
    assert await stands(desk, key) == (OrderStatus.COMPLETED, ItemStatus.NOT_BOUND)
    (item,) = (await desk.order_of(order_id))["items"]
    assert (item["late"], await desk.queued(), await desk.noted()) == (False, [], [])


async def test_after_the_deadline_nothing_is_taken_up(desk: Desk) -> None:
    order_id = await desk.refused()
    desk.scene.clock.advance(timedelta(days=10))
    assert skipped(await desk.requeue(order_id)) == {"deadline-passed": 1}


async def test_a_requeued_item_ends_at_the_deadline_that_it_had(desk: Desk) -> None:
    order_id = await desk.refused()
    await desk.requeue(order_id)
    desk.scene.clock.advance(timedelta(days=10))
    await pass_deadlines(desk.engine, desk.scene.clock.now())
    order = await desk.order_of(order_id)
    assert (order["status"], order["summary"]["undeliverable"]) == ("completed", 1)
    (item,) = await desk.listed()
    assert (item["cause"], item["requeueable"]) == ("overdue", False)
    assert await desk.queued() == []


async def test_a_cancellation_ends_what_was_requeued(desk: Desk) -> None:
    order_id = await desk.refused()
    await desk.requeue(order_id)
    answer = await desk.scene.post(f"/v1/orders/{order_id}/cancel", {})
    assert answer.json()["summary"] == {"total": 1, "cancelled": 1}
    assert [row.event.value for row in await desk.queued()] == ["unbind.cancelled"]
