"""Administrators look up who held a number, and take back what is wrong."""

from datetime import date
from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from unbind_broker.api.accepting import tools_of
from unbind_broker.api.callers import AdminCaller
from unbind_broker.api.context import Context, Ctx
from unbind_broker.api.fields import (
    AnswerModel,
    Day,
    RequestModel,
    ShownInstant,
    Slug,
    Why,
)
from unbind_broker.api.order_bodies import Number, read_number
from unbind_broker.api.problems import ANY_BODY, NotFound, problems
from unbind_broker.base.errors import InvalidFields
from unbind_broker.base.numbers import clean_free_text
from unbind_broker.carriers.service import find
from unbind_broker.holdings.service import ListedHolding
from unbind_broker.holdings.states import Began, Ended, HoldingEvent
from unbind_broker.intake import retracting
from unbind_broker.intake.holding_lines import HoldingLine, LineStatus, day_fault
from unbind_broker.intake.retracting import WrongHolding
from unbind_broker.intake.telling_for import Untold, tell_for

router = APIRouter(prefix="/v1/admin/holdings", tags=["admin"])


class HoldingSearchBody(RequestModel):
    """Whose holdings to find."""

    number: Number


class RetractBody(RequestModel):
    """Which holding is wrong, and why."""

    number: Number
    carrier: Slug = Field(examples=["china-mobile"], description="Who told it.")
    owner_since: Day | None = Field(
        description="The holder's first day; null: the one whose first day is unknown."
    )
    reason: Why = Field(
        examples=["wrong date, told by the shop, case 2026-117"],
        description="For the audit trail; runs of 7 or more digits are masked.",
    )


class HoldingShown(AnswerModel):
    """One stretch of one holder at one carrier."""

    carrier: str = Field(examples=["china-mobile"])
    owner_since: date | None = Field(
        examples=["2025-03-01"], description="First day at any carrier, if known."
    )
    from_on: date | None = Field(
        examples=["2025-03-01"], description="First day at this carrier, if known."
    )
    until: date | None = Field(examples=[None], description="The day of its end.")
    began: Began = Field(examples=["attested"])
    ended: Ended | None = Field(examples=[None])
    confirmed_at: ShownInstant = Field(description="Last told by a query or an order.")
    recorded_at: ShownInstant
    retracted_at: ShownInstant | None = Field(
        examples=[None], description="Since then it counts for nothing."
    )


class HoldingList(AnswerModel):
    """In the order in which they became known."""

    holdings: list[HoldingShown]


class TellBody(RequestModel):
    """What a carrier kept silent about."""

    number: Number
    carrier: Slug = Field(
        examples=["china-unicom"], description="Who should have told it."
    )
    event: Literal["disconnected", "ported_out"] = Field(examples=["ported_out"])
    on: Day = Field(description="The day on which it happened, not in the future.")
    reason: Why = Field(
        examples=["confirmed by the carrier in writing, case 2026-118"],
        description="For the audit trail; runs of 7 or more digits are masked.",
    )


class HoldingToldFor(HoldingList):
    """What became of it."""

    status: LineStatus = Field(examples=["recorded"])
    code: str | None = Field(
        examples=[None], description="Why it was rejected, as in `POST /v1/holdings`."
    )
    detail: str | None = Field(examples=[None])


class HoldingRetracted(HoldingList):
    """What taking the holding back changed."""

    orders_ended: int = Field(
        examples=[1], description="Open queries and orders that rested on it."
    )
    live_again: bool = Field(
        description="Whether the holding lives again that it had superseded."
    )


@router.post(
    "/search",
    summary="Find who held a number",
    responses=problems(*ANY_BODY),
)
async def search_holdings(
    context: Ctx, caller: AdminCaller, body: HoldingSearchBody
) -> HoldingList:
    """Find everything that carriers told about the holders of a number.

    A POST, because a number never stands in a URL. It is audited.
    """
    index = _index(context, body.number)
    now = context.clock.now()
    async with context.engine.begin() as db:
        found = await retracting.search(db, now, index, caller.actor)
    return HoldingList(holdings=[_shown(one) for one in found])


@router.post(
    "/retract",
    summary="Take back a wrong holding",
    responses=problems(*ANY_BODY, "not-found"),
)
async def retract_holding(
    context: Ctx, caller: AdminCaller, body: RetractBody
) -> HoldingRetracted:
    """Take back what a carrier told of one holder of a number.

    The carrier's open queries and orders for that holder end (`superseded`), held ones
    too, so that nothing of them is sent. The holding that it had superseded lives
    again; queries and orders that were ended then must be asked for anew.
    """
    index = _index(context, body.number)
    now = context.clock.now()
    async with context.engine.begin() as db:
        carrier = await find(db, body.carrier)
        if carrier is None:
            raise NotFound("no carrier is registered under this slug")
        wrong = WrongHolding(index, carrier.id, carrier.slug, body.owner_since)
        reason = clean_free_text(body.reason)
        undone = await retracting.retract(db, now, wrong, caller.actor, reason)
    if undone is None:
        raise NotFound("this carrier told of no such holder, or it is taken back")
    return HoldingRetracted(
        holdings=[_shown(one) for one in undone.holdings],
        orders_ended=undone.orders_ended,
        live_again=undone.live_again,
    )


@router.post(
    "/tell",
    summary="Tell what a carrier kept silent about",
    responses=problems(*ANY_BODY, "not-found"),
)
async def tell_in_its_name(
    context: Ctx, caller: AdminCaller, body: TellBody
) -> HoldingToldFor:
    """End a holding in the name of a carrier that does not.

    As long as the carrier that lost a ported number does not tell `ported_out`, or the
    one that got it does not tell `disconnected`, others wait: up to the freeze, or for
    good. Ask both carriers, then tell here what they confirmed. It is judged like their
    own word, has the same effects, and stands in the trail under your name. What proves
    wrong is taken back by `POST /v1/admin/holdings/retract`.
    """
    number = read_number(body.number, context.settings.region)
    now = context.clock.now()
    today = now.astimezone(context.settings.zone).date()
    InvalidFields.check({"/on": day_fault(body.on, today)})
    line = HoldingLine(1, number, HoldingEvent(body.event), body.on)
    async with context.engine.begin() as db:
        carrier = await find(db, body.carrier)
        if carrier is None:
            raise NotFound("no carrier is registered under this slug")
        untold = Untold(carrier.id, carrier.slug, line)
        reason, tools = clean_free_text(body.reason), tools_of(context, caller)
        told = await tell_for(db, now, untold, caller.actor, reason, tools)
    return HoldingToldFor(
        holdings=[_shown(one) for one in told.holdings],
        status=told.outcome.status,
        code=told.outcome.code,
        detail=told.outcome.detail,
    )


def _index(context: Context, number: str) -> bytes:
    read = read_number(number, context.settings.region)
    return context.runtime.blind_index.index(read)


def _shown(holding: ListedHolding) -> HoldingShown:
    values = vars(holding)
    return HoldingShown(
        owner_since=holding.since,
        **{name: value for name, value in values.items() if name != "since"},
    )
