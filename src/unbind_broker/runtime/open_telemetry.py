"""Spans by OpenTelemetry, sent by OTLP over HTTP from a thread.

Nobody waits for the collector: spans are dropped while it is away or slow.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from threading import Thread

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    Decision,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    TraceState,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace import Span as OtelSpan
from opentelemetry.trace import Tracer as OtelTracer
from opentelemetry.util.types import Attributes
from typing_extensions import override

from unbind_broker import __version__
from unbind_broker.base.tracing import MOST_LINKS, Facts, Kind, Span, TraceContext
from unbind_broker.settings import Settings

log = logging.getLogger(__name__)

MOST_WAITING = 8192
"""Spans that wait for the collector; what comes then is dropped."""
MOST_TOGETHER = 512
EVERY = 1.0
ENDING_LIMIT = 1.0
"""Seconds; what was broken off ends at once."""

_KINDS = {
    Kind.SERVER: SpanKind.SERVER,
    Kind.CLIENT: SpanKind.CLIENT,
    Kind.INTERNAL: SpanKind.INTERNAL,
}


@asynccontextmanager
async def opened(
    settings: Settings, endpoint: str, service: str, export: float, closing: float
) -> AsyncIterator["OpenTelemetry"]:
    """Open what sends spans; in the end, send those that are left.

    ``export`` is how many seconds one request may take, ``closing`` the end.
    """
    # It tells each failure, and by name where spans are sent; it is told once, here.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    exporter = _Exporter(
        OTLPSpanExporter(
            endpoint=endpoint, headers=settings.traces_head, timeout=export
        )
    )
    chance = _Chance(settings.traces_ratio)
    provider = TracerProvider(
        sampler=_AsOthers(chance),
        resource=_resource(service),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(
        BatchSpanProcessor(
            exporter,
            max_queue_size=MOST_WAITING,
            schedule_delay_millis=EVERY * 1000,
            max_export_batch_size=MOST_TOGETHER,
            export_timeout_millis=export * 1000,
        )
    )
    try:
        yield OpenTelemetry(provider.get_tracer("unbind_broker", __version__), chance)
    finally:
        ending = Thread(target=provider.shutdown, daemon=True)
        ending.start()
        await asyncio.to_thread(ending.join, closing)
        exporter.shutdown()
        await asyncio.to_thread(ending.join, ENDING_LIMIT)


class OpenTelemetry:
    """A tracer whose spans are sent."""

    is_on = True

    def __init__(self, tracer: OtelTracer, chance: "_Chance") -> None:
        self._tracer = tracer
        self._chance = chance

    def begin(
        self,
        name: str,
        kind: Kind,
        facts: Facts,
        *,
        parent: TraceContext | None = None,
        links: Collection[TraceContext] = (),
    ) -> Span:
        """Begin a span."""
        context = Context()
        if parent is not None:
            if parent.is_foreign:
                parent = parent._replace(sampled=self._chance.keeps())
            above = NonRecordingSpan(_span_context(parent))
            context = set_span_in_context(above, context)
        chosen = _chosen(links) or list(links)[:1]  # one suffices to know its fate
        span = self._tracer.start_span(
            name,
            context=context,
            kind=_KINDS[kind],
            attributes=_known(facts),
            links=[Link(_span_context(one)) for one in chosen],
        )
        return _Span(span)


class _Span:
    def __init__(self, span: OtelSpan) -> None:
        self._span = span
        named = span.get_span_context()
        self.context: TraceContext | None = TraceContext(
            f"{named.trace_id:032x}",
            f"{named.span_id:016x}",
            named.trace_flags.sampled,
        )

    def tell(self, facts: Facts) -> None:
        self._span.set_attributes(_known(facts))

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def link(self, contexts: Collection[TraceContext]) -> None:
        for one in _chosen(contexts):
            self._span.add_link(_span_context(one))

    def end(self, error: str | None = None) -> None:
        if error is not None:
            self._span.set_attribute("error.type", error)
            self._span.set_status(StatusCode.ERROR)
        self._span.end()


class _Chance:
    """Keep a share of all traces."""

    def __init__(self, ratio: float) -> None:
        self.by_trace = TraceIdRatioBased(ratio)
        self._ids = RandomIdGenerator()

    def keeps(self) -> bool:
        """Decide once more: a trace that a caller has named may be named again."""
        drawn = self._ids.generate_trace_id()
        decision = self.by_trace.should_sample(None, drawn, "").decision
        return decision is not Decision.DROP


class _AsOthers(Sampler):
    """Keep what belongs to something that is kept; of all else, a share."""

    def __init__(self, chance: _Chance) -> None:
        self._by_chance = chance.by_trace

    @override
    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        above = get_current_span(parent_context).get_span_context()
        sampler: Sampler = self._by_chance
        if above.is_valid:
            sampler = ALWAYS_ON if above.trace_flags.sampled else ALWAYS_OFF
        elif links:
            kept = any(link.context.trace_flags.sampled for link in links)
            sampler = ALWAYS_ON if kept else ALWAYS_OFF
        return sampler.should_sample(
            parent_context, trace_id, name, kind, attributes, links
        )

    @override
    def get_description(self) -> str:
        return f"AsOthers{{{self._by_chance.get_description()}}}"


class _Exporter(SpanExporter):
    """Tell once that spans do not arrive, and once that they do again."""

    def __init__(self, real: SpanExporter) -> None:
        self._real = real
        self._is_failing = False
        self._is_shut = False

    @override
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._real.export(spans)
        failed = result is not SpanExportResult.SUCCESS
        if failed and not self._is_failing:
            log.warning("traces_not_sent", extra={"spans": len(spans)})
        elif self._is_failing and not failed:
            log.warning("traces_sent_again")
        self._is_failing = failed
        return result

    @override
    def shutdown(self) -> None:
        if not self._is_shut:
            self._is_shut = True
            self._real.shutdown()


def _resource(service: str) -> Resource:
    return Resource(
        {
            "service.namespace": "unbind-broker",
            "service.name": service,
            "service.version": __version__,
            "host.name": socket.gethostname(),
        }
    )


def _known(facts: Facts) -> dict[str, str | int | bool]:
    return {name: value for name, value in facts.items() if value is not None}


def _chosen(contexts: Collection[TraceContext]) -> list[TraceContext]:
    """Choose those that are kept, for the others are found nowhere."""
    kept = sorted({one for one in contexts if one.sampled})
    return kept[:MOST_LINKS]


def _span_context(context: TraceContext) -> SpanContext:
    return SpanContext(
        int(context.trace_id, 16),
        int(context.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(int(context.sampled)),
    )
