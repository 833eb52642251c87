"""Administrators look up who held a number, and take back what is wrong."""

from datetime import date

from fastapi import APIRouter
from pydantic import Field

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
from unbind_broker.base.numbers import clean_free_text
from unbind_broker.carriers.service import find
from unbind_broker.holdings.service import ListedHolding
from unbind_broker.holdings.states import Began, Ended
from unbind_broker.intake import retracting
from unbind_broker.intake.retracting import WrongHolding

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


def _index(context: Context, number: str) -> bytes:
    read = read_number(number, context.settings.region)
    return context.runtime.blind_index.index(read)


def _shown(holding: ListedHolding) -> HoldingShown:
    values = vars(holding)
    return HoldingShown(
        owner_since=holding.since,
        **{name: value for name, value in values.items() if name != "since"},
    )
