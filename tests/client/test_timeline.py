"""Live events over every break: nothing missed, nothing twice."""

import json
from datetime import timedelta

import pytest

from tests.client.conftest import QUICK
from tests.client.scripted import Said, ScriptedBroker, problem
from tests.client.test_calls import KEY, ORDER
from unbind_broker.client import Client, Options, Retrying, Unreachable, errors

STREAM = {"Content-Type": "text/event-stream; charset=utf-8"}


def event(cursor: str, kind: str) -> bytes:
    data = {"id": f"e-{cursor}", "type": kind, "at": "2026-11-21T08:00:00Z"}
    return f"id: {cursor}\nevent: {kind}\ndata: {json.dumps(data)}\n\n".encode()


def stream(*parts: bytes, breaks: bool = False) -> Said:
    return Said(200, None, STREAM, parts, breaks)


async def followed(
    scripted: ScriptedBroker, options: Options = QUICK, after: str | None = None
) -> list[str]:
    async with Client(scripted.url, KEY, options) as client:
        return [one.type async for one in client.orders.follow("ord_1", after)]


OVER = Said(204, None, {}, (b"",))


async def test_stream_is_followed_until_there_is_no_more(
    scripted: ScriptedBroker,
) -> None:
    told = event("1", "order.created"), event("2", "order.completed")
    scripted.will_say(stream(b": alive\n\n", *told), OVER)
    assert await followed(scripted) == ["order.created", "order.completed"]
    heard = [call.headers for call in scripted.heard]
    assert [one.get("last-event-id") for one in heard] == [None, "2"]
    assert {one["accept"] for one in heard} == {"text/event-stream"}


async def test_break_is_resumed_behind_the_last_event(scripted: ScriptedBroker) -> None:
    scripted.will_say(
        stream(event("1", "order.created"), b"data: half", breaks=True),
        problem(503, "overloaded", Retry_After="0"),
        stream(event("2", "item.acknowledged")),
        stream(event("3", "order.completed"), breaks=True),
        OVER,
    )
    told = await followed(scripted)

    assert told == ["order.created", "item.acknowledged", "order.completed"]
    resumed = [call.headers.get("last-event-id") for call in scripted.heard]
    assert resumed == [None, "1", "1", "2", "3"]


async def test_own_cursor_is_sent_first(scripted: ScriptedBroker) -> None:
    scripted.will_say(OVER)
    assert await followed(scripted, after="8") == []
    assert scripted.heard[0].headers["last-event-id"] == "8"


async def test_event_has_its_item_and_the_place_behind_it(
    scripted: ScriptedBroker,
) -> None:
    item = ORDER["items"][0]
    data = {"id": "e", "type": "item.pondered", "at": None, "item": item, "new": 1}
    scripted.will_say(stream(f"id: 7\ndata: {json.dumps(data)}\n\n".encode()), OVER)
    async with Client(scripted.url, KEY, QUICK) as client:
        (told,) = [one async for one in client.orders.follow("ord_1")]
    assert (told.cursor, told.item and told.item.status) == ("7", "pondered")


async def test_stream_that_gets_nowhere_is_given_up(scripted: ScriptedBroker) -> None:
    scripted.will_say(stream(b": \n"), stream(b": \n", breaks=True))
    options = Options(retrying=Retrying(tries=3, first=timedelta(0)))
    with pytest.raises(Unreachable, match="again and again"):
        await followed(scripted, options)
    assert len(scripted.heard) == 3


async def test_what_is_no_stream_is_refused(scripted: ScriptedBroker) -> None:
    scripted.will_say(Said(200, {"data": []}))
    with pytest.raises(errors.AnswerUnreadable):
        await followed(scripted)
