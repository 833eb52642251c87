"""All who watch in a process share one small query, and each has a place of its own."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager

import httpx
import pytest
from sqlalchemy import event
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import a_runtime, on_a_port
from tests.support.builders import a_carrier, a_key
from tests.support.clock import FixedClock
from tests.support.event_streams import following, names
from tests.support.order_api import Scene, a_scene, not_bound, order_body
from tests.support.order_builders import (
    a_reachable_platform,
    an_order,
    bring_to,
    many_orders,
)
from tests.support.waiting import eventually
from unbind_broker.api.admission import Overloaded
from unbind_broker.api.order_streams import OrderStream
from unbind_broker.api.rates import RateLimited
from unbind_broker.api.watching import SHORTEST_TICK, Watch, Watching
from unbind_broker.base.ids import OrderId
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.keys.service import Caller, find_caller, revoke
from unbind_broker.keys.tables import Role


@pytest.fixture
async def watching(engine: AsyncEngine, clock: FixedClock) -> Watching:
    return Watching(engine, clock, (500, 400))


@pytest.fixture
async def caller(engine: AsyncEngine, clock: FixedClock) -> Caller:
    async with engine.begin() as db:
        await a_reachable_platform(db, "weibo")
        await a_reachable_platform(db, "zhihu")
        key = await a_key(db, await a_carrier(db))
        found = await find_caller(db, clock.now(), key.key)
    assert found is not None
    return found


async def orders_of(engine: AsyncEngine, count: int) -> list[OrderId]:
    async with engine.begin() as db:
        carrier = await a_carrier(db, "china-unicom")
        like = await an_order(db, carrier)
        copies = count - 1
        more = await many_orders(db, carrier, copies, like=like) if copies else []
    return [like, *more]


@contextmanager
def statements(engine: AsyncEngine) -> Iterator[list[str]]:
    """What the database is asked meanwhile."""
    said: list[str] = []

    def note(*call: object) -> None:
        said.append(str(call[2]))

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", note)


def looks_among(said: list[str]) -> list[str]:
    return [one for one in said if "pg_current_snapshot" in one]


async def shown(watch: Watch) -> None:
    await eventually(lambda: watch.course is not None)
    await watch.stirred(0)


async def not_bound_shown(watch: Watch) -> None:
    def look() -> bool:
        course = watch.course
        return course is not None and course.item("weibo")["status"] == "not_bound"

    await eventually(look)


@pytest.mark.real_time(0.5)
async def test_many_watchers_cost_one_query_per_tick(
    engine: AsyncEngine, watching: Watching, caller: Caller
) -> None:
    orders = await orders_of(engine, 200)
    async with AsyncExitStack() as stack:
        watches = [
            await stack.enter_async_context(watching.watch(caller, order_id))
            for order_id in orders
        ]
        for watch in watches:
            await shown(watch)
        loop = asyncio.get_running_loop()
        with statements(engine) as said:
            began = loop.time()
            async with engine.begin() as db:
                await bring_to(db, ItemKey(orders[7], 1), ItemStatus.NOT_BOUND)
            assert await watches[7].stirred(30)
            await eventually(lambda: len(looks_among(said)) >= 5)
            ticks = (loop.time() - began) / SHORTEST_TICK
        looks = looks_among(said)
        assert len(looks) <= ticks + 2
        others = [one for one in said if one not in looks and "api_keys" not in one]
        assert len(others) == 1  # the change itself
        course = watches[7].course
        assert course is not None
        assert course.item("weibo")["status"] == "not_bound"
        assert not any([await one.stirred(0) for one in watches])


async def test_a_late_commit_reaches_whoever_watches(
    engine: AsyncEngine, watching: Watching, caller: Caller
) -> None:
    [order_id] = await orders_of(engine, 1)
    async with watching.watch(caller, order_id) as watch, engine.connect() as slow:
        await shown(watch)
        async with slow.begin() as late:
            await bring_to(slow, ItemKey(order_id, 1), ItemStatus.NOT_BOUND)
            async with engine.begin() as db:
                await bring_to(db, ItemKey(order_id, 2), ItemStatus.NOT_BOUND)
            assert await watch.stirred(30)
            assert watch.course is not None
            assert watch.course.item("zhihu")["status"] == "not_bound"
            assert watch.course.item("weibo")["status"] == "queued"
            await late.commit()
        await not_bound_shown(watch)


async def test_places_are_bounded_for_all_and_for_one(
    engine: AsyncEngine, clock: FixedClock, caller: Caller
) -> None:
    orders = await orders_of(engine, 1)
    watching = Watching(engine, clock, (2, 1))
    other = Caller(**{**vars(caller), "carrier_slug": "china-telecom"})
    third = Caller(**{**vars(caller), "carrier_slug": "china-broadnet"})
    async with watching.watch(caller, orders[0]), watching.watch(other, orders[0]):
        with pytest.raises(RateLimited):
            async with watching.watch(other, orders[0]):
                pass
        with pytest.raises(Overloaded):
            async with watching.watch(third, orders[0]):
                pass
    async with watching.watch(other, orders[0]) as watch:
        await shown(watch)


async def test_nobody_is_told_anything_by_a_dead_key(
    engine: AsyncEngine, clock: FixedClock, caller: Caller
) -> None:
    [order_id] = await orders_of(engine, 1)
    async with engine.begin() as db:
        key = await a_key(db, Role.ADMIN)
        other = await find_caller(db, clock.now(), key.key)
    assert other is not None
    watching = Watching(engine, clock, (2, 1), check_keys=0.1)
    async with (
        watching.watch(caller, order_id) as revoked,
        watching.watch(other, order_id) as living,
    ):
        await shown(revoked)
        async with engine.begin() as db:
            await revoke(db, clock.now(), caller.key_id, "admin:1")
        await eventually(lambda: revoked.ended)
        assert not living.ended


async def test_whoever_watches_goes_on_after_the_database_was_away(
    engine: AsyncEngine, watching: Watching, caller: Caller
) -> None:
    [order_id] = await orders_of(engine, 1)

    def fail(*_: object) -> None:
        raise ConnectionRefusedError

    async with watching.watch(caller, order_id) as watch:
        await shown(watch)
        event.listen(engine.sync_engine, "before_cursor_execute", fail)
        await asyncio.sleep(0.3)
        event.remove(engine.sync_engine, "before_cursor_execute", fail)
        async with engine.begin() as db:
            await bring_to(db, ItemKey(order_id, 1), ItemStatus.NOT_BOUND)
        await not_bound_shown(watch)


async def test_a_busy_pool_makes_nobody_read_everything_anew(
    engine: AsyncEngine, watching: Watching, caller: Caller
) -> None:
    [order_id] = await orders_of(engine, 1)
    failed: list[bool] = []

    def fail(*_: object) -> None:
        failed.append(True)
        raise PoolTimeout

    async with watching.watch(caller, order_id) as watch:
        await shown(watch)
        before = watch.course
        event.listen(engine.sync_engine, "before_cursor_execute", fail)
        await eventually(lambda: failed)
        event.remove(engine.sync_engine, "before_cursor_execute", fail)
        async with engine.begin() as db:
            await bring_to(db, ItemKey(order_id, 1), ItemStatus.NOT_BOUND)
        assert await watch.stirred(30)
        assert watch.course is before


async def test_the_end_of_the_process_ends_streams_and_lets_no_others_begin(
    engine: AsyncEngine, watching: Watching, caller: Caller
) -> None:
    [order_id] = await orders_of(engine, 1)
    async with watching.watch(caller, order_id) as watch:
        told = OrderStream(None).tell(watch)
        assert b"order.created" in await anext(told)
        watching.let_go()
        assert [piece async for piece in told] == []
    with pytest.raises(Overloaded):
        async with watching.watch(caller, order_id):
            pass


async def test_silence_is_broken_by_comments(
    engine: AsyncEngine, watching: Watching, caller: Caller
) -> None:
    [order_id] = await orders_of(engine, 1)
    async with watching.watch(caller, order_id) as watch:
        told = OrderStream(None, heartbeat=0.01).tell(watch)
        assert b"order.created" in await anext(told)
        assert await anext(told) == b":\n\n"
        assert await anext(told) == b":\n\n"
        await told.aclose()


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock, "weibo") as made:
        yield made


@pytest.fixture
async def narrow(scene: Scene) -> AsyncIterator[httpx.AsyncClient]:
    """The same broker behind a real port, with one place for streams."""
    runtime = a_runtime(scene.engine, scene.clock, watchers=1)
    async with on_a_port(runtime) as http:
        yield http


async def test_a_stream_without_a_place_is_told_when_to_come_back(
    scene: Scene, narrow: httpx.AsyncClient
) -> None:
    made = await scene.post("/v1/orders", order_body())
    path, headers = made.headers["Location"], scene.carrier_headers
    async with following(narrow, path, headers) as events:
        assert names(await events.take(1)) == ["order.created"]
        async with following(narrow, path, headers) as refused:
            await refused.answer.aread()
            assert refused.answer.status_code == 503
            assert refused.answer.json()["code"] == "overloaded"
            assert int(refused.answer.headers["Retry-After"]) >= 1
    await scene.report("weibo", not_bound(made.json()["id"]))

    async def over() -> bool:
        """The place of somebody who left is free again in a moment."""
        async with following(narrow, path, headers) as events:
            return events.answer.status_code == 200 and "order.completed" in names(
                await events.rest()
            )

    assert await eventually(over)


async def test_who_waits_has_a_cap_too_and_the_order_stands(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo", waiters=1) as scene:
        headers = {"Prefer": "wait=30"}
        first = asyncio.create_task(scene.post("/v1/orders", order_body(), headers))

        async def newest() -> str:
            data = (await scene.get("/v1/orders")).json()["data"]
            return str(data[0]["id"]) if data else ""

        order_id = await eventually(newest)
        app = scene.http._transport.app  # type: ignore[attr-defined] # in this process
        await eventually(lambda: app.state.context.completions.is_full)
        second = await scene.post("/v1/orders", order_body(), headers)
        assert second.status_code == 202
        assert "Preference-Applied" not in second.headers
        await scene.report("weibo", not_bound(order_id), not_bound(second.json()["id"]))
        assert (await first).status_code == 200
