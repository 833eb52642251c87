"""A collector of traces for real: OTLP over HTTP on loopback, read as protobuf."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan


@dataclass(frozen=True)
class Received:
    """One span, as it arrived. Ids are hexadecimal, ``parent`` is empty at the root."""

    service: str
    name: str
    kind: int
    trace_id: str
    span_id: str
    parent: str
    links: tuple[tuple[str, str], ...]
    facts: Mapping[str, str | int | bool]
    failed: bool


@dataclass
class Collector:
    """What was received so far, and how it answers."""

    url: str = ""
    spans: list[Received] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    status: int = 200

    def named(self, name: str) -> list[Received]:
        return [one for one in self.spans if one.name == name]

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.headers.append(dict(request.headers))
        if self.status == 200:
            self.bodies.append(body)
            self.spans += _read(body)
        answer = ExportTraceServiceResponse().SerializeToString()
        return web.Response(
            body=answer, status=self.status, content_type="application/x-protobuf"
        )


@asynccontextmanager
async def a_collector() -> AsyncIterator[Collector]:
    """Listen on a free port; the block ends it."""
    collector = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        collector.url = f"http://{host}:{port}/v1/traces"
        yield collector
    finally:
        await runner.cleanup()


def _read(body: bytes) -> list[Received]:
    request = ExportTraceServiceRequest.FromString(body)
    return [
        _received(str(_facts(resource.resource.attributes)["service.name"]), span)
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _received(service: str, span: ProtoSpan) -> Received:
    return Received(
        service=service,
        name=span.name,
        kind=span.kind,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        links=tuple((one.trace_id.hex(), one.span_id.hex()) for one in span.links),
        facts=_facts(span.attributes),
        failed=span.status.code == 2,
    )


def _facts(attributes: Iterable[KeyValue]) -> dict[str, str | int | bool]:
    return {
        one.key: getattr(one.value, str(one.value.WhichOneof("value")))
        for one in attributes
    }
