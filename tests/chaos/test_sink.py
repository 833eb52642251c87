"""The receiver of the storms notes when its senders hang up before what comes after."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator

import pytest

from tests.chaos.sink import Behaviour, Connection, Sink
from tests.support.waiting import eventually

_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
_BODY = json.dumps({"type": "query.requested", "data": {"items": []}}).encode()
_REQUEST = (b"POST /p/0 HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(_BODY)) + _BODY


@pytest.fixture
async def sink() -> AsyncIterator[tuple[Sink, int]]:
    """A sink that hangs, and its port."""
    made = Sink()
    made.doors[0] = Behaviour(_SECRET, hang=True, verify=0)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(made), "127.0.0.1", 0)
    yield made, server.sockets[0].getsockname()[1]
    server.close()


@pytest.mark.parametrize("is_reset", [False, True])
async def test_who_hangs_up_is_gone_before_the_next_one_comes(
    sink: tuple[Sink, int],
    is_reset: bool,  # noqa: FBT001 - a parameter of a test
) -> None:
    noted, port = sink
    first, second = (socket.create_connection(("127.0.0.1", port)) for _ in "12")
    with first, second:
        first.sendall(_REQUEST)
        await eventually(lambda: noted.requests)
        # The loop stands still meanwhile, and finds both at once.
        if is_reset:
            linger = b"\x01\0\0\0\0\0\0\0"
            first.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        first.close()
        second.sendall(_REQUEST)
        await eventually(lambda: noted.requests[1:] and noted.requests[0].ended)
    given_up, next_one = noted.requests[:2]
    assert given_up.ended is not None
    assert given_up.ended <= next_one.arrived
