"""Administrators look after clearances: those that stopped, numbers held back."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field

from unbind_broker.api.callers import AdminCaller
from unbind_broker.api.clearance_paths import ClearanceIdInPath
from unbind_broker.api.context import Context, Ctx
from unbind_broker.api.fields import (
    AnswerModel,
    CarrierSlug,
    RequestModel,
    ShownInstant,
    Why,
)
from unbind_broker.api.order_bodies import Number
from unbind_broker.api.pages import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    Page,
    cut_page,
    read_cursor,
)
from unbind_broker.api.problems import ANY_BODY, ANY_CALL, NotFound, problems
from unbind_broker.base.errors import FieldError, InvalidFields
from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.base.numbers import InvalidNumber, parse_number
from unbind_broker.base.sealing import BlindIndex
from unbind_broker.clearances.listing import ListedClearance, Wanted, list_all
from unbind_broker.clearances.overriding import Decision, override
from unbind_broker.clearances.resuming import resume
from unbind_broker.clearances.service import (
    index_of_clearance,
    is_published,
    is_rehearsed,
)
from unbind_broker.clearances.states import ClearanceStatus, StopReason

router = APIRouter(prefix="/v1/admin/clearances", tags=["admin"])

MOST_RELEASED = 1000
_ID = "clr_01kb2x5c7zf3v8h1m4n6p9q2rs"


class AdminClearance(AnswerModel):
    """A clearance of some carrier."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(examples=[_ID])
    carrier: str = Field(examples=["china-mobile"])
    status: ClearanceStatus
    reference: str | None = Field(examples=["B-20261122"])
    numbers: int = Field(examples=[120000])
    created_at: ShownInstant
    published_at: ShownInstant | None
    deadline: ShownInstant | None
    completed_at: ShownInstant | None
    stopped_at: ShownInstant | None = Field(
        description="When it stopped last, even if it goes on by now."
    )
    stop_reason: StopReason | None
    destroyed_at: ShownInstant | None = Field(
        description="When it began to lose its numbers; nothing of it goes on."
    )
    platforms: int = Field(
        examples=[239], description="To how many it was published, sensitive ones too."
    )
    complete: int = Field(examples=[201], description="How many of them are done.")
    overridden: int = Field(
        examples=[0], description="Numbers that were released in spite of platforms."
    )


class AdminClearancePage(Page[AdminClearance]):
    """Clearances, newest first."""


class ReleaseBody(RequestModel):
    """Numbers to be released whatever platforms say: by number, or by place."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"places": [17], "why": "icbc confirmed by letter"}]
        }
    )

    numbers: list[Number] | None = Field(
        default=None, min_length=1, max_length=MOST_RELEASED
    )
    places: list[Annotated[int, Field(ge=1, le=2**31 - 1)]] | None = Field(
        default=None, min_length=1, max_length=MOST_RELEASED
    )
    why: Why


class ReleasedShown(AnswerModel):
    """What became of the numbers that were named."""

    released: int = Field(examples=[1])
    released_before: int = Field(examples=[0])
    withdrawn: int = Field(
        examples=[0],
        description="Not released: they are not cleared any more, or somebody holds "
        "them again.",
    )
    unknown: int = Field(
        examples=[0], description="Not released: this clearance does not hold them."
    )


class ResumeBody(RequestModel):
    """Why a clearance that stopped may go on."""

    why: Why = Field(examples=["dates were checked with the carrier"])


class ResumedShown(AnswerModel):
    """Whether it goes on because of this call."""

    resumed: bool = Field(description="False: it did not stand still.")


OfCarrier = Annotated[
    CarrierSlug | None,
    Query(description="Only this carrier's; `<slug>.sandbox`: its rehearsals."),
]
OfStatus = Annotated[ClearanceStatus | None, Query(description="Only these.")]


@router.get("", summary="List clearances", responses=problems(*ANY_CALL))
async def read_clearances(
    context: Ctx,
    _: AdminCaller,
    carrier: OfCarrier = None,
    status: OfStatus = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> AdminClearancePage:
    """List the clearances of all carriers, newest first.

    Those that are `stopped` wait for a decision: `resume` them, or let their carrier
    begin again with the right dates.
    """
    behind = read_cursor(cursor, UUID)
    async with context.engine.connect() as db:
        rows = await list_all(db, Wanted(carrier, status), behind, limit + 1)
    found, following = cut_page(rows, limit, lambda row: row.id)
    return AdminClearancePage(
        data=[_shown(one) for one in found], next_cursor=following
    )


@router.post(
    "/{clearance_id}/release",
    summary="Release numbers",
    responses=problems(*ANY_BODY, "not-found", "overloaded"),
)
async def release_numbers(
    context: Ctx,
    caller: AdminCaller,
    clearance_id: ClearanceIdInPath,
    body: ReleaseBody,
) -> ReleasedShown:
    """Let numbers be sold in spite of platforms that refuse, or are not done.

    Their results say so. The freeze is not shortened, and withdrawn numbers stay held
    back. Every number is an event of the trail, with the reason.
    """
    now = context.clock.now()
    decision = Decision(caller.actor, body.why)
    async with context.admission.enter(), context.engine.begin() as db:
        if not await is_published(db, clearance_id):
            raise NotFound("no published clearance has this id")
        confirmed = now - context.settings.freeze
        index = await index_of_clearance(db, clearance_id, context.runtime.blind_index)
        named = _named(context, body, index)
        done = await override(db, now, clearance_id, named, decision, confirmed)
    return ReleasedShown(**vars(done))


@router.post(
    "/{clearance_id}/resume",
    summary="Let a clearance go on",
    responses=problems(*ANY_BODY, "not-found", "overloaded"),
)
async def resume_clearance(
    context: Ctx,
    caller: AdminCaller,
    clearance_id: ClearanceIdInPath,
    body: ResumeBody,
) -> ResumedShown:
    """Let a clearance go on that stopped because too many numbers are in use.

    Its next wave goes out whatever platforms find, and platforms are told again of the
    waves that they are not done with. They get the whole time once more.
    """
    now, settings = context.clock.now(), context.settings
    decision = Decision(caller.actor, body.why)
    async with context.admission.enter(), context.engine.begin() as db:
        if not await is_published(db, clearance_id):
            raise NotFound("no published clearance has this id")
        sandbox = await is_rehearsed(db, clearance_id)
        deadline = settings.working_time_for(sandbox=sandbox).deadline(now).at
        resumed = await resume(db, now, clearance_id, deadline, decision)
    return ResumedShown(resumed=resumed)


def _named(
    context: Context, body: ReleaseBody, index: BlindIndex
) -> list[bytes] | list[int]:
    if (body.numbers is None) == (body.places is None):
        raise InvalidFields.at("", "expected either numbers or places")
    if body.places is not None:
        return list(body.places)
    region = context.settings.region
    indexes, wrong = [], []
    for place, written in enumerate(body.numbers or ()):
        try:
            indexes.append(index.index(parse_number(written, region)))
        except InvalidNumber as fault:
            wrong.append(FieldError(f"/numbers/{place}", fault.detail))
    if wrong:
        raise InvalidFields(tuple(wrong))
    return indexes


def _shown(one: ListedClearance) -> AdminClearance:
    return AdminClearance(**{**vars(one), "id": format_id(Prefix.CLEARANCE, one.id)})
