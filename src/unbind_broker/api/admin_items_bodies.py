"""What administrators are shown of undeliverable items, and what they ask for."""

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from unbind_broker.api.fields import (
    AnswerModel,
    CarrierSlug,
    Instant,
    Lax,
    RequestModel,
    ShownInstant,
    Slug,
)
from unbind_broker.api.pages import Page
from unbind_broker.deliveries.outcomes import Cause
from unbind_broker.intake.requeuing import MOST_AT_ONCE, USUAL_PACE
from unbind_broker.orders.states import OrderKind

_ITEM = "ord_01kb2x5c7zf3v8h1m4n6p9q2rs"
_LONGEST_SPREAD = 3600


class AttemptSummary(AnswerModel):
    """The request that the platform refused, alone in its batch."""

    status_code: int | None = Field(examples=[422])
    error: str | None = Field(examples=[None])
    answer: str | None = Field(
        examples=['{"code": "unknown_action"}'],
        description="How the answer began, with numbers masked.",
    )


class UndeliverableShown(AnswerModel):
    """One item that its platform never took."""

    item: str = Field(examples=[_ITEM])
    kind: OrderKind = Field(examples=["unbind"])
    platform: str = Field(examples=["weibo"])
    carrier: str = Field(examples=["china-mobile"])
    number: str = Field(examples=["+86138****8000"])
    cause: Cause = Field(
        examples=["refused"],
        description="`refused`: the platform refused its payload for good; `overdue`: "
        "the order's deadline passed before it was taken.",
    )
    reason: str = Field(examples=["the platform refused the request for good"])
    attempts: int = Field(examples=[5])
    at: ShownInstant = Field(description="When it became undeliverable.")
    deadline: ShownInstant = Field(description="The order's.")
    requeueable: bool
    why_not: str | None = Field(
        examples=[None], description="In words, where it cannot be requeued."
    )
    last_attempt: AttemptSummary | None = Field(
        description="Of refused items, as long as attempts are kept."
    )


_EXAMPLE: JsonDict = {
    "item": _ITEM,
    "kind": "unbind",
    "platform": "weibo",
    "carrier": "china-mobile",
    "number": "+86138****8000",
    "cause": "refused",
    "reason": "the platform refused the request for good",
    "attempts": 5,
    "at": "2026-11-21T08:00:00Z",
    "deadline": "2026-11-27T16:00:00Z",
    "requeueable": True,
    "why_not": None,
    "last_attempt": {
        "status_code": 422,
        "error": None,
        "answer": '{"code": "unknown_action"}',
    },
}
_PAGE: JsonDict = {"data": [_EXAMPLE], "next_cursor": None}


class UndeliverablePage(Page[UndeliverableShown]):
    """Items of the newest orders first."""

    model_config = ConfigDict(frozen=True, json_schema_extra={"examples": [_PAGE]})


class NamedItem(RequestModel):
    """One item, by its id and the platform that it was for."""

    item: Annotated[str, StringConstraints(max_length=40)] = Field(examples=[_ITEM])
    platform: Slug = Field(examples=["weibo"])


class RequeueBody(RequestModel):
    """Either ``items``, or a ``platform`` and what narrows its items."""

    items: list[NamedItem] | None = Field(
        default=None, min_length=1, max_length=MOST_AT_ONCE
    )
    platform: Slug | None = Field(
        default=None,
        examples=["weibo"],
        description="All undeliverable items of this platform, those of the newest "
        f"orders first, {MOST_AT_ONCE} a call.",
    )
    carrier: CarrierSlug | None = Field(
        default=None, description="Only those of this carrier's orders."
    )
    cause: Annotated[Cause, Lax] | None = Field(
        default=None, description="Only those that ended like this."
    )
    since: Instant | None = Field(
        default=None, description="Only those that ended then or later."
    )
    until: Instant | None = Field(
        default=None, description="Only those that ended before then."
    )
    cursor: Annotated[str, StringConstraints(max_length=200)] | None = Field(
        default=None,
        description="`next_cursor` of the call before, to look on behind its items.",
    )
    dry_run: bool = Field(
        default=True, description="Say what would be done, and change nothing."
    )
    spread_seconds: int | None = Field(
        default=None,
        ge=0,
        le=_LONGEST_SPREAD,
        description="Over how many seconds they are sent; left out: so many that "
        f"{USUAL_PACE} go in a second.",
    )


class RequeueShown(AnswerModel):
    """What was done, or would be."""

    dry_run: bool
    requeued: int | None = Field(
        default=None, examples=[40], description="Missing in a dry run."
    )
    would_requeue: int | None = Field(default=None, description="Only in a dry run.")
    skipped: dict[str, int] = Field(
        examples=[{"deadline-passed": 2}],
        description="How many are not sent again, by the reason, every reason named: "
        "`not-undeliverable` (or no such item), `number-destroyed`, `order-cancelled`, "
        "`deadline-passed`, `superseded`, `number-disconnected`, `order-restored`, "
        "`carrier-suspended`, `carrier-braked`, `platform-suspended`, `joined` (an "
        "equal item of another order is on its way).",
    )
    more: bool = Field(
        examples=[False],
        description="Whether there are others behind these: call again.",
    )
    next_cursor: str | None = Field(
        examples=[None], description="For the next call, to pass what was skipped."
    )
