# ruff: noqa: SIM117 - what is traced ends before the collector is asked
"""Spans reach their collector, and nobody waits for it."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from tests.support.collector import Collector, a_collector
from tests.support.waiting import eventually
from unbind_broker.base.tracing import (
    MOST_LINKS,
    NO_SPAN,
    NO_TRACES,
    Kind,
    TraceContext,
    Tracer,
    read_traceparent,
    step_of_it,
    traceparent_under_way,
    under_way,
)
from unbind_broker.runtime.tracing import Patience, open_tracer
from unbind_broker.settings import Settings

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PATIENT = Patience(60.0, 60.0)
ABOVE = TraceContext(TRACE, "00f067aa0ba902b7", sampled=True)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    own = [one for one in caplog.records if one.name.endswith(".open_telemetry")]
    return [one.message for one in own]


def has_been_asked(collector: Collector, times: int) -> bool:
    return len(collector.headers) >= times


@asynccontextmanager
async def tracing(collector: Collector, **settings: object) -> AsyncIterator[Tracer]:
    """Trace in the block; at its end all has been sent."""
    chosen = {"traces_endpoint": collector.url, **settings}
    async with open_tracer(Settings.model_validate(chosen), "test", PATIENT) as tracer:
        yield tracer


async def test_span_arrives_with_its_facts_below_its_parent() -> None:
    async with a_collector() as collector:
        async with tracing(collector, traces_headers="X-Key=secret, b=c") as tracer:
            facts = {"http.route": "/v1/orders", "unbind.nothing": None}
            span = tracer.begin("GET", Kind.SERVER, facts, parent=ABOVE)
            span.rename("GET /v1/orders")
            span.tell({"http.response.status_code": 503})
            span.end("503")
    (seen,) = collector.spans
    assert (seen.service, seen.name, seen.kind) == ("test", "GET /v1/orders", 2)
    assert (seen.trace_id, seen.parent) == (TRACE, ABOVE.span_id)
    assert span.context == TraceContext(TRACE, seen.span_id, sampled=True)
    assert seen.facts == {
        "http.route": "/v1/orders",
        "http.response.status_code": 503,
        "error.type": "503",
    }
    assert seen.failed
    assert collector.headers[0]["x-key"] == "secret"
    assert collector.headers[0]["b"] == "c"


async def test_steps_lie_below_what_is_under_way() -> None:
    async with a_collector() as collector:
        async with tracing(collector) as tracer:
            with under_way(tracer.begin("request", Kind.SERVER, {})) as outer:
                async with step_of_it(tracer, "accept") as inner:
                    assert inner.context is not None
                    assert traceparent_under_way() == inner.context.traceparent
            assert traceparent_under_way() is None
    (request,), (accept,) = collector.named("request"), collector.named("accept")
    assert accept.parent == request.span_id
    assert outer.context is not None
    assert accept.trace_id == request.trace_id == outer.context.trace_id


async def test_fault_in_what_is_under_way_is_named() -> None:
    async with a_collector() as collector:
        async with tracing(collector) as tracer:
            with (
                pytest.raises(ValueError, match="a word"),
                under_way(tracer.begin("request", Kind.SERVER, {})),
            ):
                raise ValueError("a word")
    (seen,) = collector.spans
    assert seen.failed
    assert seen.facts == {"error.type": "ValueError"}
    assert b"a word" not in collector.bodies[0]


@pytest.mark.parametrize("ratio", [0.0, 1.0])
@pytest.mark.parametrize("sampled", [False, True])
async def test_what_belongs_to_a_trace_shares_its_fate(
    ratio: float, *, sampled: bool
) -> None:
    other = ABOVE._replace(sampled=sampled)
    dropped = ABOVE._replace(trace_id=TRACE[::-1], sampled=False)
    async with a_collector() as collector:
        async with tracing(collector, traces_ratio=ratio) as tracer:
            below = tracer.begin("below", Kind.CLIENT, {}, parent=other)
            beside = tracer.begin("beside", Kind.CLIENT, {}, links=[dropped, other])
            alone = tracer.begin("alone", Kind.CLIENT, {})
            for span in (below, beside, alone):
                span.end()
    kept = {"below", "beside"} if sampled else set()
    if ratio:
        kept.add("alone")
    assert {one.name for one in collector.spans} == kept
    assert below.context is not None
    assert below.context.sampled is sampled


@pytest.mark.parametrize("ratio", [0.0, 1.0])
@pytest.mark.parametrize("sampled", [False, True])
async def test_caller_names_its_trace_and_does_not_decide_whether_it_is_kept(
    ratio: float, *, sampled: bool
) -> None:
    caller = ABOVE._replace(sampled=sampled, is_foreign=True)
    async with a_collector() as collector:
        async with tracing(collector, traces_ratio=ratio) as tracer:
            with under_way(tracer.begin("request", Kind.SERVER, {}, parent=caller)):
                async with step_of_it(tracer, "accept"):
                    handed_on = read_traceparent(traceparent_under_way())
    assert handed_on is not None
    assert (handed_on.trace_id, handed_on.sampled) == (TRACE, ratio == 1.0)
    if ratio:
        (request,), (accept,) = collector.named("request"), collector.named("accept")
        assert (request.trace_id, request.parent) == (TRACE, caller.span_id)
        assert (accept.trace_id, accept.parent) == (TRACE, request.span_id)
    else:
        assert collector.spans == []


async def test_no_trace_that_is_named_again_is_always_kept() -> None:
    caller = ABOVE._replace(trace_id="a" + "0" * 31, is_foreign=True)
    async with a_collector() as collector:
        async with tracing(collector, traces_ratio=0.5) as tracer:
            spans = [
                tracer.begin("request", Kind.SERVER, {}, parent=caller)
                for _ in range(300)
            ]
            for span in spans:
                span.end()
    kept = {span.context.sampled for span in spans if span.context is not None}
    assert kept == {False, True}


async def test_links_are_bounded_and_lead_to_what_is_kept() -> None:
    many = [TraceContext(f"a{n:031x}", f"a{n:015x}", sampled=True) for n in range(300)]
    dropped = [one._replace(span_id="b" * 16, sampled=False) for one in many]
    async with a_collector() as collector:
        async with tracing(collector) as tracer:
            span = tracer.begin("batch", Kind.CLIENT, {}, links=[*dropped, *many])
            span.end()
            later = tracer.begin("report", Kind.SERVER, {})
            later.link([*dropped, *many])
            later.end()
    for seen in collector.spans:
        assert len(seen.links) == MOST_LINKS
        assert not any(span_id == "b" * 16 for _, span_id in seen.links)


async def test_collector_that_is_away_is_told_once_and_holds_up_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    async with a_collector() as collector:
        collector.status = 400  # an answer after which nothing is tried again
        async with tracing(collector) as tracer:
            for round_ in range(2):
                tracer.begin("lost", Kind.SERVER, {}).end()
                await eventually(partial(has_been_asked, collector, round_ + 1))
            collector.status = 200
            tracer.begin("found", Kind.SERVER, {}).end()
            await eventually(lambda: collector.spans)
    assert told(caplog) == ["traces_not_sent", "traces_sent_again"]
    assert collector.url not in caplog.text


async def test_process_ends_though_no_collector_listens(
    caplog: pytest.LogCaptureFixture,
) -> None:
    nowhere = {"traces_endpoint": "http://127.0.0.1:9/v1/traces"}
    async with open_tracer(Settings.model_validate(nowhere), "test") as tracer:
        tracer.begin("lost", Kind.SERVER, {}).end()
    assert told(caplog) in ([], ["traces_not_sent"])


def test_without_a_collector_nothing_is_made_and_nothing_loaded() -> None:
    code = (
        "import asyncio, sys\n"
        "heavy = ('opentelemetry.sdk', 'opentelemetry.exporter', 'requests')\n"
        "import unbind_broker.app.factory, unbind_broker.worker.process\n"
        "from unbind_broker.base.tracing import NO_TRACES\n"
        "from unbind_broker.runtime.tracing import open_tracer\n"
        "from unbind_broker.settings import Settings\n"
        "async def main():\n"
        "    async with open_tracer(Settings(), 'test') as tracer:\n"
        "        assert tracer is NO_TRACES\n"
        "asyncio.run(main())\n"
        "print([one for one in sys.modules if one.startswith(heavy)])\n"
    )
    done = subprocess.run(
        (sys.executable, "-c", code), capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "[]", done.stderr


async def test_nothing_is_under_way_where_nothing_is_traced() -> None:
    with under_way(NO_TRACES.begin("request", Kind.SERVER, {}, parent=ABOVE)) as span:
        assert span is NO_SPAN
        async with step_of_it(NO_TRACES, "accept") as step:
            assert step is NO_SPAN
        assert traceparent_under_way() is None


async def test_tasks_do_not_see_each_others_spans() -> None:
    async def one_of_them(tracer: Tracer) -> tuple[str | None, str | None]:
        with under_way(tracer.begin("request", Kind.SERVER, {})) as span:
            await asyncio.sleep(0)
            own = span.context and span.context.traceparent
            return own, traceparent_under_way()

    async with a_collector() as collector, tracing(collector) as tracer:
        seen = await asyncio.gather(*(one_of_them(tracer) for _ in range(5)))
    assert all(own == found for own, found in seen)
    assert len(set(seen)) == 5


@pytest.mark.parametrize(
    ("text", "sampled"),
    [
        (f"00-{TRACE}-00f067aa0ba902b7-01", True),
        (f"00-{TRACE}-00f067aa0ba902b7-00", False),
        (f"00-{TRACE}-00f067aa0ba902b7-03", True),
        (f"01-{TRACE}-00f067aa0ba902b7-01-later", True),
    ],
)
def test_traceparent_is_read(text: str, *, sampled: bool) -> None:
    found = read_traceparent(text)
    assert found == ABOVE._replace(sampled=sampled)
    assert read_traceparent(found.traceparent) == found


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "00",
        f"ff-{TRACE}-00f067aa0ba902b7-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-00f067aa0ba902b7-01",
        f"00-{TRACE}-00f067aa0ba902b7",
        f"00-{'1' * 32}-00f067aa0ba902b7-01",  # digits only: it may hold a number
        f"00-{TRACE}-{'1' * 16}-01",
    ],
)
def test_anything_else_is_no_traceparent(text: str | None) -> None:
    assert read_traceparent(text) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"traces_endpoint": "collector:4318"},
        {"traces_endpoint": "ftp://collector/v1/traces"},
        {"traces_endpoint": "https://me:secret@collector/v1/traces"},
        {"traces_headers": "secret"},
        {"traces_ratio": 1.1},
    ],
    ids=str,
)
def test_setting_that_cannot_be_meant_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="traces_"):
        Settings.model_validate(wrong)


def test_empty_endpoint_means_none() -> None:
    assert Settings.model_validate({"traces_endpoint": ""}).traces_endpoint is None
