"""Traces, for processes that are told where to send them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from unbind_broker.base.tracing import NO_TRACES, Tracer
from unbind_broker.settings import Settings


@asynccontextmanager
async def open_tracer(settings: Settings, service: str) -> AsyncIterator[Tracer]:
    """Send spans to the collector that the settings name; without one, make none.

    Only then is OpenTelemetry loaded. ``service`` is what the process is called there.
    """
    if settings.traces_endpoint is None:
        yield NO_TRACES
        return
    from unbind_broker.runtime.open_telemetry import (  # noqa: PLC0415 - see above
        opened,
    )

    async with opened(settings, settings.traces_endpoint, service) as tracer:
        yield tracer
