"""A connection that is reset at once is an error of httpx, on every event loop."""

import asyncio
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest
import uvloop
from typing_extensions import override

from unbind_broker.client.http_client import HttpClient

AT_ONCE = 25
ROUNDS = 40

LINGER_FOR_NO_TIME = struct.pack("ii", 1, 0)
"""``struct linger`` of socket(7): closing resets the connection."""


@pytest.fixture
def resetting() -> Iterator[str]:
    """The URL of a server that resets every connection it accepts."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=AT_ONCE)

    def reset_each() -> None:
        while True:
            try:
                taken, _ = listening.accept()
            except OSError:
                return
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_FOR_NO_TIME)
            taken.close()

    serving = threading.Thread(target=reset_each)
    serving.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    serving.join()


async def ways_to_fail(url: str) -> Counter[type]:
    async with HttpClient() as http:
        answers = [
            answer
            for _ in range(ROUNDS)
            for answer in await asyncio.gather(
                *(http.get(url) for _ in range(AT_ONCE)), return_exceptions=True
            )
        ]
    return Counter(type(answer) for answer in answers)


def test_connection_that_is_reset_at_once_is_an_error_of_httpx(resetting: str) -> None:
    ways = uvloop.run(ways_to_fail(resetting))

    assert ways.total() == ROUNDS * AT_ONCE
    assert all(issubclass(way, httpx.RequestError) for way in ways), ways


class Lacking(httpx.AsyncBaseTransport):
    """A transport that fails for want of an attribute of nothing."""

    def __init__(self, name: str) -> None:
        self.name = name

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise AttributeError(f"None has no attribute {self.name!r}", name=self.name)


async def test_want_of_a_socket_is_an_error_of_httpx() -> None:
    async with HttpClient(transport=Lacking("getpeername")) as http:
        with pytest.raises(httpx.ConnectError, match="as soon as it was open"):
            await http.get("http://127.0.0.1/")


async def test_any_other_want_stays_the_fault_that_it_is() -> None:
    async with HttpClient(transport=Lacking("headers")) as http:
        with pytest.raises(AttributeError, match="headers"):
            await http.get("http://127.0.0.1/")
