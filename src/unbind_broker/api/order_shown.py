"""Queries and orders as carriers read them, for the OpenAPI document."""

from datetime import date

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict
from pydantic.json_schema import SkipJsonSchema

from unbind_broker.api.fields import AnswerModel, ShownInstant
from unbind_broker.api.pages import Page
from unbind_broker.items.states import HolderAction, ItemStatus, Reason
from unbind_broker.orders.states import (
    Action,
    HoldReason,
    OrderKind,
    OrderStatus,
    Scope,
)


class SensitiveShown(AnswerModel):
    """Sensitive platforms (dating, health, lending …): counted, never named."""

    total: int = Field(examples=[12], description="How many were asked.")
    finished: int = Field(
        examples=[9],
        description="How many have taken the request, or it has ended. When and how "
        "they answer is not told.",
    )


class ViolationShown(AnswerModel):
    """The platform removed what lay outside the interval; it is being undone."""

    raised_at: ShownInstant
    restore_order_id: str | None = Field(
        examples=["ord_01kb2x5c9kd0w7q4t8a2y5x3ze"],
        description="The restore order that the broker made at once; null where it is "
        "another carrier's, or could not be made.",
    )


class ItemShown(AnswerModel):
    """One platform's part (明细)."""

    platform: str = Field(examples=["weibo"])
    platform_name: str = Field(examples=["微博"])
    status: ItemStatus = Field(examples=["acknowledged"])
    reason: Reason | None = Field(description="Why it was refused, kept or cancelled.")
    detail: str | None = Field(
        description="The platform's words, cut to 200 characters, digits masked."
    )
    attempts: int = Field(examples=[1], description="Requests sent so far.")
    acknowledged_at: ShownInstant | None
    finished_at: ShownInstant | None
    bindings: int | None = Field(description="How many bindings exist.")
    removed: int | None = Field(description="How many were detached.")
    kept: int | None = Field(description="How many were kept.")
    restorable_until: ShownInstant | None
    action_url: str | None = Field(
        description="Where the holder does what `action_required` asks for."
    )
    late: bool = Field(
        description="The result came after the deadline, or after the item had ended "
        "without one."
    )
    overdue: bool = Field(description="There was no result by the deadline.")
    action: HolderAction | SkipJsonSchema[None] = Field(
        default=None,
        description="What the holder must do; only while `action_required`.",
        examples=["confirm_in_app"],
    )
    expected_at: ShownInstant | SkipJsonSchema[None] = Field(
        default=None, description="When the platform expects to be done, if it told."
    )
    cooling_off_until: ShownInstant | SkipJsonSchema[None] = Field(
        default=None, description="When the cooling-off period ends, if there is one."
    )
    violation: ViolationShown | SkipJsonSchema[None] = Field(
        default=None,
        description="Only where something outside the interval was removed.",
    )


class ListedOrderShown(AnswerModel):
    """A query or an order as lists show it: without its items."""

    id: str = Field(examples=["ord_01kb2x5c7zf3v8h1m4n6p9q2rs"])
    kind: OrderKind = Field(examples=["unbind"])
    status: OrderStatus = Field(examples=["in_progress"])
    number: str = Field(
        examples=["+86138****1234"],
        description="Masked; `****` once the number itself has been destroyed.",
    )
    owner_since: date = Field(examples=["2025-03-01"])
    cutoff: ShownInstant = Field(
        description="`owner_since` 00:00 in the broker's time zone: the border between "
        "former and present holder."
    )
    scope: Scope = Field(examples=["previous_owner"])
    action: Action | None = Field(examples=["detach"], description="null for a query.")
    carrier: str = Field(examples=["china-mobile"])
    reference: str | None = Field(examples=["R-20261121-000017"])
    created_at: ShownInstant
    held_until: ShownInstant | None = Field(
        description="Nothing is sent before. Null: it was never held, or an "
        "administrator decides."
    )
    held_for: HoldReason | None = Field(
        description="Why it is `held`; stays when that is over."
    )
    deadline: ShownInstant
    completed_at: ShownInstant | None
    summary: dict[str, int] = Field(
        examples=[{"total": 3, "queued": 1, "acknowledged": 1, "unbound": 1}],
        description="How many items there are, in all and in each status that occurs.",
    )
    sensitive: SensitiveShown = Field(
        description="In scope `previous_owner` sensitive platforms are neither among "
        "the items nor in the summary, only counted here. In scope `current_owner` all "
        "are shown, and this is zero."
    )


_EXAMPLE: JsonDict = {
    "id": "ord_01kb2x5c7zf3v8h1m4n6p9q2rs",
    "kind": "unbind",
    "status": "in_progress",
    "number": "+86138****1234",
    "owner_since": "2025-03-01",
    "cutoff": "2025-02-28T16:00:00Z",
    "scope": "previous_owner",
    "action": "detach",
    "carrier": "china-mobile",
    "reference": None,
    "created_at": "2026-11-21T08:00:00Z",
    "held_until": None,
    "held_for": None,
    "deadline": "2026-11-27T15:59:59Z",
    "completed_at": None,
    "summary": {"total": 1, "unbound": 1},
    "sensitive": {"total": 12, "finished": 9},
    "items": [
        {
            "platform": "weibo",
            "platform_name": "微博",
            "status": "unbound",
            "reason": None,
            "detail": None,
            "attempts": 1,
            "acknowledged_at": "2026-11-21T08:00:01Z",
            "finished_at": "2026-11-21T09:12:45Z",
            "bindings": None,
            "removed": 1,
            "kept": 0,
            "restorable_until": "2026-12-21T00:00:00Z",
            "action_url": None,
            "late": False,
            "overdue": False,
        }
    ],
}


class OrderShown(ListedOrderShown):
    """A query or an order."""

    model_config = ConfigDict(frozen=True, json_schema_extra={"examples": [_EXAMPLE]})

    items: list[ItemShown] = Field(description="In the order of the slugs.")


_LISTED: JsonDict = {key: value for key, value in _EXAMPLE.items() if key != "items"}
_PAGE: JsonDict = {"data": [_LISTED], "next_cursor": None}


class ListedOrderPage(Page[ListedOrderShown]):
    """Orders, newest first."""

    model_config = ConfigDict(frozen=True, json_schema_extra={"examples": [_PAGE]})
