"""Number recycling check, exactly as CAMARA NumberRecycling 0.2 has it."""

from typing import Annotated

from fastapi import APIRouter, Body, Header, Request, Response
from fastapi.openapi.models import Example
from pydantic import Field, StringConstraints

from unbind_broker.api.callers import PlatformCaller
from unbind_broker.api.camara import (
    CORRELATOR,
    camara_answers,
    correlated,
    refuse,
)
from unbind_broker.api.context import Ctx
from unbind_broker.api.fields import AnswerModel, Day, RequestModel
from unbind_broker.api.json_answers import json_answer
from unbind_broker.base.numbers import (
    InvalidNumber,
    PhoneNumber,
    is_made_up,
    parse_number,
)
from unbind_broker.intake.recycling_check import (
    RecyclingCheck,
    Rehearsed,
    check,
    check_rehearsed,
)

router = APIRouter(prefix="/number-recycling/v0.2", tags=["number recycling"])

_UNKNOWN = "Nothing is known about this number that would answer the question."
_MISSING = "The phone number cannot be identified: send phoneNumber."
_FUTURE = "specifiedDate lies in the future."
ERRORS = {
    400: {
        "INVALID_ARGUMENT": "specifiedDate: expected a date such as 2025-03-01",
        "OUT_OF_RANGE": _FUTURE,
    },
    401: {"UNAUTHENTICATED": "this key is unknown, revoked or expired"},
    403: {"PERMISSION_DENIED": "this needs a key of role platform"},
    404: {"IDENTIFIER_NOT_FOUND": _UNKNOWN},
    408: {"TIMEOUT": "The whole request body must arrive within 30 seconds."},
    413: {"PAYLOAD_TOO_LARGE": "A request body may hold at most 1 MiB."},
    415: {"UNSUPPORTED_MEDIA_TYPE": "Send 'Content-Type: application/json'."},
    422: {"MISSING_IDENTIFIER": _MISSING},
    429: {"TOO_MANY_REQUESTS": "Wait for the seconds in Retry-After."},
    503: {"UNAVAILABLE": "Try again in a moment."},
}


class RecyclingBody(RequestModel):
    """Which number, and since when nothing should have changed."""

    phone_number: (
        Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{4,14}$")] | None
    ) = Field(
        default=None,
        alias="phoneNumber",
        examples=["+8613800001234"],
        description="E.164 with its plus sign. Required: keys name no number.",
    )
    specified_date: Day = Field(
        alias="specifiedDate",
        description="The day to compare with, in the broker's time zone.",
    )


class RecyclingShown(AnswerModel):
    """Whether the number's subscriber has changed."""

    phoneNumberRecycled: bool = Field(  # noqa: N815 - CAMARA's name
        examples=[True], description="True if it has changed after `specifiedDate`."
    )


RecyclingInBody = Annotated[
    RecyclingBody,
    Body(
        openapi_examples={
            "signed up": Example(
                summary="Is this still the person who signed up on that day?",
                value={"phoneNumber": "+8613800001234", "specifiedDate": "2024-10-31"},
            )
        }
    ),
]
Correlator = Annotated[
    str | None,
    Header(
        alias="x-correlator",
        pattern=f"^{CORRELATOR.pattern}$",
        examples=["b4333c46-49c0-4f62-80d7-f0ef930f1c46"],
        description="Your own id of this call; comes back as it is.",
    ),
]


@router.post(
    "/check",
    summary="Check whether a number has passed to somebody else",
    response_model=RecyclingShown,
    responses=camara_answers(ERRORS),
)
async def check_number(
    context: Ctx,
    caller: PlatformCaller,
    body: RecyclingInBody,
    request: Request,
    x_correlator: Correlator = None,
) -> Response:
    """Tell whether the subscriber of a number has changed after a day.

    On the day of the present contract the answer is false; for a day on which nobody
    held the number it is true. Answered from what carriers told about its holders; a
    port to another carrier changes no subscriber. Each check leaves a trace in the
    audit trail, without the number. Errors are CAMARA's, not problem documents.

    Test endpoints are answered from what carriers rehearse, about made-up numbers; all
    others are unknown there.
    """
    del x_correlator  # validated by its pattern, echoed on every answer
    if body.phone_number is None:
        return refuse(request, 422, "MISSING_IDENTIFIER", _MISSING)
    now, settings = context.clock.now(), context.settings
    if body.specified_date > now.astimezone(settings.zone).date():
        return refuse(request, 400, "OUT_OF_RANGE", _FUTURE)
    recycled = None
    number = _number(body.phone_number, settings.region)
    if number is not None and (is_made_up(number) or not caller.sandbox):
        index, on = context.runtime.blind_index, body.specified_date
        async with context.engine.begin() as db:
            if caller.sandbox:
                asking = Rehearsed(number, on)
                recycled = await check_rehearsed(db, now, asking, index, caller.actor)
            else:
                asked = RecyclingCheck(index.index(number), on)
                recycled = await check(db, now, asked, caller.actor)
    if recycled is None:
        return refuse(request, 404, "IDENTIFIER_NOT_FOUND", _UNKNOWN)
    shown = RecyclingShown(phoneNumberRecycled=recycled)
    answer = json_answer(shown.model_dump_json().encode())
    answer.headers.update(correlated(request))
    return answer


def _number(written: str, region: str) -> PhoneNumber | None:
    """Read a number; those that are no mobile numbers here are known to nobody."""
    try:
        return parse_number(written, region)
    except InvalidNumber:
        return None
