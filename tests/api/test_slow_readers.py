"""Who does not read what is sent is cut off."""

import asyncio

import pytest
from starlette.types import Message

from unbind_broker.api.slow_readers import in_time

PIECE: Message = {"type": "http.response.body", "body": b"{}", "more_body": True}
LONG = 60.0


async def never_read(message: Message) -> None:
    del message
    await asyncio.Event().wait()


async def test_a_piece_that_nobody_reads_ends_the_stream() -> None:
    with pytest.raises(TimeoutError):
        await in_time(never_read, silent=0.01)(PIECE)


async def test_a_stream_ends_however_fast_its_pieces_are_read() -> None:
    sent: list[Message] = []

    async def read_slowly(message: Message) -> None:
        await asyncio.sleep(0.01)
        sent.append(message)

    send = in_time(read_slowly, silent=LONG, whole=0.1)

    async def send_all() -> None:
        for _ in range(100):
            await send(PIECE)

    with pytest.raises(TimeoutError):
        await send_all()
    assert len(sent) < 100


async def test_what_is_read_arrives_as_it_is() -> None:
    sent: list[Message] = []

    async def read(message: Message) -> None:
        sent.append(message)

    await in_time(read, silent=LONG, whole=LONG)(PIECE)
    assert sent == [PIECE]
