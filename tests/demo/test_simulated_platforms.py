"""Simulated platforms over real HTTP: they verify, remember, fail and report."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from tests.support.waiting import PATIENCE, eventually
from unbind_broker.base.clock import SystemClock
from unbind_broker.demo.clearing import Clearer
from unbind_broker.demo.http_server import Answer, HttpServer, Request
from unbind_broker.demo.reports import Reporter
from unbind_broker.demo.simulated_platforms import SimulatedPlatforms
from unbind_broker.demo.traits import Dice, Traits

SECRET = "whsec_" + "c2ltdWxhdGVkLXBsYXRmb3JtLXNlY3JldC0wMDE="
PROMPT = Traits(latency=timedelta(0), report_delay=timedelta(0))


@dataclass
class ReportingDoor:
    """The broker's ``POST /v1/results``: it keeps the lines and answers as told."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)

    async def handle(self, request: Request) -> Answer:
        if request.path != "/v1/results":
            return Answer(404)
        assert request.headers["authorization"] == "Bearer key-of-weibo"
        if self.refusals:
            return Answer(self.refusals.pop(0))
        lines = json.loads(request.body)["results"]
        self.lines += lines
        answers = [
            {"id": line["id"], "status": (self.statuses or ["recorded"]).pop(0)}
            for line in lines
        ]
        return Answer(body=json.dumps({"results": answers}).encode())


@dataclass
class Scene:
    platforms: SimulatedPlatforms
    broker: ReportingDoor
    reporter: Reporter
    clearer: Clearer
    http: httpx.AsyncClient

    async def send(
        self, payload: dict[str, Any], webhook_id: str = "msg_1", secret: str = SECRET
    ) -> httpx.Response:
        body = json.dumps(payload)
        at = datetime.now(UTC)
        headers = {
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(secret).sign(webhook_id, at, body),
        }
        return await self.http.post("/p/weibo", content=body, headers=headers)


@asynccontextmanager
async def a_scene(traits: Traits = PROMPT, seed: int = 0) -> AsyncIterator[Scene]:
    door = ReportingDoor()
    broker = HttpServer(door.handle)
    await broker.start("127.0.0.1", 0)
    url, dice = f"http://127.0.0.1:{broker.port}", Dice(seed)
    reporter, clearer = Reporter(url), Clearer(url, SystemClock(), dice)
    platforms = SimulatedPlatforms(reporter, clearer, SystemClock(), dice)
    platform = platforms.add("weibo", traits)
    platform.key, platform.secret = "key-of-weibo", SECRET
    server = HttpServer(platforms.handle)
    await server.start("127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.port}"
    http = httpx.AsyncClient(base_url=url, timeout=PATIENCE)
    try:
        yield Scene(platforms, door, reporter, clearer, http)
    finally:
        await http.aclose()
        await clearer.close()
        await reporter.close()
        await server.close()
        await broker.close()


def a_request(
    *ids: str, kind: str = "unbind.requested", number: str = "+8613800000234"
) -> dict[str, Any]:
    deadline = datetime.now(UTC) + timedelta(minutes=5)
    return {
        "type": kind,
        "timestamp": "2026-11-21T08:00:00Z",
        "data": {
            "items": [
                {
                    "id": one,
                    "number": number,
                    "scope": "previous_owner",
                    "action": "detach",
                    "bound_from": None,
                    "bound_before": "2025-02-28T16:00:00Z",
                    "deadline": deadline.isoformat(timespec="seconds"),
                }
                for one in ids
            ]
        },
    }


async def test_challenge_is_answered() -> None:
    async with a_scene() as scene:
        answer = await scene.send(
            {"type": "endpoint.verification", "data": {"challenge": "c1"}}
        )

    assert answer.json() == {"challenge": "c1"}


async def test_request_of_a_stranger_is_unauthorized() -> None:
    async with a_scene() as scene:
        answer = await scene.send(a_request("ord_1"), secret="whsec_b3RoZXI=")

    assert answer.status_code == 401
    assert scene.platforms.counts == {"unauthorized": 1}


async def test_unsigned_request_is_unauthorized() -> None:
    async with a_scene() as scene:
        answer = await scene.http.post("/p/weibo", content=b"{}")

    assert answer.status_code == 401


async def test_platform_without_a_secret_trusts_nobody() -> None:
    async with a_scene() as scene:
        scene.platforms.add("weibo", PROMPT)
        answer = await scene.send(a_request("ord_1"))

    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/p/nobody", 404),
        ("POST", "/", 404),
        ("GET", "/p/weibo", 405),
    ],
)
async def test_wrong_door_or_method_is_told(
    method: str, path: str, status: int
) -> None:
    async with a_scene() as scene:
        answer = await scene.http.request(method, path)

    assert answer.status_code == status


async def test_results_come_in_the_answer() -> None:
    async with a_scene() as scene:
        answer = await scene.send(a_request("ord_1", "ord_2"))

    assert [line["id"] for line in answer.json()["results"]] == ["ord_1", "ord_2"]
    assert scene.broker.lines == []


async def test_results_are_reported_later_and_a_repeated_item_gets_the_same() -> None:
    async with a_scene(Traits(latency=timedelta(0), report_rate=1.0)) as scene:
        first = await scene.send(a_request("ord_1"))
        await eventually(lambda: scene.broker.lines)
        again = await scene.send(a_request("ord_1"))

    assert first.json() == {"results": []}
    assert again.json() == {"results": scene.broker.lines}
    assert scene.platforms.counts["repeated items"] == 1


async def test_report_is_repeated_until_the_broker_takes_it() -> None:
    async with a_scene(Traits(latency=timedelta(0), report_rate=1.0)) as scene:
        scene.broker.refusals = [503, 429]
        scene.broker.statuses = ["unknown", "recorded"]
        await scene.send(a_request("ord_1"))
        await eventually(lambda: scene.reporter.answers)

    assert [line["id"] for line in scene.broker.lines] == ["ord_1", "ord_1"]
    assert scene.reporter.answers == {"recorded": 1}


async def test_report_that_is_refused_for_good_is_counted() -> None:
    async with a_scene(Traits(latency=timedelta(0), report_rate=1.0)) as scene:
        scene.broker.refusals = [401]
        await scene.send(a_request("ord_1"))
        await eventually(lambda: scene.reporter.answers)

    assert scene.reporter.answers == {"not taken": 1}


async def test_two_results_for_one_item_go_one_after_the_other() -> None:
    async with a_scene() as scene:
        scene.broker.refusals = [503]
        for outcome in ("unbound", "refused"):
            line: dict[str, object] = {"id": "ord_1", "outcome": outcome}
            scene.reporter.report("key-of-weibo", line)
        await eventually(lambda: len(scene.broker.lines) == 2)

    assert [line["outcome"] for line in scene.broker.lines] == ["unbound", "refused"]


async def test_cancelled_item_is_not_worked_on() -> None:
    async with a_scene() as scene:
        await scene.send(a_request("ord_1", kind="unbind.cancelled"), "msg_0")
        answer = await scene.send(a_request("ord_1"))

    assert answer.json() == {"results": []}


async def test_reminders_want_nothing_but_an_answer() -> None:
    async with a_scene() as scene:
        answer = await scene.send(a_request("ord_1", kind="unbind.reminder"))

    assert (answer.status_code, answer.content) == (204, b"")


async def test_failures_end_after_the_most_that_were_asked_for() -> None:
    failing = Traits(latency=timedelta(0), fail_rate=1.0, most_failures=2)
    statuses: list[int] = []
    async with a_scene(failing) as scene:
        for _ in range(3):
            try:
                statuses.append((await scene.send(a_request("ord_1"))).status_code)
            except httpx.TransportError:
                statuses.append(0)

    assert [status == 200 for status in statuses] == [False, False, True]
    assert scene.platforms.counts["failed"] == 2


async def test_connection_is_torn_now_and_then() -> None:
    failing = Traits(latency=timedelta(0), fail_rate=1.0)
    seen: set[int | None] = set()
    async with a_scene(failing) as scene:
        for number in range(40):
            try:
                answer = await scene.send(a_request("ord_1"), f"msg_{number}")
                seen.add(answer.status_code)
            except (httpx.RemoteProtocolError, httpx.NetworkError):
                seen.add(None)

    assert seen == {None, 429, 500, 503}


async def test_answer_stays_small_and_the_rest_is_reported() -> None:
    ids = [f"ord_{number:026}" for number in range(300)]
    async with a_scene() as scene:
        answer = await scene.send(a_request(*ids))
        await eventually(
            lambda: len(scene.broker.lines) + len(answer.json()["results"]) == 300
        )

    assert len(answer.content) < 16 * 1024


async def test_garbage_on_the_wire_harms_nobody() -> None:
    async with a_scene() as scene:
        port = scene.http.base_url.port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GARBAGE\r\n\r\n")
        assert await reader.read() == b""
        writer.close()
        answer = await scene.send(
            {"type": "endpoint.verification", "data": {"challenge": "c1"}}
        )

    assert answer.status_code == 200
