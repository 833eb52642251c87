"""Administrators read which removals went too far."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field

from unbind_broker.api.callers import AdminCaller
from unbind_broker.api.context import Ctx
from unbind_broker.api.fields import AnswerModel, CarrierSlug, ShownInstant, Slug
from unbind_broker.api.pages import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    Page,
    cut_page,
    read_cursor,
)
from unbind_broker.api.problems import ANY_CALL, problems
from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.callbacks.violation_views import (
    Violation,
    WantedViolations,
    list_violations,
)
from unbind_broker.items.states import ItemStatus

router = APIRouter(prefix="/v1/admin/violations", tags=["admin"])


class ViolationShown(AnswerModel):
    """A removal of bindings outside the interval of an order, or of a clearance."""

    model_config = ConfigDict(frozen=True)

    order_id: str | None = Field(
        examples=["ord_01kb2x5c7zf3v8h1m4n6p9q2rs"],
        description="null: it is about a number of a clearance.",
    )
    clearance_id: str | None = Field(examples=[None])
    place: int | None = Field(
        examples=[None], description="Which of the clearance's numbers it was."
    )
    carrier: str = Field(examples=["china-mobile"])
    platform: str = Field(examples=["weibo"])
    outcome: ItemStatus = Field(
        examples=["unbound"],
        description="What the platform said: unbound, partly_unbound or closed.",
    )
    removed: int | None = Field(examples=[1])
    last_bound_at: ShownInstant = Field(
        description="When the newest of what was removed had been bound."
    )
    bound_from: ShownInstant | None = Field(
        description="Where the interval begins; null: it has no beginning."
    )
    bound_before: ShownInstant | None = Field(
        description="Where the interval ends. Null once the order is gone."
    )
    raised_at: ShownInstant
    restore_order_id: str | None = Field(
        examples=["ord_01kb2x5c9kd0w7q4t8a2y5x3ze"],
        description="The order that has it undone; null where the platform received "
        "no items at that moment, or the number had been destroyed.",
    )
    restore_status: ItemStatus | None = Field(
        examples=["restored"], description="Where that order's item stands."
    )


class ViolationPage(Page[ViolationShown]):
    """Violations, newest first."""


OfCarrier = Annotated[
    CarrierSlug | None,
    Query(
        description="Only those of this carrier's orders and clearances; "
        "`<slug>.sandbox`: of its rehearsals."
    ),
]
OfPlatform = Annotated[Slug | None, Query(description="Only those of this platform.")]


@router.get("", summary="List violations", responses=problems(*ANY_CALL))
async def read_violations(
    context: Ctx,
    _: AdminCaller,
    carrier: OfCarrier = None,
    platform: OfPlatform = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> ViolationPage:
    """List removals outside the interval of their order or clearance, newest first.

    A violation is raised as soon as a platform reports it; `restore.requested` then
    goes to that platform at once, whatever else is stopped. Those of sensitive
    platforms are here too: their carriers are not told of them.
    """
    before = read_cursor(cursor, UUID)
    wanted = WantedViolations(carrier, platform)
    async with context.engine.connect() as db:
        rows = await list_violations(db, wanted, before, limit + 1)
    found, following = cut_page(rows, limit, lambda violation: violation.id)
    return ViolationPage(data=[_shown(one) for one in found], next_cursor=following)


def _shown(violation: Violation) -> ViolationShown:
    return ViolationShown(
        order_id=_written(Prefix.ORDER, violation.order_id),
        clearance_id=_written(Prefix.CLEARANCE, violation.clearance_id),
        place=violation.place,
        carrier=violation.carrier,
        platform=violation.platform,
        outcome=violation.outcome,
        removed=violation.removed,
        last_bound_at=violation.last_bound_at,
        bound_from=violation.bound_from,
        bound_before=violation.bound_before,
        raised_at=violation.raised_at,
        restore_order_id=_written(Prefix.ORDER, violation.restore_id),
        restore_status=violation.restore_status,
    )


def _written(prefix: Prefix, found: UUID | None) -> str | None:
    return None if found is None else format_id(prefix, found)
