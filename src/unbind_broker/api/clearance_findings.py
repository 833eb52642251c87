"""Platforms report what they found about a clearance's numbers (处置结果)."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from unbind_broker.api.callers import ReportingPlatform, platform_of
from unbind_broker.api.clearance_finding_bodies import (
    REQUEST_BODY,
    FindingsAnswered,
    FindingsBody,
)
from unbind_broker.api.clearance_paths import ClearanceIdInPath
from unbind_broker.api.context import Context, Ctx
from unbind_broker.api.json_answers import encode, json_answer
from unbind_broker.api.problems import ANY_BODY, NotFound, problems
from unbind_broker.api.signed_reports import read_signed
from unbind_broker.base.database import Db
from unbind_broker.base.errors import InvalidFields
from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.callbacks import evidence
from unbind_broker.callbacks.braking import BrakePolicy, consider
from unbind_broker.callbacks.evidence import SignedReport, WebhookIdReused
from unbind_broker.callbacks.findings import (
    FindingReport,
    FindingTools,
    Reported,
    report,
)
from unbind_broker.callbacks.results import LineAnswer
from unbind_broker.clearances.portions import Portion
from unbind_broker.keys.service import Caller
from unbind_broker.notices.clearing import end_if_done

router = APIRouter(prefix="/v1/clearances", tags=["clearances"])


@router.post(
    "/{clearance_id}/findings",
    summary="Report findings",
    response_model=FindingsAnswered,
    responses=problems(
        *ANY_BODY,
        "not-found",
        "manifest-unread",
        "signature-invalid",
        "webhook-id-reused",
        "overloaded",
    ),
    openapi_extra=REQUEST_BODY,
)
async def report_findings(
    context: Ctx,
    caller: ReportingPlatform,
    clearance_id: ClearanceIdInPath,
    request: Request,
) -> Response:
    """Report on up to 1,000 numbers at once, of those that had bindings.

    A line is `recorded`, a `duplicate` (tells nothing new), a `conflict` (you said
    something else before; `amend` corrects it), `rejected` (wrong by itself, `code`
    says why) or `unknown` (no such number was published to you). Nothing spoils the
    other lines.

    `unbound`: everything in the interval was detached. `partly_unbound` and `refused`
    need a `reason`, removals need `last_bound_at`. A removal of what was bound in or
    after `bound_before` is `recorded` with the code `outside-interval`: it is a
    violation, and you are asked at once to undo it. Such a number counts as in use.

    `complete: true` says that the numbers of all waves that you have read to their ends
    are clean but for what you found. It is refused, with the whole report, where there
    is only a wave that you have not read to its end. Corrections are taken after it,
    and after the clearance has ended. Suspended platforms may report too.

    Reports are signed like those of `POST /v1/results` if a `result_public_key` is
    registered, and kept as evidence. Their signature covers the body only: name the
    clearance in it (`clearance`), so that the report is good for no other. A
    `webhook-id` is taken for one clearance in any case.
    """
    now, body = context.clock.now(), await request.body()
    async with context.admission.enter(), context.engine.begin() as db:
        signed = await read_signed(db, now, platform_of(caller), request)
        if signed and (earlier := await _earlier(db, signed, clearance_id)):
            return json_answer(earlier)
        told = _told(caller, clearance_id, _parsed(body, clearance_id), signed)
        applied = await _applied(context, db, now, told)
        answer = encode(_shown(clearance_id, applied))
        if signed is not None:
            await evidence.keep_sealed(db, now, signed, answer, context.runtime.sealer)
    if not caller.sandbox:
        context.tallies.reported("finding", (line.status for line in applied.answers))
    await _follow(context, now, clearance_id, applied)
    return json_answer(answer)


async def _earlier(db: Db, signed: SignedReport, clearance_id: UUID) -> bytes | None:
    """Find what the report was answered before; it names its clearance nowhere else."""
    earlier = await evidence.earlier_answer(db, signed)
    if earlier is None:
        return None
    if json.loads(earlier).get("clearance") != _written(clearance_id):
        raise WebhookIdReused("this webhook-id came before, about something else")
    return earlier


async def _applied(
    context: Context, db: Db, now: datetime, told: FindingReport
) -> Reported:
    applied = await report(db, now, told, _tools(context))
    if applied is None:
        raise NotFound("no clearance that was published to you has this id")
    return applied


async def _follow(
    context: Context, now: datetime, clearance_id: UUID, applied: Reported
) -> None:
    if applied.completed:
        async with context.engine.begin() as db:
            await end_if_done(db, now, clearance_id)
    if applied.alarming:
        settings = context.settings
        brake = BrakePolicy(settings.brake_share, settings.brake_least)
        async with context.engine.begin() as db:
            await consider(db, now, applied.alarming, brake)


def _told(
    caller: Caller,
    clearance_id: UUID,
    body: FindingsBody,
    signed: SignedReport | None,
) -> FindingReport:
    return FindingReport(
        reporter=caller.actor,
        platform=platform_of(caller),
        clearance_id=clearance_id,
        lines=body.findings,
        complete=body.complete,
        evidence_id=None if signed is None else signed.id,
    )


def _tools(context: Context) -> FindingTools:
    settings, runtime = context.settings, context.runtime
    return FindingTools(
        runtime.blind_index, runtime.sealer, settings.region, settings.working_time
    )


def _parsed(body: bytes, clearance_id: UUID) -> FindingsBody:
    try:
        parsed = FindingsBody.model_validate_json(body)
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False)
        raise RequestValidationError(
            [{**fault, "loc": ("body", *fault["loc"])} for fault in faults]
        ) from None
    if not parsed.findings and not parsed.complete:
        raise InvalidFields.at("/findings", "expected a finding, or complete: true")
    if parsed.clearance not in {None, _written(clearance_id)}:
        raise InvalidFields.at("/clearance", "expected the clearance of the path")
    return parsed


def _shown(clearance_id: UUID, applied: Reported) -> dict[str, Any]:
    return {
        "clearance": _written(clearance_id),
        "results": [_line(answer) for answer in applied.answers],
        "complete": all(one.is_complete for one in applied.portions),
        "waves": [_wave(portion) for portion in applied.portions],
    }


def _line(answer: LineAnswer) -> dict[str, Any]:
    shown: dict[str, Any] = {"number": answer.id, "status": answer.status}
    why = {"code": answer.code, "detail": answer.detail}
    return shown | {name: word for name, word in why.items() if word is not None}


def _wave(portion: Portion) -> dict[str, Any]:
    return {
        "wave": portion.wave,
        "numbers": portion.numbers,
        "first_place": portion.first_place,
        "last_place": portion.last_place,
        "read_to": portion.read_to,
        "complete": portion.is_complete,
    }


def _written(clearance_id: UUID) -> str:
    return format_id(Prefix.CLEARANCE, clearance_id)
