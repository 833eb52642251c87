"""What a crowd meets: refusals from its bytes, and an end to connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

from tests.api.registry import Parties, the_parties
from tests.support.app import a_runtime
from tests.support.clock import FixedClock
from tests.support.order_api import order_body
from tests.support.waiting import PATIENCE
from unbind_broker.api.context import Context
from unbind_broker.api.quick_refusals import QuickRefusals
from unbind_broker.app.factory import create_app
from unbind_broker.app.server import ApiServer, reserve, url_of


@pytest.fixture
async def parties(engine: AsyncEngine) -> Parties:
    return await the_parties(engine)


@asynccontextmanager
async def an_api(
    engine: AsyncEngine, clock: FixedClock, most_connections: int = 100, **settings: int
) -> AsyncIterator[tuple[httpx.AsyncClient, Context]]:
    ready = asyncio.Event()
    app = create_app(a_runtime(engine, clock, **settings))
    context: Context = app.state.context
    refusals = QuickRefusals(context.door, clock)
    server = ApiServer(
        app, ready.set, refusals=refusals, most_connections=most_connections
    )
    with reserve("127.0.0.1", 0) as listener:
        serving = asyncio.create_task(server.serve_on(listener))
        await ready.wait()
        async with httpx.AsyncClient(
            base_url=url_of(listener), timeout=PATIENCE
        ) as http:
            yield http, context
        server.drop()
        await serving


def without_date(answer: httpx.Response) -> dict[str, str]:
    return {k: v for k, v in answer.headers.items() if k != "date"}


async def test_refusal_from_the_bytes_is_the_ordinary_one(
    engine: AsyncEngine, clock: FixedClock, parties: Parties
) -> None:
    settings = {"max_in_flight": 1, "carrier_burst": 1_000_000}
    headers = {**parties.mobile, "X-Request-Id": "crowd-1"}
    async with an_api(engine, clock, **settings) as (http, context):
        await http.get("/v1/me", headers=parties.mobile)
        place = context.orders.take()
        quick = await http.post("/v1/orders", json=order_body(), headers=headers)
        usual = await http.post("/v1/orders?x", json=order_body(), headers=headers)
        place.release()
        after = await http.post("/v1/orders", json={}, headers=headers)
    assert (quick.status_code, quick.json()) == (503, usual.json())
    assert set(without_date(quick)) == set(without_date(usual))
    assert quick.headers["X-Request-Id"] == "crowd-1"
    assert "date" in quick.headers
    assert after.status_code == 422


async def test_caller_over_its_rate_is_told_so_from_the_bytes(
    engine: AsyncEngine, clock: FixedClock, parties: Parties
) -> None:
    settings = {"max_in_flight": 1, "carrier_burst": 2}
    async with an_api(engine, clock, carrier_rate=1, **settings) as (http, context):
        await http.get("/v1/me", headers=parties.mobile)
        context.orders.take()
        answers = [
            await http.post("/v1/orders", json=order_body(), headers=parties.mobile)
            for _ in range(2)
        ]
    assert [answer.status_code for answer in answers] == [503, 429]
    assert answers[1].headers["RateLimit"].startswith('"calls";r=0;')


@pytest.mark.parametrize(
    "unusual",
    [
        b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        b"Content-Length: 2\r\nConnection: close\r\n\r\n{}",
        b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n{}",
        b"Content-Length: 3\r\n\r\n{} ",
    ],
)
async def test_unusual_request_takes_the_ordinary_way_and_is_answered(
    engine: AsyncEngine, clock: FixedClock, unusual: bytes
) -> None:
    async with an_api(engine, clock, max_in_flight=1) as (http, context):
        context.orders.take()
        url = http.base_url
        reader, writer = await asyncio.open_connection(url.host, url.port)
        head = b"POST /v1/orders HTTP/1.1\r\nHost: b\r\nContent-Type: application/json"
        writer.write(head + b"\r\n" + unusual)
        first = await asyncio.wait_for(reader.readline(), 60)
        writer.close()
    assert first.split()[1] in {b"503", b"400", b"100"}


async def test_connection_is_of_use_after_a_refusal(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with an_api(engine, clock, max_in_flight=1) as (http, context):
        place = context.orders.take()
        url = http.base_url
        reader, writer = await asyncio.open_connection(url.host, url.port)
        order = (
            b"POST /v1/orders HTTP/1.1\r\nHost: b\r\nContent-Type: application/json\r\n"
            b"Content-Length: 2\r\n\r\n{}"
        )
        statuses = []
        for _ in range(2):
            writer.write(order)
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r")[0])
            await reader.readexactly(length)
            statuses.append(head.split()[1])
            place.release()
        writer.close()
    assert statuses == [b"503", b"401"]


async def test_connections_beyond_the_bound_are_turned_away(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with an_api(engine, clock, most_connections=2) as (http, _):
        url = http.base_url
        open_ = [await asyncio.open_connection(url.host, url.port) for _ in range(3)]
        turned_away = await asyncio.wait_for(open_[2][0].read(), 60)
        for _, writer in open_:
            writer.close()
    assert turned_away.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 5\r\n" in turned_away


class Unread(asyncio.Transport):
    """A connection whose other end reads nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    @override
    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    @override
    def get_write_buffer_size(self) -> int:
        return sum(map(len, self.written))

    @override
    def pause_reading(self) -> None:
        pass


async def test_refusals_that_nobody_reads_do_not_pile_up(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    app = create_app(a_runtime(engine, clock, max_in_flight=1))
    door = app.state.context.door
    door.orders.take()
    server = ApiServer(app, print, refusals=QuickRefusals(door, clock))
    server.config.load()
    connect: Any = server.config.http_protocol_class
    connection: H11Protocol = connect(server.config, server.server_state, {})
    transport = Unread()
    connection.connection_made(transport)
    order = b"POST /v1/orders HTTP/1.1\r\nHost: b\r\nContent-Length: 2\r\n\r\n{}"
    connection.data_received(order)
    connection.pause_writing()
    for _ in range(3):
        connection.data_received(order)
        await asyncio.sleep(0)
    connection.connection_lost(ConnectionResetError())
    await asyncio.gather(*server.server_state.tasks)
    assert len(transport.written) == 1


async def test_one_free_place_lets_one_of_many_in(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    context = Context(a_runtime(engine, clock, max_in_flight=1))
    refusals = QuickRefusals(context.door, clock)
    order = b"POST /v1/orders HTTP/1.1\r\nHost: b\r\nContent-Length: 2\r\n\r\n{}"
    judged = [refusals.judge(order, b"") for _ in range(5)]
    assert [isinstance(one, bytes) for one in judged] == [False, *[True] * 4]


async def test_place_is_free_again_after_whatever_came_over_the_wire(
    engine: AsyncEngine, clock: FixedClock, parties: Parties
) -> None:
    async with an_api(engine, clock, max_in_flight=1) as (http, context):
        for content in (b"{}", b"[", b'{"a":1,"a":2}', b"\xff"):
            for kind in ("application/json", "text/plain"):
                answer = await http.post(
                    "/v1/orders",
                    content=content,
                    headers={**parties.mobile, "Content-Type": kind},
                )
                assert answer.status_code in {400, 415, 422}
                assert context.orders.inside == 0
        url = http.base_url
        reader, writer = await asyncio.open_connection(url.host, url.port)
        head = b"POST /v1/orders HTTP/1.1\r\nB@d: \x00\r\nContent-Length: 2\r\n\r\n{}"
        writer.write(head)
        first = await asyncio.wait_for(reader.readline(), 60)
        writer.close()
        assert first.split()[1] == b"400"
        assert context.orders.inside == 0
