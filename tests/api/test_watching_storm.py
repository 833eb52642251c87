"""Streams that drop all the time, over two processes, while commits come late."""

import asyncio
import json
import random
from collections import Counter
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier, a_key
from tests.support.clock import NOON, FixedClock
from tests.support.order_builders import (
    a_reachable_platform,
    an_order,
    bring_to,
    many_orders,
)
from tests.support.waiting import eventually
from unbind_broker.api.order_streams import OrderStream
from unbind_broker.api.watching import Watching
from unbind_broker.items.changes import read_courses
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.timeline import nothing_told, steps_since
from unbind_broker.items.timeline_place import write_place
from unbind_broker.keys.service import Caller, find_caller
from unbind_broker.notices.ending import settle

PLATFORMS = 4
ORDERS = 6


async def the_past(engine: AsyncEngine) -> tuple[Caller, list[UUID]]:
    async with engine.begin() as db:
        for place in range(PLATFORMS):
            await a_reachable_platform(db, f"p-{place}")
        carrier = await a_carrier(db)
        key = await a_key(db, carrier)
        caller = await find_caller(db, NOON, key.key)
        like = await an_order(db, carrier)
        orders = [like, *await many_orders(db, carrier, ORDERS - 1, like=like)]
    assert caller is not None
    return caller, [*orders]


async def write(engine: AsyncEngine, key: ItemKey, dice: random.Random) -> None:
    """Take an item, then end it, each in a transaction that commits late."""
    for status in (ItemStatus.ACKNOWLEDGED, ItemStatus.NOT_BOUND):
        await asyncio.sleep(dice.random() * 0.3)
        async with engine.begin() as db:
            async with db.begin_nested():
                await bring_to(db, key, status)
            await asyncio.sleep(dice.random() * 0.3)
    async with engine.begin() as db:
        await settle(db, NOON, [key.order_id])


async def follow(
    processes: list[Watching], caller: Caller, order_id: UUID, dice: random.Random
) -> list[str]:
    """Follow an order to its end, leaving again and again; tell what was told."""
    told: list[str] = []
    last_id = None
    while True:
        process = dice.choice(processes)
        async with process.watch(caller, order_id) as watch:
            stream = OrderStream(last_id).tell(watch)
            pieces = 0
            async for piece in stream:
                lines = piece.decode().splitlines()
                told += [line[6:] for line in lines if line.startswith("data: ")]
                last_id = [
                    last_id,
                    *(line[4:] for line in lines if line.startswith("id: ")),
                ][-1]
                pieces += 1
                if dice.random() < 0.5:
                    break
            await stream.aclose()
            if not pieces:
                return told


async def test_nothing_is_missed_and_nothing_is_told_twice(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    caller, orders = await the_past(engine)
    processes = [Watching(engine, clock, (100, 100)) for _ in range(2)]
    dice = random.Random(7)  # noqa: S311 - it drops streams
    keys = [
        ItemKey(order_id, place + 1)
        for order_id in orders
        for place in range(PLATFORMS)
    ]
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        room = asyncio.Semaphore(5)

        async def write_in_turn(key: ItemKey) -> None:
            async with room:
                await write(engine, key, dice)

        for key in keys:
            group.create_task(write_in_turn(key))
        following = [
            group.create_task(follow(processes, caller, order_id, dice))
            for order_id in orders
        ]
    for one in following:
        events = [json.loads(event) for event in one.result()]
        counts = Counter(
            (event["type"], event.get("item", {}).get("platform")) for event in events
        )
        assert set(counts.values()) == {1}
        expected = {
            (f"item.{status}", f"p-{place}")
            for status in ("acknowledged", "not_bound")
            for place in range(PLATFORMS)
        }
        over = {("order.created", None), ("order.completed", None)}
        assert counts.keys() == expected | over
        assert events[-1]["type"] == "order.completed"


async def test_who_comes_from_another_process_is_told_nothing_older(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    caller, [order_id, *_] = await the_past(engine)
    here = Watching(engine, clock, (100, 100))
    async with here.watch(caller, order_id) as before:
        await eventually(lambda: before.course is not None)
        for status in (ItemStatus.ACKNOWLEDGED, ItemStatus.NOT_BOUND):
            async with engine.begin() as db:
                await bring_to(db, ItemKey(order_id, 1), status)
                [elsewhere] = (await read_courses(db, [order_id])).values()
            told = nothing_told(elsewhere)
            for step in steps_since(elsewhere, told):
                told[step.slot] = step.mark
            place = write_place(elsewhere, told)
            async with here.watch(caller, order_id) as after:
                assert after.course is None
                piece = await anext(OrderStream(place).tell(after))
                assert piece.count(b"\n\n") == 1
                assert piece.startswith(b"retry: ")
