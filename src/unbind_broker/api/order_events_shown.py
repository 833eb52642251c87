"""The timeline of a query or an order, for the OpenAPI document."""

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict
from pydantic.json_schema import SkipJsonSchema

from unbind_broker.api.fields import AnswerModel, ShownInstant
from unbind_broker.api.order_shown import ItemShown, OrderShown, SensitiveShown
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.states import HoldReason

EVENT_TYPES = [
    "order.created",
    "order.held",
    "order.released",
    "order.overdue",
    "order.sensitive",
    "order.completed",
    "order.cancelled",
    "order.reopened",
    *(f"item.{status}" for status in ItemStatus),
]
PLACE = "AgMEBQYHAAEAAAAAAAkAAGAA"

_ORDER: JsonDict = OrderShown.model_config["json_schema_extra"]["examples"][0]  # type: ignore[index,assignment] # an object
_ITEM: JsonDict = _ORDER["items"][0]  # type: ignore[index,assignment] # so is this
_CREATED: JsonDict = {
    "id": "5d41402abc4b2a76b9719d91",
    "type": "order.created",
    "at": "2026-11-21T08:00:00Z",
}
UNBOUND: JsonDict = {
    "id": "9e107d9d372bb6826bd81d35",
    "type": "item.unbound",
    "at": "2026-11-21T09:12:45Z",
    "item": _ITEM,
}


class OrderEventShown(AnswerModel):
    """One thing that happened to a query or an order."""

    id: str = Field(
        examples=["9e107d9d372bb6826bd81d35"],
        description="The same wherever this event is told again.",
    )
    type: str = Field(
        examples=["item.unbound"],
        json_schema_extra={"enum": [*EVENT_TYPES]},
        description="`item.…` with the item's new status. `order.sensitive`: so many "
        "of the sensitive platforms have taken the request, or ended. "
        "`order.reopened` and `item.queued`: what had ended goes out once more.",
    )
    at: ShownInstant | None = Field(
        description="When it happened. Null where the broker knows only that it is so: "
        "`item.in_progress`, `item.action_required`, `item.queued`, `order.sensitive`, "
        "`order.reopened`, and the hold of a brake."
    )
    item: ItemShown | SkipJsonSchema[None] = Field(
        default=None, description="Of `item.…`: the platform's part since then."
    )
    held_until: ShownInstant | None = Field(
        default=None, description="Of `order.held`; null: an administrator decides."
    )
    held_for: HoldReason | SkipJsonSchema[None] = Field(
        default=None, description="Of `order.held`."
    )
    sensitive: SensitiveShown | SkipJsonSchema[None] = Field(
        default=None, description="Of `order.sensitive`."
    )


_TIMELINE: JsonDict = {"data": [_CREATED, UNBOUND], "last_event_id": PLACE}


class TimelineShown(AnswerModel):
    """What happened, oldest first."""

    model_config = ConfigDict(frozen=True, json_schema_extra={"examples": [_TIMELINE]})

    data: list[OrderEventShown]
    last_event_id: str = Field(
        examples=[PLACE],
        description="Send it as `Last-Event-ID` to be told live what comes after.",
    )
