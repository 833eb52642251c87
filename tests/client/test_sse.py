"""Server-sent events, however they are cut."""

from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbind_broker.client.errors import AnswerUnreadable
from unbind_broker.client.sse import (
    LONGEST_LINE,
    EventReader,
    SentEvent,
    lines_of,
)

STREAM = (
    ": hello\n\n"
    "retry: 250\n"
    'id: a1\nevent: item.bound\ndata: {"b":\ndata: 1}\n\n'
    "data:微博\r\n\r\n"
    "id: a2\n\n"
    "event: x\r\rdata: last\rid: a3\r\r"
    "data: never ended"
)
EVENTS = [
    SentEvent("item.bound", '{"b":\n1}', "a1"),
    SentEvent("message", "微博", "a1"),
    SentEvent("message", "last", "a3"),
]


async def read_all(chunks: list[bytes]) -> tuple[list[SentEvent], float | None]:
    async def sent() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    reader = EventReader()
    events = [event async for line in lines_of(sent()) if (event := reader.take(line))]
    return events, reader.retry


@given(cuts=st.lists(st.integers(0, len(STREAM.encode())), max_size=30))
async def test_events_are_the_same_however_the_bytes_are_cut(cuts: list[int]) -> None:
    raw = STREAM.encode()
    places = sorted({0, len(raw), *cuts})
    chunks = [raw[a:b] for a, b in pairwise(places)]

    assert await read_all(chunks) == (EVENTS, 0.25)


async def test_line_without_end_is_refused() -> None:
    with pytest.raises(AnswerUnreadable, match="never ends"):
        await read_all([b"x" * (LONGEST_LINE + 1)])
