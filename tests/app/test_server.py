"""The API's server: addresses, readiness, and leaving without cutting anybody off."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI, Response

from tests.support.waiting import PATIENCE, eventually
from unbind_broker.app.server import (
    HEAD_LIMIT,
    STALL_LIMIT,
    ApiServer,
    CannotListen,
    reserve,
    url_of,
)

LOOPBACK = "127.0.0.1"


class Slow:
    """An application that answers when it is told to."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.app = FastAPI()
        self.app.add_api_route("/", self.answer)

    async def answer(self) -> dict[str, str]:
        self.asked.set()
        await self.may_answer.wait()
        return {"status": "answered"}


@asynccontextmanager
async def serving(
    app: FastAPI, head_limit: float = HEAD_LIMIT, stall_limit: float = STALL_LIMIT
) -> AsyncIterator[tuple[ApiServer, str]]:
    ready = asyncio.Event()
    with reserve(LOOPBACK, 0) as listener:
        server = ApiServer(app, ready.set, head_limit, stall_limit=stall_limit)
        task = asyncio.create_task(server.serve_on(listener))
        await ready.wait()
        try:
            yield server, url_of(listener)
        finally:
            server.drop()
            await task


async def test_request_under_way_is_answered_while_the_server_drains() -> None:
    slow = Slow()
    async with (
        serving(slow.app) as (server, url),
        httpx.AsyncClient(timeout=PATIENCE) as http,
    ):
        asking = asyncio.create_task(http.get(url))
        await slow.asked.wait()
        server.drain()
        await asyncio.sleep(0.3)
        slow.may_answer.set()
        answer = await asking

    assert answer.json() == {"status": "answered"}


async def test_draining_server_takes_no_new_caller() -> None:
    slow = Slow()
    async with (
        serving(slow.app) as (server, url),
        httpx.AsyncClient(timeout=PATIENCE) as http,
    ):
        asking = asyncio.create_task(http.get(url))
        await slow.asked.wait()
        server.drain()
        await eventually(lambda: is_shut(url))
        with pytest.raises(httpx.TransportError):
            async with httpx.AsyncClient(timeout=PATIENCE) as newcomer:
                await newcomer.get(url)
        slow.may_answer.set()
        await asking


async def is_shut(url: str) -> bool:
    address = httpx.URL(url)
    try:
        _, writer = await asyncio.open_connection(address.host, address.port)
    except ConnectionError:  # refused, or cut off before it was taken
        return True
    writer.close()
    return False


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost"])
async def test_connection_without_a_whole_head_is_closed(said: bytes) -> None:
    async with serving(Slow().app, head_limit=0.2) as (_, url):
        address = httpx.URL(url)
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(said)
        rest = await asyncio.wait_for(reader.read(), HEAD_LIMIT - 1)
        writer.close()

    assert rest == b""


async def test_head_that_breaks_off_after_an_answer_closes_the_connection() -> None:
    slow = Slow()
    slow.may_answer.set()
    async with serving(slow.app, head_limit=0.2) as (_, url):
        address = httpx.URL(url)
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: broker\r\n\r\n")
        answer = await reader.readuntil(b'answered"}')
        writer.write(b"GET / HT")
        rest = await asyncio.wait_for(reader.read(), HEAD_LIMIT - 1)
        writer.close()

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert rest == b""


async def test_answer_may_take_longer_than_the_head() -> None:
    slow = Slow()
    async with (
        serving(slow.app, head_limit=0.2) as (_, url),
        httpx.AsyncClient(timeout=PATIENCE) as http,
    ):
        asking = asyncio.create_task(http.get(url))
        await slow.asked.wait()
        await asyncio.sleep(0.5)
        slow.may_answer.set()
        first = await asking
        await asyncio.sleep(0.5)
        second = await http.get(url)

    assert [first.status_code, second.status_code] == [200, 200]


class Large:
    """An application whose answer is more than the kernel keeps for who reads not."""

    def __init__(self) -> None:
        self.content = bytes(16 * 1024 * 1024)
        self.app = FastAPI()
        self.app.add_api_route("/", self.answer)

    async def answer(self) -> Response:
        return Response(self.content)


async def test_who_takes_nothing_of_an_answer_is_cut_off() -> None:
    async with serving(Large().app, stall_limit=0.1) as (server, url):
        reader, writer = await who_asks(url)
        await asyncio.wait_for(reader.readuntil(b"\r\n"), 60)
        await eventually(lambda: not server.server_state.connections)
        writer.close()


@pytest.mark.real_time(0.5)
async def test_who_takes_an_answer_slowly_gets_all_of_it() -> None:
    large = Large()
    async with serving(large.app, stall_limit=2.0) as (_, url):
        reader, writer = await who_asks(url)
        await reader.readuntil(b"\r\n\r\n")
        left = len(large.content)
        while left:
            await asyncio.sleep(0.01)
            left -= len(await reader.readexactly(min(left, 64 * 1024)))
        writer.close()


async def who_asks(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    address = httpx.URL(url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: broker\r\n\r\n")
    return reader, writer


async def test_server_does_not_name_its_software() -> None:
    slow = Slow()
    slow.may_answer.set()
    async with (
        serving(slow.app) as (_, url),
        httpx.AsyncClient(timeout=PATIENCE) as http,
    ):
        answer = await http.get(url)

    assert "server" not in answer.headers


def test_port_in_use_is_told_with_what_to_do() -> None:
    with socket.create_server((LOOPBACK, 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(CannotListen, match=f"port {port} of .* is in use"):
            reserve(LOOPBACK, port).__enter__()


def test_address_of_another_machine_cannot_be_listened_on() -> None:
    with pytest.raises(CannotListen, match=r"cannot listen on 192\.0\.2\.1 port"):
        reserve("192.0.2.1", 8080).__enter__()


def test_name_that_does_not_resolve_is_told() -> None:
    with pytest.raises(CannotListen, match=r"cannot listen on no\.such\.invalid"):
        reserve("no.such.invalid", 8080).__enter__()


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),  # noqa: S104 - for a moment, never listening
    ],
)
def test_url_is_one_that_a_browser_takes(host: str, shown: str) -> None:
    with reserve(host, 0) as listener:
        port = listener.getsockname()[1]
        assert url_of(listener) == f"http://{shown}:{port}"


def test_url_of_ipv6_stands_in_brackets() -> None:
    with socket.socket(socket.AF_INET6) as listener:
        try:
            listener.bind(("::", 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
        port = listener.getsockname()[1]
        assert url_of(listener) == f"http://[::1]:{port}"
