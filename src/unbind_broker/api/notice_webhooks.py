"""The webhooks that carriers get, for the OpenAPI document and for the feed."""

from typing import Literal

from pydantic import Field
from pydantic.config import JsonDict

from unbind_broker.api.fields import AnswerModel, ShownInstant
from unbind_broker.orders.states import HoldReason

ITEM_ID = "ord_01kb2x5c7zf3v8h1m4n6p9q2rs"
EVENT_ID = "evt_01kb2x5c8hgw1n4q7t0v3x6y9z"
_QUERY_OR_ORDER = "The query or order, `qry_…` or `ord_…`."


class HeldOrder(AnswerModel):
    """Nothing of it is sent to any platform."""

    order_id: str = Field(examples=[ITEM_ID], description=_QUERY_OR_ORDER)
    reference: str | None = Field(examples=["shop-4711"])
    held_for: HoldReason
    held_until: ShownInstant | None = Field(
        description="When it is released by itself; null: by an administrator."
    )


class OrderHeld(AnswerModel):
    """An order of yours is held; until then it can be cancelled without any trace."""

    type: Literal["order.held"]
    timestamp: ShownInstant
    data: HeldOrder


class DisputedHolding(AnswerModel):
    """Two carriers attest different holders of one number."""

    order_id: str | None = Field(
        examples=[ITEM_ID],
        description="The claimant's query or order, which is held. null for the known "
        "holder's carrier.",
    )
    orders: list[str] = Field(
        examples=[[ITEM_ID]],
        description="Your own queries and orders about the known holder that were "
        "ended by it.",
    )
    number: str = Field(examples=["+86138****1234"])
    reference: str | None = Field(examples=["shop-4711"])
    role: Literal["claimant", "known_holder"]


class OrderDisputed(AnswerModel):
    """Somebody attests a newer holder of a number than the one known until now.

    Both carriers get it. An administrator may retract the wrong holding.
    """

    type: Literal["order.disputed"]
    timestamp: ShownInstant
    data: DisputedHolding


class ViolatedOrder(AnswerModel):
    """A platform removed a binding that an order, or a clearance, was not about."""

    order_id: str | None = Field(
        examples=[ITEM_ID], description="null: it is about a number of a clearance."
    )
    clearance_id: str | None = Field(
        default=None,
        examples=[None],
        description="The clearance, of which the restore order names the number.",
    )
    reference: str | None = Field(examples=["shop-4711"])
    platform: str = Field(examples=["weibo"])
    restore_order_id: str | None = Field(
        examples=[ITEM_ID.replace("2rs", "2rt")],
        description="The order that has the platform undo it; null: it cannot.",
    )
    last_bound_at: ShownInstant = Field(
        description="When the binding was made, outside the interval."
    )
    raised_at: ShownInstant


class OrderViolation(AnswerModel):
    """A platform removed too much; it was told to restore it at once."""

    type: Literal["order.violation"]
    timestamp: ShownInstant
    data: ViolatedOrder


class BrakedCarrier(AnswerModel):
    """Unbinding is suspended for a carrier; queries go on."""

    carrier: str = Field(examples=["china-mobile"])
    reason: str = Field(examples=["too many violations"])
    results: int | None = Field(
        examples=[1000],
        description="How many of the last results were looked at; null: it was an "
        "administrator's decision.",
    )
    bad: int | None = Field(
        examples=[27], description="How many of them speak against the dates given."
    )


class CarrierBraked(AnswerModel):
    """Your unbinding is suspended, and your open orders are held.

    An administrator releases them.
    """

    type: Literal["carrier.braked"]
    timestamp: ShownInstant
    data: BrakedCarrier


NOTICE_WEBHOOKS: tuple[tuple[str, str, type[AnswerModel]], ...] = (
    ("order.held", "An order is held", OrderHeld),
    ("order.disputed", "Who holds a number is disputed", OrderDisputed),
    ("order.violation", "A platform removed too much", OrderViolation),
    ("carrier.braked", "Your unbinding is suspended", CarrierBraked),
)

NOTICE_EXAMPLES: dict[str, JsonDict] = {
    "order.held": {
        "order_id": ITEM_ID,
        "reference": "shop-4711",
        "held_for": "undo_window",
        "held_until": "2026-11-22T08:00:00Z",
    },
    "order.disputed": {
        "order_id": ITEM_ID,
        "orders": [],
        "number": "+86138****1234",
        "reference": "shop-4711",
        "role": "claimant",
    },
    "order.violation": {
        "order_id": ITEM_ID,
        "clearance_id": None,
        "reference": "shop-4711",
        "platform": "weibo",
        "restore_order_id": ITEM_ID.replace("2rs", "2rt"),
        "last_bound_at": "2025-04-02T09:30:00Z",
        "raised_at": "2026-11-21T08:00:00Z",
    },
    "carrier.braked": {
        "carrier": "china-mobile",
        "reason": "27 of the last 1000 results speak against the dates given",
        "results": 1000,
        "bad": 27,
    },
}
"""``data`` of each."""
