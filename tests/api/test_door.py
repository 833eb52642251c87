"""While writes are shed: what costs the refusal, and who is served all the same."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.responses import Response
from starlette.types import Message

from tests.api.registry import Parties
from tests.support.app import a_runtime
from tests.support.clock import FixedClock
from tests.support.order_api import order_body
from tests.support.order_builders import a_reachable_platform
from unbind_broker.api.admission import Overloaded
from unbind_broker.api.connections import (
    MOST_READS,
    MOST_READS_OF_ONE,
    Connections,
    reading_for,
)
from unbind_broker.api.context import Context
from unbind_broker.api.door import AtTheDoor
from unbind_broker.api.rates import RateLimited
from unbind_broker.app.factory import create_app
from unbind_broker.base.database import close_engine, open_engine


@asynccontextmanager
async def an_api(
    engine: AsyncEngine, clock: FixedClock, **settings: object
) -> AsyncIterator[tuple[httpx.AsyncClient, Context]]:
    app = create_app(a_runtime(engine, clock, **settings))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://b") as client:
        yield client, app.state.context


async def test_order_is_shed_without_a_statement_and_reads_go_on(
    engine: AsyncEngine, clock: FixedClock, parties: Parties
) -> None:
    async with an_api(engine, clock, max_in_flight=1) as (api, context):
        await api.get("/v1/me", headers=parties.mobile)
        place = context.orders.take()
        statements: list[str] = []

        def note(*call: object) -> None:
            statements.append(str(call[2]))

        event.listen(engine.sync_engine, "before_cursor_execute", note)
        for path in ("/v1/orders", "/v1/queries"):
            shed = await api.post(path, json=order_body(), headers=parties.mobile)
            assert (shed.status_code, shed.json()["code"]) == (503, "overloaded")
            assert int(shed.headers["Retry-After"]) >= 1
            assert shed.headers["RateLimit"]
            assert shed.headers["X-Request-Id"] == shed.json()["request_id"]
        event.remove(engine.sync_engine, "before_cursor_execute", note)
        read = await api.get("/v1/orders", headers=parties.mobile)
        place.release()
        later = await api.post("/v1/orders", json={}, headers=parties.mobile)
    assert statements == []
    assert read.status_code == 200
    assert later.status_code == 422


async def test_place_is_free_again_whatever_the_answer_was(
    engine: AsyncEngine, clock: FixedClock, parties: Parties
) -> None:
    async with an_api(engine, clock, max_in_flight=1) as (api, context):
        for headers in ({}, parties.mobile, parties.weibo):
            answer = await api.post("/v1/orders", json={"x": 1}, headers=headers)
            assert answer.status_code in {401, 403, 422}
            assert context.orders.inside == 0


async def test_who_does_not_read_the_answer_keeps_no_place(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    door = Context(a_runtime(engine, clock, max_in_flight=1)).door
    place = door.orders.take()
    scope = {"type": "http", "headers": [], "state": {"place": place}}

    async def never_leaves(message: Message) -> None:
        del message
        await asyncio.Event().wait()

    served = AtTheDoor(Response("answered"), door)
    answering = asyncio.create_task(served(scope, never_comes, never_leaves))
    await asyncio.sleep(0)
    assert door.orders.inside == 0
    answering.cancel()


async def never_comes() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


async def test_caller_over_its_rate_is_told_so_even_when_all_places_are_taken(
    engine: AsyncEngine, clock: FixedClock, parties: Parties
) -> None:
    settings = {"max_in_flight": 1, "carrier_rate": "1/m", "carrier_burst": 1}
    async with an_api(engine, clock, **settings) as (api, context):
        await api.get("/v1/me", headers=parties.mobile)
        context.orders.take()
        answer = await api.post("/v1/orders", json=order_body(), headers=parties.mobile)
    assert answer.status_code == 429


async def test_reads_beyond_the_bound_are_refused_and_do_not_queue(
    engine: AsyncEngine,
) -> None:
    connections = Connections(engine, engine)
    inside, leave = asyncio.Semaphore(0), asyncio.Event()

    async def read() -> None:
        async with connections._reading.enter():
            inside.release()
            await leave.wait()

    readers = [asyncio.create_task(read()) for _ in range(MOST_READS)]
    for _ in readers:
        await inside.acquire()
    with pytest.raises(Overloaded):
        async with connections.connect():
            pass
    leave.set()
    await asyncio.gather(*readers)
    async with connections.connect() as db:
        assert await db.scalar(text("SELECT 1")) == 1


async def test_keys_are_looked_up_while_all_reads_are_taken(
    engine: AsyncEngine, clock: FixedClock, parties: Parties, database_url: str
) -> None:
    readers = open_engine(database_url, pool=1, application="tests", autocommit=True)
    app = create_app(replace(a_runtime(engine, clock), readers=readers, lookups=engine))
    app.state.context.engine._reading.inside = MOST_READS
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        readers.connect(),
        httpx.AsyncClient(transport=transport, base_url="http://b") as api,
    ):
        read = await api.get("/v1/me", headers=parties.mobile)
        write = await api.post("/v1/orders", json={}, headers=parties.mobile)
    await close_engine(readers)
    assert (read.status_code, read.json()["code"]) == (503, "overloaded")
    assert write.status_code == 422


async def test_reads_of_one_caller_leave_room_for_the_others(
    engine: AsyncEngine, clock: FixedClock, parties: Parties
) -> None:
    async with engine.begin() as db:
        await a_reachable_platform(db, "alipay")
    async with an_api(engine, clock) as (api, context):
        await api.get("/v1/me", headers=parties.mobile)
        taken = context.engine._reading.taken
        (actor,) = taken
        assert taken[actor] == 0
        taken[actor] = MOST_READS_OF_ONE
        refused = await api.get("/v1/me", headers=parties.mobile)
        write = await api.post("/v1/orders", json={}, headers=parties.mobile)
        waiting = {**parties.mobile, "Prefer": "wait=0"}
        waited = await api.post("/v1/orders", json=order_body(), headers=waiting)
        other = await api.get("/v1/me", headers=parties.weibo)
        taken[actor] -= 1
        later = await api.get("/v1/me", headers=parties.mobile)
    assert (refused.status_code, refused.json()["code"]) == (429, "rate-limited")
    assert int(refused.headers["Retry-After"]) >= 1
    assert [one.status_code for one in (write, other, later)] == [422, 200, 200]
    assert waited.headers["Preference-Applied"] == "wait=0"


async def test_slow_reads_of_one_caller_leave_connections_to_the_others(
    engine: AsyncEngine, database_url: str
) -> None:
    readers = open_engine(database_url, pool=4, application="tests", autocommit=True)
    connections = Connections(engine, readers, of_one=3, patience=0.2)
    inside, leave = asyncio.Semaphore(0), asyncio.Event()

    async def read(caller: str) -> None:
        reading_for.set(caller)
        async with connections.connect() as db:
            await db.execute(text("SELECT 1"))
            inside.release()
            await leave.wait()

    slow = [asyncio.create_task(read("slow")) for _ in range(4)]
    for _ in range(3):
        await inside.acquire()
    other = asyncio.create_task(read("other"))
    await inside.acquire()
    (beyond, *_), _ = await asyncio.wait(slow, return_when=asyncio.FIRST_COMPLETED)
    leave.set()
    await asyncio.gather(other, *slow, return_exceptions=True)
    await close_engine(readers)
    assert other.exception() is None
    assert isinstance(beyond.exception(), RateLimited)
    assert [one.exception() for one in slow if one is not beyond] == [None] * 3
