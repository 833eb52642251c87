"""A span for each request that goes out, as part of what placed its orders."""

from unbind_broker.base.tracing import NO_SPAN, Kind, Span, TraceContext, Tracer
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.sending.batches import Batch
from unbind_broker.sending.exchanges import Exchange
from unbind_broker.sending.targets import Target


def begin_attempt(tracer: Tracer, target: Target, batch: Batch) -> Span:
    """Begin a span: below what placed the order, or linked to what placed each."""
    if not tracer.is_on:
        return NO_SPAN
    found: set[TraceContext] = {
        work.content.trace for work in batch.works if work.content.trace is not None
    }
    alone = found.pop() if len(found) == 1 and len(batch.works) == 1 else None
    owner = "unbind.carrier" if target.platform_id is None else "unbind.platform"
    facts = {
        "http.request.method": "POST",
        "url.scheme": "https" if target.url.startswith("https:") else "http",
        owner: target.slug,
        "unbind.endpoint_id": target.endpoint_id,
        "unbind.type": batch.event.value,
        "unbind.subjects": len(batch.works),
        "unbind.try": max(work.attempt for work in batch.works) + 1,
    }
    name = f"POST {batch.event.value}"
    return tracer.begin(name, Kind.CLIENT, facts, parent=alone, links=found)


def head_of(span: Span) -> dict[str, str]:
    """Give the headers by which the receiver may go on with the trace."""
    return {} if span.context is None else {"traceparent": span.context.traceparent}


def end_attempt(span: Span, exchange: Exchange) -> None:
    """Tell what came of the request."""
    if span.context is None:
        return
    outcome, timings = exchange.outcome, exchange.timings
    span.tell(
        {
            "http.response.status_code": outcome.status_code,
            "unbind.outcome": outcome.kind.value,
            "unbind.dns_ms": timings.dns_ms,
            "unbind.connect_ms": timings.connect_ms,
            "unbind.tls_ms": timings.tls_ms,
            "unbind.first_byte_ms": timings.first_byte_ms,
        }
    )
    failed = outcome.kind is not OutcomeKind.ACCEPTED
    span.end(str(outcome.status_code or outcome.kind.value) if failed else None)
