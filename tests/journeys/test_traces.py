"""One order is followed from its carrier's request to its platform's report."""

import json
import logging
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.journeys.outsider import Outsider, asking, is_completed
from tests.journeys.overheard import NUMBER, SECRET, look_for
from tests.support.app import a_runtime, in_process, on_a_port
from tests.support.builders import a_carrier, a_key, a_platform, an_endpoint
from tests.support.collector import a_collector
from tests.support.receiver import Answer, Door, Receiver
from tests.support.waiting import eventually
from tests.support.working import working
from unbind_broker.base.clock import SystemClock
from unbind_broker.runtime.logs import _JsonLines
from unbind_broker.runtime.tracing import Patience, open_tracer
from unbind_broker.settings import Settings

pytestmark = pytest.mark.journey

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
ABOVE = "00f067aa0ba902b7"
PATIENT = Patience(60.0, 60.0)
SERVER, CLIENT = 2, 3
PLACED, ASKED = "POST /v1/orders", "POST unbind.requested"


@dataclass
class Scene:
    carrier: Outsider
    platform: Outsider
    door: Door

    async def order(self, number: int, **headers: str) -> str:
        """Place an order; return its id."""
        body = asking(number)
        made = await self.carrier.call(
            "POST", "/v1/orders", body, expect=202, **headers
        )
        return str(made["id"])

    async def report(self, *order_ids: str) -> None:
        """Let the platform say that there was nothing."""
        lines = [{"id": one, "outcome": "not_bound"} for one in order_ids]
        await self.platform.call("POST", "/v1/results", {"results": lines})


@asynccontextmanager
async def a_scene(
    engine: AsyncEngine, receiver: Receiver, url: str | None
) -> AsyncIterator[Scene]:
    """A carrier, a platform, an API and a worker, each with a tracer of its own."""
    clock, door = SystemClock(), receiver.door("weibo")
    async with engine.begin() as db:
        carrier = await a_key(db, await a_carrier(db, now=clock.now()))
        weibo = await a_platform(db, "weibo")
        platform = await a_key(db, weibo)
        made = await an_endpoint(db, weibo, door.url, now=clock.now())
        door.secrets.append(made.secret)
    told = Settings.model_validate({"traces_endpoint": url})
    patient = {"request_timeout": "1m", "lease": "2m"}
    runtime = a_runtime(engine, clock, **patient)
    async with AsyncExitStack() as stack:
        serve = await stack.enter_async_context(open_tracer(told, "serve", PATIENT))
        worker = await stack.enter_async_context(open_tracer(told, "worker", PATIENT))
        http = await stack.enter_async_context(
            on_a_port(replace(runtime, tracer=serve))
        )
        traced = replace(runtime, tracer=worker)
        _working = await stack.enter_async_context(working(traced))
        url = str(http.base_url)
        scene = Scene(Outsider(url, carrier.key), Outsider(url, platform.key), door)
        stack.push_async_callback(scene.carrier.close)
        stack.push_async_callback(scene.platform.close)
        yield scene


async def test_an_order_is_one_trace_through_all_processes(
    engine: AsyncEngine, receiver: Receiver
) -> None:
    async with a_collector() as collector:
        async with a_scene(engine, receiver, collector.url) as scene:
            scene.door.then(Answer(status=503))
            order_id = await scene.order(1234, traceparent=f"00-{TRACE}-{ABOVE}-01")
            await eventually(lambda: len(scene.door.deliveries) == 2)
            await scene.report(order_id)
            await scene.carrier.until(f"/v1/orders/{order_id}", is_completed)
        (placed,), (accept,) = collector.named(PLACED), collector.named("accept")
        refused, taken = collector.named(ASKED)
        (reported,) = collector.named("POST /v1/results")
    assert (placed.service, placed.kind, placed.parent) == ("serve", SERVER, ABOVE)
    assert (accept.service, accept.parent) == ("serve", placed.span_id)
    for attempt in (refused, taken):
        assert (attempt.service, attempt.kind) == ("worker", CLIENT)
        assert attempt.parent == accept.span_id
        assert attempt.facts["unbind.platform"] == "weibo"
    assert {one.trace_id for one in (placed, accept, refused, taken)} == {TRACE}
    sent = [one.headers["traceparent"] for one in scene.door.deliveries]
    assert sent == [f"00-{TRACE}-{one.span_id}-01" for one in (refused, taken)]
    assert refused.failed
    assert refused.facts["error.type"] == "503"
    assert not taken.failed
    assert placed.facts["http.route"] == "/v1/orders"
    assert placed.facts["http.response.status_code"] == 202
    assert placed.facts["unbind.caller"] == "carrier:china-mobile"
    assert reported.trace_id != TRACE
    assert reported.links == ((TRACE, accept.span_id),)


async def test_no_caller_turns_tracing_on(engine: AsyncEngine) -> None:
    async with a_collector() as collector:
        told = {"traces_endpoint": collector.url, "traces_ratio": 0}
        settings = Settings.model_validate(told)
        async with open_tracer(settings, "serve", PATIENT) as tracer:
            runtime = replace(a_runtime(engine, SystemClock()), tracer=tracer)
            async with in_process(runtime) as http:
                traced = {"traceparent": f"00-{TRACE}-{ABOVE}-01"}
                await http.get("/v1/platforms", headers=traced)
                await http.get("/console/login", headers=traced)
    assert collector.spans == []


async def test_a_request_about_many_orders_is_linked_to_each(
    engine: AsyncEngine, receiver: Receiver
) -> None:
    async with a_collector() as collector:
        async with a_scene(engine, receiver, collector.url) as scene:
            scene.door.usual = Answer(hang=True)
            for number in range(8):  # more than are under way at once
                await scene.order(number)
            await eventually(lambda: scene.door.in_flight)
            scene.door.usual = Answer()
            scene.door.release()
            await eventually(lambda: len(set(scene.door.item_ids)) == 8)
        accepts = {(one.trace_id, one.span_id) for one in collector.named("accept")}
        attempts = collector.named(ASKED)
    assert len(accepts) == 8
    for attempt in attempts:
        if attempt.facts["unbind.subjects"] == 1:
            assert (attempt.trace_id, attempt.parent) in accepts
            assert not attempt.links
        else:
            assert len(attempt.links) == attempt.facts["unbind.subjects"]
            assert accepts.issuperset(attempt.links)
            assert not attempt.parent


async def test_no_number_and_no_secret_is_in_a_span_or_a_line(
    engine: AsyncEngine, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    number = asking(1234)["number"]
    async with a_collector() as collector:
        async with a_scene(engine, receiver, collector.url) as scene:
            order_id = await scene.order(1234, user_agent=str(number))
            await eventually(lambda: scene.door.deliveries)
            await scene.report(order_id)
            for path in (f"/v1/orders?reference={number}", f"/v1/orders/{number}"):
                await scene.carrier.call("GET", path, expect=_anything(path))
        told = b"\n".join(collector.bodies).decode("utf-8", "replace")
    lines = [_JsonLines().format(one) for one in caplog.records if _is_ours(one)]
    said = "\n".join(lines)
    assert "/v1/orders" in said
    assert '"event": "attempt"' in said
    for text in (told, said):
        assert not look_for(f"{NUMBER}|{SECRET}", text)
        assert not re.search(re.escape(str(number)[3:]), text)
        assert "?" not in text or "reference=" not in text


async def test_untraced_order_carries_nothing_of_the_callers_trace(
    engine: AsyncEngine, receiver: Receiver
) -> None:
    async with a_scene(engine, receiver, None) as scene:
        await scene.order(1234, traceparent=f"00-{TRACE}-{ABOVE}-01")
        (sent,) = await eventually(lambda: scene.door.deliveries)
    assert "traceparent" not in sent.headers


async def test_lines_tell_each_request_and_each_attempt_once(
    engine: AsyncEngine, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with a_scene(engine, receiver, None) as scene:
        scene.door.then(Answer(status=503))
        trace = f"00-{TRACE}-{ABOVE}-01"
        await scene.order(1234, x_request_id="mine", traceparent=trace)
        await eventually(lambda: len(scene.door.deliveries) == 2)
    lines = [json.loads(_JsonLines().format(one)) for one in caplog.records]
    (request,) = [one for one in lines if one["event"] == "request"]
    assert request["method"] == "POST"
    assert request["route"] == "/v1/orders"
    assert request["status"] == 202
    assert request["bytes"] > 100
    assert request["request_id"] == "mine"
    assert request["caller"] == "carrier:china-mobile"
    assert request["trace_id"] == TRACE
    refused, taken = [one for one in lines if one["event"] == "attempt"]
    assert refused["platform"] == taken["platform"] == "weibo"
    assert (refused["status"], refused["outcome"]) == (503, "throttled")
    assert (refused["decision"], refused["try"]) == ("retry", 1)
    assert refused["again_at"].endswith("Z")
    assert (taken["status"], taken["outcome"]) == (200, "accepted")
    assert (taken["decision"], taken["try"]) == ("done", 2)
    for one in (refused, taken):
        assert one["type"] == "unbind.requested"
        assert one["subjects"] == 1
        assert one["attempt_id"].startswith("att_")
        assert one["ms"] >= 0


def _anything(path: str) -> int:
    """Give what the API answers to a number where none belongs."""
    return 200 if "?" in path else 404


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name.startswith("unbind_broker")
