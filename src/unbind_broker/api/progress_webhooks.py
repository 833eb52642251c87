"""The webhooks about how orders get on, for carriers, and what platforms still owe."""

from typing import Literal

from pydantic import Field
from pydantic.config import JsonDict

from unbind_broker.api.fields import AnswerModel, ShownInstant
from unbind_broker.api.notice_webhooks import ITEM_ID
from unbind_broker.api.order_shown import SensitiveShown
from unbind_broker.orders.states import OrderKind, OrderStatus

_QUERY_ID = ITEM_ID.replace("ord_", "qry_")


class OutlinedOrder(AnswerModel):
    """A query or an order in short; `GET` it for its platforms one by one."""

    order_id: str = Field(
        examples=[ITEM_ID], description="The query or order, `qry_…` or `ord_…`."
    )
    kind: OrderKind
    status: OrderStatus
    reference: str | None = Field(examples=["shop-4711"])
    created_at: ShownInstant
    deadline: ShownInstant
    completed_at: ShownInstant | None
    summary: dict[str, int] = Field(
        examples=[{"total": 3, "unbound": 2, "refused": 1}],
        description="How many items there are, in all and in each status that occurs.",
    )
    sensitive: SensitiveShown


class QueryCompleted(AnswerModel):
    """A query of yours is over: `completed`, or `cancelled` by whomever.

    It is told once, in the moment in which it is over. What comes in late after it is
    told by `order.updated`; an administrator who has items sent again opens the query,
    and its end is told once more.
    """

    type: Literal["query.completed"]
    timestamp: ShownInstant
    data: OutlinedOrder


class OrderCompleted(AnswerModel):
    """An order of yours is over: `completed`, or `cancelled` by whomever.

    It is told once, in the moment in which it is over; restore orders too. What comes
    in late after it is told by `order.updated`; an administrator who has items sent
    again opens the order, and its end is told once more.
    """

    type: Literal["order.completed"]
    timestamp: ShownInstant
    data: OutlinedOrder


class OrderUpdated(AnswerModel):
    """Something that you can see of a query or an order has changed.

    News are gathered: after a change it takes a while (`UNBIND_UPDATE_INTERVAL`, 30 s)
    until they go out, with the counts of that moment, and there are none of what is
    over by then. So one query or order is told of once in that time at most. A result
    that changes it after its end is told likewise.

    Only carriers whose endpoint takes this type are told, and find it in their feed;
    whoever has no endpoint reads `GET /v1/orders/{id}/events`. Webhooks may overtake
    each other: `timestamp` tells which is newer.
    """

    type: Literal["order.updated"]
    timestamp: ShownInstant
    data: OutlinedOrder


class OverdueOrder(AnswerModel):
    """An order whose deadline has passed."""

    order_id: str = Field(examples=[ITEM_ID])
    reference: str | None = Field(examples=["shop-4711"])
    deadline: ShownInstant
    platforms: list[str] = Field(
        examples=[["taobao", "weibo"]],
        description="Those that have not finished. Sensitive platforms are not told "
        "of in scope `previous_owner`.",
    )


class OrderOverdue(AnswerModel):
    """Platforms have let the deadline of an order pass; their items have ended.

    It is told once for an order, not for queries, and `order.completed` follows. A
    platform's result may still come in late.
    """

    type: Literal["order.overdue"]
    timestamp: ShownInstant
    data: OverdueOrder


class OwedItem(AnswerModel):
    """An item that you have taken, and whose result is missing; it names no number."""

    id: str = Field(examples=[ITEM_ID])
    acknowledged_at: ShownInstant | None
    deadline: ShownInstant


class OwedItems(AnswerModel):
    """Up to ``max_batch`` items."""

    items: list[OwedItem]


class UnbindReminder(AnswerModel):
    """The results of these items are still missing.

    It is sent at 50 % and at 90 % of the time between an order's creation, or its
    release from a hold, and its deadline, for items of `unbind.requested` and
    `restore.requested` that you have taken. Each of the two has a `webhook-id` of its
    own. Any 2xx takes it; report results as ever. Otherwise it is repeated by the plan
    for orders, never after the deadline, and no more once the result is there. Who
    fetches items gets no reminders: `GET /v1/items` shows what is open.
    """

    type: Literal["unbind.reminder"]
    timestamp: ShownInstant
    data: OwedItems


PROGRESS_WEBHOOKS: tuple[tuple[str, str, type[AnswerModel]], ...] = (
    ("query.completed", "A query is over", QueryCompleted),
    ("order.completed", "An order is over", OrderCompleted),
    ("order.updated", "How an order gets on", OrderUpdated),
    ("order.overdue", "Platforms let a deadline pass", OrderOverdue),
)

_OVER: JsonDict = {
    "order_id": ITEM_ID,
    "kind": "unbind",
    "status": "completed",
    "reference": "shop-4711",
    "created_at": "2026-11-21T08:00:00Z",
    "deadline": "2026-11-27T15:59:59Z",
    "completed_at": "2026-11-21T08:03:20Z",
    "summary": {"total": 3, "unbound": 2, "refused": 1},
    "sensitive": {"total": 12, "finished": 12},
}

PROGRESS_EXAMPLES: dict[str, JsonDict] = {
    "query.completed": {
        **_OVER,
        "order_id": _QUERY_ID,
        "kind": "query",
        "deadline": "2026-11-21T08:10:00Z",
        "summary": {"total": 3, "bound": 2, "not_bound": 1},
    },
    "order.completed": _OVER,
    "order.updated": {
        **_OVER,
        "status": "in_progress",
        "completed_at": None,
        "summary": {"total": 3, "queued": 1, "acknowledged": 1, "unbound": 1},
        "sensitive": {"total": 12, "finished": 9},
    },
    "order.overdue": {
        "order_id": ITEM_ID,
        "reference": "shop-4711",
        "deadline": "2026-11-27T15:59:59Z",
        "platforms": ["taobao", "weibo"],
    },
    "unbind.reminder": {
        "items": [
            {
                "id": ITEM_ID,
                "acknowledged_at": "2026-11-21T08:00:01Z",
                "deadline": "2026-11-27T15:59:59Z",
            }
        ]
    },
}
"""``data`` of each."""
