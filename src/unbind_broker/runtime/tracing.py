"""Traces, for processes that are told where to send them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from unbind_broker.base.tracing import NO_TRACES, Tracer
from unbind_broker.settings import Settings


class Patience(NamedTuple):
    """Seconds that one request to the collector may take, and the last ones in all."""

    export: float
    closing: float


PATIENCE = Patience(export=5.0, closing=3.0)


@asynccontextmanager
async def open_tracer(
    settings: Settings, service: str, patience: Patience = PATIENCE
) -> AsyncIterator[Tracer]:
    """Send spans to the collector that the settings name; without one, make none.

    Only then is OpenTelemetry loaded. ``service`` is what the process is called there.
    """
    if settings.traces_endpoint is None:
        yield NO_TRACES
        return
    from unbind_broker.runtime.open_telemetry import (  # noqa: PLC0415 - see above
        opened,
    )

    endpoint = settings.traces_endpoint
    async with opened(settings, endpoint, service, *patience) as tracer:
        yield tracer
