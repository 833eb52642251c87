"""What a shop tells the new holder of a number at contract time."""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Body
from fastapi.openapi.models import Example
from pydantic import Field

from unbind_broker.api.accepting import asking_carrier
from unbind_broker.api.callers import CarrierCaller
from unbind_broker.api.clearance_results import gate_of
from unbind_broker.api.context import Ctx
from unbind_broker.api.fields import AnswerModel, RequestModel, ShownInstant
from unbind_broker.api.numbers import index_for, read_own_number
from unbind_broker.api.order_bodies import Number
from unbind_broker.api.problems import ANY_BODY, problems
from unbind_broker.intake.disclosing import Cleared, disclose
from unbind_broker.intake.holder_notice import notice_for

router = APIRouter(prefix="/v1/numbers", tags=["numbers"])


class ClearanceState(StrEnum):
    """How clear a number is, by your last clearance that had it."""

    CLEAN = "clean"  # every platform is done, and none kept a binding
    BLOCKED = "blocked"  # a platform kept a binding, or found the number in use
    PARTIAL = "partial"  # a platform is not done yet
    WITHDRAWN = "withdrawn"  # not to be cleared any more
    NONE = "none"  # in no clearance of yours since its last holder began


class DisclosureBody(RequestModel):
    """Which number."""

    number: Number


class ClearanceDisclosed(AnswerModel):
    """How clear the number is."""

    state: ClearanceState = Field(examples=["clean"])
    clearance_id: str | None = Field(
        examples=["clr_01kb2x5c7zf3v8h1m4n6p9q2rs"], description="null: none."
    )
    release: bool | None = Field(
        examples=[True], description="Whether the number may be sold; null: no state."
    )
    hold_until: ShownInstant | None = Field(
        examples=[None], description="Not before then, as far as it is known."
    )


class NoticeShown(AnswerModel):
    """To be read out, shown or printed; lines are paragraphs."""

    zh: str = Field(examples=["您办理的手机号码曾由其他用户使用过。"])
    en: str = Field(
        examples=["The mobile number you are taking was used by somebody else."]
    )


class DisclosureShown(AnswerModel):
    """What is known of a number that is about to be sold."""

    number: str = Field(examples=["+86138****1234"])
    recycled: bool | None = Field(
        examples=[True],
        description="Whether somebody else held it before; null: nothing is known "
        "here, or it is not yours to know.",
    )
    clearance: ClearanceDisclosed
    notice: NoticeShown


DisclosureInBody = Annotated[
    DisclosureBody,
    Body(
        openapi_examples={
            "sold": Example(
                summary="A shop sells this number", value={"number": "+8613800001234"}
            )
        }
    ),
]
_NO_CLEARANCE = ClearanceDisclosed(
    state=ClearanceState.NONE, clearance_id=None, release=None, hold_until=None
)


@router.post(
    "/disclosure",
    summary="Tell what is known of a number that is sold",
    responses=problems(*ANY_BODY, "sandbox-number"),
)
async def disclose_number(
    context: Ctx, caller: CarrierCaller, body: DisclosureInBody
) -> DisclosureShown:
    """Tell whether a number was used before, how clear it is, and what to say of it.

    You are told of numbers whose last holder was yours, and of those in a published
    clearance of yours. Of any other number the answer is the same as of one that nobody
    knows: `recycled` null, state `none`. The notice for the new holder names no former
    holder and no service. A POST, because a number never stands in a URL; each call
    leaves a trace in the audit trail.
    """
    number = read_own_number(context, caller, body.number)
    index = index_for(context, caller).index(number)
    now, asking = context.clock.now(), asking_carrier(caller)
    async with context.engine.begin() as db:
        told = await disclose(db, now, asking, index, gate_of(context))
    notice = notice_for(recycled=told.recycled, cleared=told.was_cleared)
    return DisclosureShown(
        number=number.masked,
        recycled=told.recycled,
        clearance=_shown(told.cleared),
        notice=NoticeShown(zh=notice.zh, en=notice.en),
    )


def _shown(cleared: Cleared | None) -> ClearanceDisclosed:
    if cleared is None:
        return _NO_CLEARANCE
    released = cleared.released
    return ClearanceDisclosed(
        state=ClearanceState(released.state.value),
        clearance_id=cleared.public_id,
        release=released.release,
        hold_until=released.hold_until,
    )
