"""Carriers tell who holds their numbers, as lists and as streams."""

import json

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.clock import FixedClock
from tests.support.holdings_api import CSV, LINE, NDJSON, line, number, stream, tell
from tests.support.order_api import NUMBER, a_scene, order_body, query_body
from tests.support.trail import trail


@pytest.mark.parametrize("body", [{"holdings": [LINE]}, [LINE], LINE])
async def test_a_list_comes_in_three_shapes(
    engine: AsyncEngine, clock: FixedClock, body: object
) -> None:
    async with a_scene(engine, clock) as scene:
        for status in ("recorded", "duplicate"):
            answer = await scene.post("/v1/holdings", body)
            assert answer.status_code == 200
            assert answer.json()["results"] == [{"line": 1, "status": status}]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"number": NUMBER, "event": "activated"}, "line-malformed"),
        ({**LINE, "more": 1}, "line-malformed"),
        ({**LINE, "on": 20250301}, "line-malformed"),
        ("activated", "line-malformed"),
        (None, "line-malformed"),
        ({**LINE, "number": "12345"}, "invalid-number"),
        ({**LINE, "number": f"{NUMBER}9"}, "invalid-number"),
        ({**LINE, "event": "stolen"}, "event-unknown"),
        ({**LINE, "on": "2025-02-30"}, "date-invalid"),
        ({**LINE, "on": "20250301"}, "date-invalid"),
        ({**LINE, "on": "1969-12-31"}, "date-invalid"),
        ({**LINE, "on": "2026-11-21"}, "date-in-future"),
        (line("disconnected", "2025-03-01", number(9)), "holding-unknown"),
    ],
)
async def test_one_bad_line_spoils_no_other(
    engine: AsyncEngine, clock: FixedClock, wrong: object, code: str
) -> None:
    async with a_scene(engine, clock) as scene:
        told = await tell(scene, wrong, line("activated", "2025-03-01", number(1)))
        bad, good = told["results"]
        assert (bad["line"], bad["status"], bad["code"]) == (1, "rejected", code)
        assert bad["detail"]
        assert good == {"line": 2, "status": "recorded"}
        counts = (told["recorded"], told["duplicates"], told["rejected"])
        assert counts == (1, 0, 1)
        assert NUMBER[-8:] not in str(told)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"holdings": []}, 422),
        ({"holdings": [LINE], "more": 1}, 422),
        ({"holdings": [LINE] * 1001}, 422),
        ("activated", 422),
        ([], 422),
    ],
)
async def test_a_body_that_is_no_list_of_lines_is_refused(
    engine: AsyncEngine, clock: FixedClock, body: object, status: int
) -> None:
    async with a_scene(engine, clock) as scene:
        answer = await scene.post("/v1/holdings", body)
        assert answer.status_code == status
        assert answer.json()["code"] == "validation-failed"
        assert "after validation" not in answer.text


async def test_what_is_no_json_is_refused(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock) as scene:
        kind = {"Content-Type": "application/json"}
        answer = await stream(scene, b'{"holdings"', kind)
        assert answer.json()["code"] == "malformed-json"
        answer = await stream(scene, b"x", {"Content-Type": "text/plain"})
        assert answer.status_code == 415
        assert "text/csv" in answer.json()["detail"]


async def test_a_disconnection_ends_the_holders_open_orders(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        order = (await scene.post("/v1/orders", order_body())).json()
        query = (await scene.post("/v1/queries", query_body())).json()
        told = await tell(scene, line("disconnected", "2026-11-19"))
        assert told["recorded"] == 1
        for path in (f"/v1/orders/{order['id']}", f"/v1/queries/{query['id']}"):
            shown = (await scene.get(path)).json()
            assert shown["status"] == "cancelled"
            assert shown["items"][0]["reason"] == "number_disconnected"
        async with engine.connect() as db:
            (ended,) = await trail(db, "holding.disconnected")
            (told_,) = await trail(db, "holdings.told")
        assert ended.facts["until"] == "2026-11-19"
        assert told_.facts["recorded"] == 1


async def test_a_transfer_ends_what_the_former_holder_asked_for(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        order = (await scene.post("/v1/orders", order_body())).json()
        await tell(scene, line("transferred", "2026-11-19"))
        shown = (await scene.get(f"/v1/orders/{order['id']}")).json()
        assert shown["items"][0]["reason"] == "superseded"
        newer = await scene.post("/v1/orders", order_body(owner_since="2026-11-19"))
        assert newer.json()["status"] == "in_progress"
        older = await scene.post("/v1/orders", order_body())
        assert older.json()["code"] == "ownership-superseded"
        assert older.status_code == 409


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("disconnected", "holding-unknown"),
        ("ported_out", "holding-unknown"),
        ("transferred", "holding-elsewhere"),
    ],
)
async def test_another_carriers_holding_is_untouched(
    engine: AsyncEngine, clock: FixedClock, word: str, code: str
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        order = (await scene.post("/v1/orders", order_body())).json()
        unicom = await scene.add_carrier("china-unicom")
        body = line(word, "2026-11-19")
        answer = await scene.post("/v1/holdings", body, unicom)
        assert answer.json()["results"][0]["code"] == code
        shown = (await scene.get(f"/v1/orders/{order['id']}")).json()
        assert shown["status"] == "in_progress"


async def test_a_stale_event_leaves_a_later_holders_orders_alone(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        await tell(
            scene, line("activated", "2020-01-01"), line("transferred", "2025-03-01")
        )
        order = (await scene.post("/v1/orders", order_body())).json()
        told = await tell(
            scene, line("disconnected", "2024-01-01"), line("activated", "2021-01-01")
        )
        codes = [one["code"] for one in told["results"]]
        assert codes == ["holding-newer-known"] * 2
        shown = (await scene.get(f"/v1/orders/{order['id']}")).json()
        assert shown["status"] == "in_progress"


async def test_lines_of_one_number_follow_each_other(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock) as scene:
        lines = [
            line("activated", "2020-01-01"),
            line("disconnected", "2024-01-01"),
            line("resumed", "2024-02-01"),
            line("disconnected", "2024-06-01"),
            line("activated", "2025-03-01"),
        ]
        assert (await tell(scene, *lines))["recorded"] == 5
        assert (await tell(scene, *lines))["duplicates"] == 5


async def test_a_repeated_list_gets_its_first_answer(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock) as scene:
        lines = [line("activated", "2025-03-01", number(n)) for n in range(250)]
        key = {"Idempotency-Key": "book-1"}
        first = await scene.post("/v1/holdings", lines, key)
        again = await scene.post("/v1/holdings", lines, key)
        assert first.json()["recorded"] == 250
        assert again.content == first.content
        assert again.headers["Idempotency-Replayed"] == "true"
        other = await scene.post("/v1/holdings", lines[:1], key)
        assert other.json()["code"] == "idempotency-key-reused"


async def test_a_list_stays_within_the_limit_of_bodies(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock) as scene:
        kind = {"Content-Type": "application/json"}
        answer = await stream(scene, b" " * (1024 * 1024 + 1), kind)
        assert answer.status_code == 413
        answer = await stream(scene, b" " * (1024 * 1024 + 1), NDJSON)
        assert answer.status_code == 200


async def test_only_carriers_tell(engine: AsyncEngine, clock: FixedClock) -> None:
    async with a_scene(engine, clock, "weibo") as scene:
        for kind in (NDJSON, CSV, {"Content-Type": "application/json"}):
            weibo = scene.platform_headers["weibo"]
            answer = await stream(scene, json.dumps(LINE), kind, weibo)
            assert answer.status_code == 403
            answer = await scene.http.post(
                "/v1/holdings", content=json.dumps(LINE), headers=kind
            )
            assert answer.status_code == 401


async def test_no_number_reaches_the_log(
    engine: AsyncEngine, clock: FixedClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="unbind_broker")
    async with a_scene(engine, clock, "weibo") as scene:
        await scene.post("/v1/orders", order_body())
        await tell(scene, line("disconnected", "2026-11-19"), {"number": NUMBER})
        await stream(scene, f"{NUMBER}\n{NUMBER},{NUMBER}\n", NDJSON)
    assert NUMBER[-8:] not in caplog.text
