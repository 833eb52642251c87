"""Streams of events, at the pace of whoever reads them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from unbind_broker.api.sse import (
    LARGEST_PIECE,
    SLOWEST_READER,
    EventStream,
    event,
    pieces,
    retry,
)


@dataclass
class Source:
    """Pieces of a stream, and who asked for them."""

    given: list[bytes]
    asked: int = 0
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    left: bool = False
    fails: bool = False

    def end(self) -> None:
        self.gone.set()

    @asynccontextmanager
    async def subscribed(self) -> AsyncIterator["Source"]:
        try:
            yield self
        finally:
            self.left = True

    async def tell(self, source: "Source") -> AsyncGenerator[bytes]:
        assert source is self
        if self.fails:
            raise ConnectionRefusedError
        for piece in self.given:
            self.asked += 1
            yield piece
        if self.given and not self.given[-1]:
            await self.gone.wait()


class Impatient(EventStream[Source]):
    slowest_reader = 0.05


SCOPE: dict[str, Any] = {"type": "http", "method": "GET", "headers": []}


async def stays() -> dict[str, Any]:
    await asyncio.Event().wait()
    raise AssertionError


def a_stream(source: Source) -> EventStream[Source]:
    return Impatient(source.subscribed(), source.tell)


async def test_a_stream_ends_when_everything_is_told() -> None:
    source, sent = Source([b"one", b"two"]), []

    async def send(message: Any) -> None:
        sent.append(message)

    await a_stream(source)(SCOPE, stays, send)
    assert [one.get("body") for one in sent] == [None, b"one", b"two", b""]
    assert [one.get("more_body") for one in sent] == [None, True, True, False]
    assert sent[0]["status"] == 200
    assert b"content-length" not in dict(sent[0]["headers"])
    assert source.left


async def test_who_does_not_read_is_cut_off_and_costs_one_piece() -> None:
    source = Source([b"one", b"two", b"three"])

    async def send(message: Any) -> None:
        if message.get("body") == b"two":
            await asyncio.Event().wait()

    await a_stream(source)(SCOPE, stays, send)
    assert source.asked == 2
    assert source.left


@pytest.mark.parametrize("given", [[b"one"], []])
@pytest.mark.parametrize(
    "stuck",
    [
        {"type": "http.response.start"},
        {"type": "http.response.body", "body": b""},
    ],
)
async def test_who_does_not_read_beginning_or_end_is_cut_off(
    given: list[bytes], stuck: dict[str, Any]
) -> None:
    source = Source(given)

    async def send(message: Any) -> None:
        if stuck.items() <= message.items():
            await asyncio.Event().wait()

    async with asyncio.timeout(SLOWEST_READER - 1):
        await a_stream(source)(SCOPE, stays, send)
    assert source.left


async def test_who_leaves_is_told_nothing_more() -> None:
    source = Source([b"one", b""])

    async def leaves() -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        del message

    async with asyncio.timeout(SLOWEST_READER - 1):
        await a_stream(source)(SCOPE, leaves, send)
    assert source.gone.is_set()
    assert source.left


async def test_where_nothing_is_to_come_clients_are_told_to_stay_away() -> None:
    source, sent = Source([]), []

    async def send(message: Any) -> None:
        sent.append(message)

    await a_stream(source)(SCOPE, stays, send)
    assert (sent[0]["status"], sent[1]["body"]) == (204, b"")


async def test_what_is_raised_before_the_first_piece_is_for_others_to_answer() -> None:
    source = Source([], fails=True)

    async def send(message: Any) -> None:
        raise AssertionError(message)

    with pytest.raises(ConnectionRefusedError):
        await a_stream(source)(SCOPE, stays, send)
    assert source.left


def test_events_are_written_as_the_standard_has_them() -> None:
    assert event("item.unbound", "A-1", b'{"a":1}') == (
        b'event: item.unbound\nid: A-1\ndata: {"a":1}\n\n'
    )
    assert retry(1500) == b"retry: 1500\n\n"


def test_events_go_out_together_in_pieces_of_bounded_size() -> None:
    events = [b"x" * 1000] * 200
    made = list(pieces(events))
    assert b"".join(made) == b"".join(events)
    assert len(made) == 4
    assert max(map(len, made)) < LARGEST_PIECE + 1000
    assert list(pieces([])) == []
