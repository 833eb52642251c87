"""Uploads of numbers: what is taken, what is left out, and what a break leaves."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import a_runtime, on_a_port
from tests.support.clearings import (
    CSV,
    GONE_ON,
    NDJSON,
    a_draft,
    a_filled_draft,
    a_published,
    count,
    csv,
    has_put,
    ndjson,
    number,
    places,
    put,
    shown,
)
from tests.support.clock import FixedClock
from tests.support.holdings_api import line, tell
from tests.support.order_api import Scene, a_scene, order_body


@pytest.mark.parametrize(("kind", "write"), [(NDJSON, ndjson), (CSV, csv)])
async def test_numbers_are_put_in_as_lines_of_json_or_csv(
    engine: AsyncEngine, clock: FixedClock, kind: dict[str, str], write: object
) -> None:
    assert callable(write)
    async with a_scene(engine, clock) as scene:
        path = await a_draft(scene)
        answer = await put(scene, path, write(range(25)), kind)
        told = answer.json()
        assert (told["part"], told["accepted"], told["refused"]) == (1, 25, 0)
        assert (await shown(scene, path))["numbers"] == 25
    assert await places(engine, path) == list(range(1, 26))


async def test_bad_lines_are_named_and_good_ones_kept(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    lines = [
        *ndjson([1]).decode().splitlines(),
        "{",
        "[" * 900,
        "",
        json.dumps({"number": number(2)}),
        json.dumps({"number": number(2), "disconnected_on": 20260820}),
        json.dumps({"number": "+861380000", "disconnected_on": GONE_ON}),
        json.dumps({"number": "+861012345678", "disconnected_on": GONE_ON}),
        json.dumps({"number": number(2), "disconnected_on": "20260820"}),
        json.dumps({"number": number(2), "disconnected_on": "2027-01-01"}),
        json.dumps({"number": number(1), "disconnected_on": GONE_ON}),
        "x" * 2000,
        *ndjson([2]).decode().splitlines(),
    ]
    async with a_scene(engine, clock) as scene:
        path = await a_draft(scene)
        book = "\n".join(lines).encode() + b"\n\xff\xfe"
        answer = await put(scene, path, book)
        told = answer.json()
    assert (told["accepted"], told["refused"]) == (2, 11)
    assert [(one["line"], one["code"]) for one in told["bad"]] == [
        (2, "line-malformed"),
        (3, "line-malformed"),
        (5, "line-malformed"),
        (6, "line-malformed"),
        (7, "invalid-number"),
        (8, "invalid-number"),
        (9, "date-invalid"),
        (10, "date-in-future"),
        (11, "duplicate-number"),
        (12, "line-malformed"),
        (14, "line-malformed"),
    ]
    assert "13800" not in answer.text


async def test_only_the_first_thousand_bad_lines_are_shown(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock) as scene:
        path = await a_draft(scene)
        told = await has_put(scene, path, b"{\n" * 700 + ndjson([5] * 702))
        assert (told["accepted"], told["refused"]) == (1, 1401)
        shown_lines = [one["line"] for one in told["bad"]]
        assert shown_lines == [*range(1, 701), *range(702, 1002)]


async def test_the_same_content_gets_the_same_answer_and_other_content_replaces_it(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock) as scene:
        path = await a_draft(scene)
        first = await has_put(scene, path, ndjson(range(10)))
        clock.advance(timedelta(minutes=1))
        assert await has_put(scene, path, ndjson(range(10))) == first
        await has_put(scene, path, ndjson(range(20, 25)), part=2)
        replaced = await has_put(scene, path, ndjson(range(5, 12)))
        assert (replaced["accepted"], replaced["refused"]) == (7, 0)
        view = await shown(scene, path)
        assert view["numbers"] == 12
        assert [(one["part"], one["accepted"]) for one in view["parts"]] == [
            (1, 7),
            (2, 5),
        ]
    assert len(await places(engine, path)) == 12


async def test_a_number_counts_once_in_a_clearance_and_again_in_another(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock) as scene:
        path = await a_filled_draft(scene, range(10))
        told = await has_put(scene, path, ndjson(range(8, 12)), part=2)
        assert (told["accepted"], told["refused"]) == (2, 2)
        assert {one["code"] for one in told["bad"]} == {"duplicate-number"}
        other = await a_draft(scene)
        assert (await has_put(scene, other, ndjson(range(10))))["accepted"] == 10


async def test_a_number_that_somebody_holds_is_left_out(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    """Its former holder's own holding, not ended yet, speaks against nothing."""
    async with a_scene(engine, clock, "weibo") as scene:
        other = await scene.add_carrier("china-unicom")
        await tell(scene, line("activated", "2024-01-01", number(1)))
        await tell(scene, line("activated", "2024-01-01", number(2)))
        await tell(scene, line("disconnected", GONE_ON, number(2)))
        await tell(scene, line("activated", "2026-10-01", number(3)))
        await tell(scene, line("activated", "2024-01-01", number(4)), **other)
        placed = await scene.post(
            "/v1/orders", order_body(number=number(5), owner_since="2026-09-01")
        )
        assert placed.status_code == 202
        path = await a_draft(scene)
        told = await has_put(scene, path, ndjson(range(1, 7)))
    assert told["accepted"] == 3
    assert [(one["line"], one["code"]) for one in told["bad"]] == [
        (3, "live-holding"),
        (4, "live-holding"),
        (5, "live-holding"),
    ]


async def test_more_numbers_than_a_clearance_may_hold_are_refused_whole(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, clearance_numbers=20) as scene:
        path = await a_draft(scene)
        long = await put(scene, path, ndjson(range(21)))
        assert (long.status_code, long.json()["code"]) == (413, "clearance-too-large")
        assert (await has_put(scene, path, ndjson(range(15))))["accepted"] == 15
        second = await put(scene, path, ndjson(range(20, 26)), part=2)
        assert second.status_code == 413
        assert (await has_put(scene, path, ndjson(range(20))))["accepted"] == 20
        blank = await put(scene, path, b"{\n" * 42, part=2)
        assert (blank.status_code, blank.json()["code"]) == (413, "body-too-large")
    assert len(await places(engine, path)) == 20


async def test_what_is_no_upload_is_refused(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock) as scene:
        path = await a_draft(scene)
        json_ = await put(scene, path, b"{}", {"Content-Type": "application/json"})
        assert (json_.status_code, json_.json()["code"]) == (
            415,
            "unsupported-media-type",
        )
        packed = await put(scene, path, b"", {**CSV, "Content-Encoding": "gzip"})
        assert (packed.status_code, packed.json()["code"]) == (
            415,
            "unsupported-media-type",
        )
        header = await put(scene, path, b"number,since\n", CSV)
        assert header.status_code == 422
        assert (await put(scene, path, b"", CSV)).json()["accepted"] == 0
        for part in (0, 1001, 10**20):
            assert (await put(scene, path, b"", NDJSON, part)).status_code == 404


async def test_parts_of_others_are_not_found(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock) as scene:
        path = await a_draft(scene)
        other = await scene.add_carrier("china-unicom")
        answer = await put(scene, path, ndjson([1]), headers=other)
        assert answer.status_code == 404
    assert await places(engine, path) == []


async def test_a_published_clearance_takes_no_other_content(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        path = await a_published(scene, range(3))
        assert (await put(scene, path, ndjson(range(3)))).status_code == 200
        for part in (1, 2):
            answer = await put(scene, path, ndjson([7]), NDJSON, part)
            assert answer.json()["code"] == "clearance-not-draft"


async def test_uploads_at_once_leave_each_part_whole(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    """They have numbers in common; each number has one place in the end."""
    async with a_scene(engine, clock) as scene:
        path = await a_draft(scene)
        answers = await asyncio.gather(
            put(scene, path, ndjson(range(3000))),
            put(scene, path, ndjson(range(1000, 4000)), part=2),
        )
        assert [one.status_code for one in answers] == [200, 200]
        again = await asyncio.gather(
            put(scene, path, ndjson(range(500))), put(scene, path, ndjson(range(700)))
        )
        assert [one.status_code for one in again] == [200, 200]
        view = await shown(scene, path)
    told = {one["part"]: one["accepted"] for one in view["parts"]}
    assert sum(told.values()) == view["numbers"] == len(await places(engine, path))
    assert told[1] in {500, 700}


async def test_an_upload_that_breaks_off_leaves_the_part_as_it_was(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock) as scene:
        path = await a_draft(scene)
        before = await has_put(scene, path, ndjson(range(5)))

        async def broken() -> AsyncIterator[bytes]:
            yield ndjson(range(100, 2000))
            raise ConnectionError

        async with on_a_port(a_runtime(engine, clock)) as http:
            with pytest.raises(ConnectionError):
                await http.put(
                    f"{path}/parts/1",
                    content=broken(),
                    headers={**scene.carrier_headers, **NDJSON},
                )
        assert await has_put(scene, path, ndjson(range(5))) == before
    assert await places(engine, path) == [1, 2, 3, 4, 5]


async def test_nothing_that_is_kept_or_answered_shows_a_number(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock) as scene:
        path = await a_draft(scene)
        answer = await put(scene, path, ndjson([1, 1]))
        assert "13800" not in answer.text
        assert await _plain_digests(scene) == 0
    assert await count(engine, "clearance_numbers") == 1


async def _plain_digests(scene: Scene) -> int:
    """How often what was sent can be told from a digest that anybody can make."""
    plain = hashlib.sha256(ndjson([1, 1])).digest()
    asked = text("SELECT count(*) FROM clearance_parts WHERE sha256 = :plain")
    async with scene.engine.connect() as db:
        return int((await db.execute(asked, {"plain": plain})).scalar_one())


async def test_a_carrier_that_may_not_call_puts_nothing_in(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        path = await a_draft(scene)
        answer: httpx.Response = await put(
            scene, path, ndjson([1]), headers=scene.platform_headers["weibo"]
        )
        assert answer.status_code == 403
