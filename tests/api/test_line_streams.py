"""Books of holdings come as streams, of any length and with any fault."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.clock import FixedClock
from tests.support.holdings_api import CSV, LINE, NDJSON, line, number, rows, stream
from tests.support.order_api import NUMBER, Scene, a_scene
from tests.support.waiting import eventually
from unbind_broker.api.line_streams import (
    LONGEST_LINE,
    Bounds,
    LineUnreadable,
    StreamTooSlow,
    read_json_line,
    read_lines,
    read_pieces,
)
from unbind_broker.intake.holding_feed import MOST_AT_ONCE


def csv_of(*lines: dict[str, str]) -> str:
    told = [",".join(one.values()) for one in lines]
    return "\r\n".join(["number,event,on", *told]) + "\r\n"


async def test_a_book_comes_as_csv(engine: AsyncEngine, clock: FixedClock) -> None:
    async with a_scene(engine, clock) as scene:
        book = csv_of(*(line("activated", "2025-03-01", number(n)) for n in range(3)))
        answer = await stream(scene, book, CSV)
        assert answer.json() == {
            "recorded": 3,
            "duplicates": 0,
            "rejected": 0,
            "results": [],
        }
        answer = await stream(scene, book.rstrip("\r\n"), CSV)
        shown = [(one["line"], one["status"]) for one in answer.json()["results"]]
        assert shown == [(2, "duplicate"), (3, "duplicate"), (4, "duplicate")]


async def test_columns_may_stand_in_any_order_and_quoted(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock) as scene:
        book = f'\ufeffon,"event",number\n2025-03-01,activated,"{NUMBER}"\n'
        answer = await stream(scene, book, CSV)
        assert answer.json()["recorded"] == 1


@pytest.mark.parametrize(
    "head", ["", "number,event", f"{NUMBER},activated,2025-03-01", '"', "a,b,c,d"]
)
async def test_csv_without_its_header_is_refused(
    engine: AsyncEngine, clock: FixedClock, head: str
) -> None:
    async with a_scene(engine, clock) as scene:
        book = f"{head}\n{NUMBER},activated,2025-03-01\n"
        answer = await stream(scene, book, CSV)
        assert answer.status_code == 422
        assert answer.json()["code"] == "validation-failed"
        assert NUMBER[-8:] not in answer.text
        assert await rows(engine) == 0


async def test_faulty_lines_of_csv_are_named(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock) as scene:
        book = "\n".join(
            [
                "number,event,on",
                f"{NUMBER},activated",
                "",
                f'"{NUMBER},activated,2025-03-01',
                "x" * (LONGEST_LINE + 1),
                f"{NUMBER},activated,2025-03-01,",
                f"{NUMBER},activated,2025-03-01",
            ]
        ).encode()
        answer = await stream(scene, book + b"\n\xff\xfe,activated,2025-03-01", CSV)
        told = answer.json()
        assert (told["recorded"], told["rejected"]) == (1, 5)
        assert [one["line"] for one in told["results"]] == [2, 4, 5, 6, 8]
        assert {one["code"] for one in told["results"]} == {"line-malformed"}
        assert NUMBER[-8:] not in answer.text


async def test_faulty_lines_of_ndjson_are_named(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock) as scene:
        book = "\n".join(["{", "[" * 900, "", '"x"', "\x00", json.dumps(LINE), "{}"])
        told = (await stream(scene, book, NDJSON)).json()
        assert (told["recorded"], told["rejected"]) == (1, 5)
        assert [one["line"] for one in told["results"]] == [1, 2, 4, 5, 7]


@pytest.mark.parametrize("packed", ["gzip", "identity, deflate", "utf-8"])
async def test_a_packed_stream_is_not_read_as_text(
    engine: AsyncEngine, clock: FixedClock, packed: str
) -> None:
    async with a_scene(engine, clock) as scene:
        kind = {**NDJSON, "Content-Encoding": packed}
        answer = await stream(scene, json.dumps(LINE), kind)
        plain = {**NDJSON, "Content-Encoding": "Identity"}
        taken = await stream(scene, json.dumps(LINE), plain)
    told = answer.json()
    assert (answer.status_code, told["code"]) == (415, "unsupported-media-type")
    assert "without Content-Encoding" in told["detail"]
    assert answer.headers["Accept-Encoding"] == "identity"
    assert (taken.status_code, taken.json()["recorded"]) == (200, 1)


async def test_an_empty_stream_tells_nothing(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock) as scene:
        answer = await stream(scene, b"", NDJSON)
        assert answer.json()["recorded"] == 0


async def test_a_long_book_is_worked_on_while_it_comes(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    """What was sent and is not stored yet stays within a few batches."""
    lag = []

    async def book() -> AsyncIterator[bytes]:
        for start in range(0, 20_000, 500):
            lag.append(start - await rows(engine))
            yield ndjson(start, start + 500)

    async with a_scene(engine, clock) as scene:
        answer = await stream(scene, book(), NDJSON)
        told = answer.json()
        assert told["recorded"] + told["duplicates"] == 20_000
        assert told["recorded"] == 10_000
        assert len(told["results"]) == 1000
    assert max(lag[:20]) <= 2 * MOST_AT_ONCE
    assert await rows(engine) == 10_000


def ndjson(start: int, end: int) -> bytes:
    lines: Iterable[dict[str, str]] = (
        line("activated", "2025-03-01", number(n % 10_000)) for n in range(start, end)
    )
    return "".join(f"{json.dumps(one)}\n" for one in lines).encode()


async def test_what_came_before_a_break_stands(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock) as scene:
        book = ndjson(0, MOST_AT_ONCE).decode() + "number,event,on\n"
        assert (await stream(scene, book, NDJSON)).json()["rejected"] == 1
        again = await stream(scene, ndjson(0, MOST_AT_ONCE + 1), NDJSON)
        assert again.json()["duplicates"] == MOST_AT_ONCE
        assert again.json()["recorded"] == 1


async def test_streams_of_one_carrier_leave_room_for_the_others(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    over = asyncio.Event()

    async def dripping() -> AsyncIterator[bytes]:
        yield b"{"
        await over.wait()

    async with a_scene(engine, clock) as scene:
        other = {**await scene.add_carrier("china-unicom"), **NDJSON}
        drips = [asyncio.create_task(stream(scene, dripping(), NDJSON)) for _ in "12"]
        app = scene.http._transport.app  # type: ignore[attr-defined] # in this process
        await eventually(lambda: app.state.context.feeds.inside == len(drips))
        refused = await eventually(lambda: refusal(scene))
        taken = await scene.http.post("/v1/holdings", content=b"{}", headers=other)
        over.set()
        answers = [(await drip).status_code for drip in drips]
    assert refused.json()["code"] == "rate-limited"
    assert (taken.status_code, answers) == (200, [200, 200])


async def refusal(scene: Scene) -> httpx.Response | None:
    answer = await stream(scene, b"", NDJSON)
    return answer if answer.status_code == 429 else None


async def test_a_stream_that_stops_is_given_up() -> None:
    async def stopping() -> AsyncIterator[bytes]:
        yield b"{}\n{}"
        await asyncio.sleep(10)

    lines = read_lines(stopping(), read_json_line, silent=0.05)
    assert await anext(lines) == (1, {})
    with pytest.raises(StreamTooSlow):
        await anext(lines)


async def test_a_stream_that_drips_is_given_up() -> None:
    taken = 0

    async def dripping() -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(500):
            taken += 1
            yield b"{}\n"
            await asyncio.sleep(0.01)

    bounds = Bounds(least=1024, window=0.1)
    with pytest.raises(StreamTooSlow, match="1024 bytes a second"):
        async for _ in read_pieces(dripping(), read_json_line, bounds):
            pass
    assert taken < 100


@pytest.mark.real_time(0.2)
async def test_a_stream_pays_for_no_time_but_its_own() -> None:
    """What is worked on slowly here did not come slowly."""

    async def coming() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"{}\n"

    bounds = Bounds(least=1024, window=0.4)
    read = 0
    async for lines in read_pieces(coming(), read_json_line, bounds):
        read += len(lines)
        await asyncio.sleep(0.4)
    assert read == 3


@pytest.mark.real_time(0.5)
async def test_a_stream_that_is_quick_enough_goes_on_beyond_the_window() -> None:
    async def coming() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b" " * 500 + b"\n"
            await asyncio.sleep(0.12)

    bounds = Bounds(least=100, window=1.0)
    read = [one async for one in read_pieces(coming(), read_json_line, bounds)]
    assert len(read) == 11


async def test_a_line_that_never_ends_takes_no_memory() -> None:
    held = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal held
        for _ in range(1000):
            held += 1
            yield b"x" * 65_536
        yield b"\n{}"

    read = [one async for one in read_lines(endless(), read_json_line)]
    assert held == 1000
    assert isinstance(read[0][1], LineUnreadable)
    assert read[1] == (2, {})
