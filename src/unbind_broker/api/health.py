"""Tell whether the process is alive, and whether it can serve."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import Field

from unbind_broker.api.context import Ctx
from unbind_broker.api.fields import AnswerModel
from unbind_broker.api.problems import NotFound, problems
from unbind_broker.base.errors import BrokerError
from unbind_broker.base.pulse import Pulse

alive_router = APIRouter(tags=["health"])
ready_router = APIRouter(tags=["health"])

PulseOf = Callable[[], Pulse]
Expose = Callable[[str], Awaitable[tuple[bytes, str]]]
"""Takes ``Accept``; returns what is written, and its media type."""

OPEN_METRICS = "application/openmetrics-text"

Word = Annotated[str, Field(examples=["ok"])]
Seconds = Annotated[float, Field(examples=[0.041])]


class Draining(BrokerError):
    """The process is about to end."""

    code = "draining"
    title = "This process is about to end"


class Stale(BrokerError):
    """The process runs, but its worker gets nothing done."""

    code = "stale"
    title = "The worker gets nothing done"


class NotMigrated(BrokerError):
    """The database was never migrated, or is another one."""

    code = "schema-outdated"
    title = "The database schema is older than this program"


class LoopShown(AnswerModel):
    """One loop: seconds since its last good step, and how many steps have failed."""

    age_seconds: Seconds
    faults: int


class WorkerShown(AnswerModel):
    """The worker of this process.

    `last_good_poll_age_seconds`: since it last read all that is to be sent.
    """

    last_good_poll_age_seconds: Seconds
    loops: dict[str, LoopShown] = Field(
        examples=[{"read_log": {"age_seconds": 0.041, "faults": 0}}]
    )


class Alive(AnswerModel):
    """The process answers."""

    status: Word
    worker: WorkerShown | None = Field(
        default=None, description="Only where a worker runs in the same process."
    )


class Ready(AnswerModel):
    """The process can serve."""

    status: Word
    schema_revision: str = Field(examples=["0001"])


@alive_router.get(
    "/healthz",
    summary="Is the process alive",
    response_model=Alive,
    responses=problems("stale"),
)
async def healthz(request: Request) -> Response:
    """Answer as long as the process can answer anything; asks nobody else.

    Where a worker runs too, tell how long ago it last read what is to be sent, and 503
    once that is longer ago than `UNBIND_LIVENESS_LIMIT`.
    """
    pulse_of: PulseOf | None = request.app.state.pulse_of
    if pulse_of is None:
        return JSONResponse({"status": "ok"})
    pulse = pulse_of()
    if pulse.is_stale:
        raise Stale(_why(pulse))
    alive = Alive(status="ok", worker=_shown(pulse))
    return JSONResponse(alive.model_dump())


@alive_router.get(
    "/metrics",
    summary="See figures for Prometheus",
    response_class=PlainTextResponse,
    responses={200: {"content": {OPEN_METRICS: {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request) -> Response:
    """Write the figures of this process and of the whole broker, for Prometheus.

    In its text format, or in OpenMetrics if `Accept` asks for that. Needs no key: a
    proxy must not pass it on. Figures of the database are at most 15 seconds old;
    while it is away they are left out, and `unbind_database_up` is 0.
    """
    expose: Expose | None = request.app.state.expose
    if expose is None:
        raise NotFound("this process tells no figures")
    written, media_type = await expose(request.headers.get("accept", ""))
    return Response(written, headers={"Content-Type": media_type})


@ready_router.get(
    "/readyz",
    summary="Can the process serve",
    response_model=Ready,
    responses=problems("database-unavailable", "schema-outdated", "draining"),
)
async def readyz(context: Ctx) -> Response:
    """Answer 200 while the database is reachable and migrated, 503 otherwise.

    A process does not start on a schema that is older than itself. One that was asked
    to end says 503 for `UNBIND_DRAIN_NOTICE` before it takes no more calls, so that
    whoever follows this sends them elsewhere in time.
    """
    if context.door.closing:
        raise Draining("this process was asked to end; send calls to another one")
    revision = await context.readiness.revision()
    if revision is None:
        raise NotMigrated("the database has no schema; run: unbind-broker migrate")
    return JSONResponse({"status": "ok", "schema_revision": revision})


def _shown(pulse: Pulse) -> WorkerShown:
    return WorkerShown(
        last_good_poll_age_seconds=round(pulse.last_good_poll_age_seconds, 3),
        loops={
            name: LoopShown(age_seconds=round(loop.age_seconds, 3), faults=loop.faults)
            for name, loop in pulse.loops.items()
        },
    )


def _why(pulse: Pulse) -> str:
    return (
        f"the worker last read what is to be sent "
        f"{pulse.last_good_poll_age_seconds:.0f} s ago; at most "
        f"{pulse.limit_seconds:.0f} s are allowed"
    )
