"""Platforms report what they did (处置结果)."""

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from unbind_broker.api.callers import ReportingPlatform, platform_of
from unbind_broker.api.context import Context, Ctx
from unbind_broker.api.json_answers import encode, json_answer
from unbind_broker.api.problems import ANY_BODY, problems
from unbind_broker.api.result_bodies import (
    REQUEST_BODY,
    ReportAnswered,
    ReportBody,
)
from unbind_broker.api.signed_reports import read_signed
from unbind_broker.base.database import Db
from unbind_broker.base.tracing import span_under_way
from unbind_broker.callbacks import evidence
from unbind_broker.callbacks.braking import BrakePolicy, consider
from unbind_broker.callbacks.results import Applying, LineAnswer, apply
from unbind_broker.keys.service import Caller
from unbind_broker.notices.ending import settle
from unbind_broker.orders.traces import traces_of
from unbind_broker.sending.reported import orders_named
from unbind_broker.settings import Settings

router = APIRouter(prefix="/v1/results", tags=["results"])


@router.post(
    "",
    summary="Report results",
    response_model=ReportAnswered,
    responses=problems(
        *ANY_BODY, "signature-invalid", "webhook-id-reused", "overloaded"
    ),
    openapi_extra=REQUEST_BODY,
)
async def report_results(
    context: Ctx, caller: ReportingPlatform, request: Request
) -> Response:
    """Report on up to 1,000 items at once; each line is judged by itself.

    A line is `recorded`, a `duplicate` (tells nothing new), a `conflict` (another
    result stands already; `amend` corrects it), `rejected` (wrong by itself, `code`
    says why) or `unknown` (no such item was sent to you). The first result stands;
    after `expired`, `undeliverable` and `cancelled` a result still replaces them, and
    counts as late. `acknowledged` takes an item, `in_progress` and `action_required`
    tell how it goes.

    `bound`, `unbound`, `partly_unbound` and `closed` need `last_bound_at`: when the
    newest of the bindings in question was made. A removal outside the item's interval
    is `recorded` with the code `outside-interval`: it is a violation, and you are asked
    at once to undo it. Suspended platforms may report too.

    If a `result_public_key` is registered, the report must carry Standard Webhooks
    headers with a `v1a` signature of these very bytes, at most 5 minutes old. It is
    kept as evidence. Repeat it with the same `webhook-id`, and it gets its first answer
    again.
    """
    answer = await _report(context, caller, request)
    return json_answer(answer)


async def _report(context: Context, caller: Caller, request: Request) -> bytes:
    now, body = context.clock.now(), await request.body()
    platform = platform_of(caller)
    applying = _applying(context.settings)
    async with context.admission.enter(), context.engine.begin() as db:
        signed = await read_signed(db, now, platform, request)
        if signed is not None:
            earlier = await evidence.earlier_answer(db, signed)
            if earlier is not None:
                return earlier
        evidence_id = None if signed is None else signed.id
        lines = _lines(body)
        applied = await apply(db, now, platform, lines, applying, evidence_id)
        await _link_orders(context, db, lines)
        answer = encode({"results": [_shown(line) for line in applied.answers]})
        if signed is not None:
            await evidence.keep(db, now, signed, answer)
    if not caller.sandbox:
        context.tallies.reported("report", (line.status for line in applied.answers))
    if applied.touched:
        async with context.engine.begin() as db:
            await settle(db, now, applied.touched, platform)
    if applied.alarming:
        async with context.engine.begin() as db:
            await consider(db, now, applied.alarming, applying.brake)
    return answer


async def _link_orders(context: Context, db: Db, lines: list[object]) -> None:
    """Let who follows an order find the reports on it."""
    if context.runtime.tracer.is_on:
        span_under_way().link(await traces_of(db, orders_named(lines)))


def _applying(settings: Settings) -> Applying:
    brake = BrakePolicy(settings.brake_share, settings.brake_least)
    return Applying(settings.working_time, brake)


def _lines(body: bytes) -> list[object]:
    try:
        return ReportBody.model_validate_json(body).results
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False)
        raise RequestValidationError(
            [{**fault, "loc": ("body", *fault["loc"])} for fault in faults]
        ) from None


def _shown(line: LineAnswer) -> dict[str, str | None]:
    """Write a ``LineAnswerShown`` without its model: there are thousands a second."""
    shown = {"id": line.id, "status": line.status.value}
    if line.code is not None:
        shown["code"] = line.code
    if line.detail is not None:
        shown["detail"] = line.detail
    return shown
