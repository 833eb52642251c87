"""The webhooks that platforms and all endpoints get, for the OpenAPI document."""

from functools import cache
from inspect import cleandoc
from typing import Annotated, Any, Literal

from fastapi import APIRouter, FastAPI, Header
from pydantic import Field
from pydantic.config import JsonDict

from unbind_broker.api.clearance_webhooks import CLEARANCE_EXAMPLES, CLEARANCE_WEBHOOKS
from unbind_broker.api.fields import AnswerModel, Day, ShownInstant
from unbind_broker.api.notice_webhooks import ITEM_ID, NOTICE_EXAMPLES, NOTICE_WEBHOOKS
from unbind_broker.api.progress_webhooks import (
    PROGRESS_EXAMPLES,
    PROGRESS_WEBHOOKS,
    UnbindReminder,
)
from unbind_broker.items.states import Reason
from unbind_broker.orders.states import Action, Scope

ITEM_EXAMPLE: JsonDict = {
    "id": ITEM_ID,
    "number": "+8613800001234",
    "scope": "previous_owner",
    "action": "detach",
    "owner_since": "2025-03-01",
    "bound_from": None,
    "bound_before": "2025-02-28T16:00:00Z",
    "carrier": "china-mobile",
    "created_at": "2026-11-21T08:00:00Z",
    "deadline": "2026-11-27T15:59:59Z",
    "attestation": None,
}


class RequestedItem(AnswerModel):
    """One item: ``id`` is the idempotency key, unique per platform and type."""

    id: str = Field(examples=[ITEM_ID])
    number: str = Field(examples=["+8613800001234"], description="E.164.")
    scope: Scope
    action: Action | None = Field(description="null for a query.")
    owner_since: Day
    bound_from: ShownInstant | None = Field(
        description="The interval's start, inclusive; null: no start."
    )
    bound_before: ShownInstant = Field(description="The interval's end, exclusive.")
    carrier: str = Field(examples=["china-mobile"])
    created_at: ShownInstant
    deadline: ShownInstant
    attestation: str | None = Field(
        default=None, description="The carrier's statement, when it made one."
    )


class RestoreItem(RequestedItem):
    """An item that undoes what another order, or a clearance, detached."""

    restores: str = Field(
        examples=[ITEM_ID],
        description="The order whose item is undone, by the id that you were sent, or "
        "the clearance (`clr_…`): attach again what was detached for it, and nothing "
        "else.",
    )


class RequestedItems(AnswerModel):
    """Up to ``max_batch`` items."""

    items: list[RequestedItem]


class ItemsRequested(AnswerModel):
    """Items for the platform to work on."""

    type: Literal["query.requested", "unbind.requested"]
    timestamp: ShownInstant
    data: RequestedItems


class RestoreItems(AnswerModel):
    """Up to ``max_batch`` items."""

    items: list[RestoreItem]


class RestoreRequested(AnswerModel):
    """Attach again what was detached for an earlier order.

    The interval is that of the order that is undone. What is to be attached may lie
    outside it: that is so where a removal was a violation.

    Answer as to any request: `restored`, `not_bound` or `refused`.
    """

    type: Literal["restore.requested"]
    timestamp: ShownInstant
    data: RestoreItems


class CancelledItem(AnswerModel):
    """An item that was called back; it names no number."""

    id: str = Field(examples=[ITEM_ID])
    reason: Reason | None = Field(
        description="Why: `by_carrier`, `superseded`, `number_disconnected` or "
        "`carrier_suspended`; null where a result of yours came in late."
    )
    cancelled_at: ShownInstant


class CancelledItems(AnswerModel):
    """Up to ``max_batch`` items."""

    items: list[CancelledItem]


class UnbindCancelled(AnswerModel):
    """Do nothing more for these items, of `unbind.requested` or `restore.requested`.

    It may overtake the request: remember the ids, and do not begin when the request
    comes. What is done already is reported as ever; such a result is recorded as late.
    Any 2xx takes it. Otherwise it is repeated by the plan for orders, until the order's
    deadline and 5 days from the cancellation at least.
    """

    type: Literal["unbind.cancelled"]
    timestamp: ShownInstant
    data: CancelledItems


class Challenge(AnswerModel):
    """What to answer to a verification."""

    challenge: str = Field(examples=["c_4Yh3mJ8QvXk2"])


class EndpointVerification(AnswerModel):
    """Sent when the owner of an endpoint calls ``/v1/endpoint/verify``."""

    type: Literal["endpoint.verification"]
    timestamp: ShownInstant
    data: Challenge


class EndpointTest(AnswerModel):
    """Sent when the owner of an endpoint calls ``/v1/endpoint/test``."""

    type: Literal["endpoint.test"]
    timestamp: ShownInstant
    data: dict[str, object] = Field(description="Empty.")


WebhookId = Annotated[
    str,
    Header(
        description="The same for the same items and occasion, on every retry. What "
        "carriers are told has the `id` that `GET /v1/events` shows.",
        examples=["msg_2Yh3mJ8QvXk2"],
    ),
]
WebhookTimestamp = Annotated[
    str,
    Header(description="Seconds since 1970, of this attempt.", examples=["1795248000"]),
]
WebhookSignature = Annotated[
    str,
    Header(
        description="Standard Webhooks `v1`: HMAC-SHA256 over `id.timestamp.body`. "
        "Two, separated by a space, while a secret is being rotated.",
        examples=["v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="],
    ),
]

_Answers = dict[int | str, dict[str, Any]]
_ANSWERS: _Answers = {
    "2XX": {
        "description": 'Every item is acknowledged. A body `{"results": [...]}`, with '
        "the lines of `POST /v1/results`, gives results at once."
    },
    "410": {"description": "The endpoint is disabled; its items wait."},
    "429": {"description": "Slower, please: `Retry-After` is obeyed. 503 likewise."},
    "4XX": {
        "description": "400, 413, 415, 422: the batch is halved until the culprit is "
        "alone, and only that one is `undeliverable`. Any other is retried."
    },
    "default": {"description": "Retried with jitter until the deadline."},
}
_CHALLENGE_ANSWERS: _Answers = {
    200: {"description": "The same challenge.", "model": Challenge}
}
_TAKEN: _Answers = {
    "2XX": {"description": "Received."},
    "410": {"description": "The endpoint is disabled; what is for it waits."},
    "429": _ANSWERS["429"],
    "4XX": {"description": "400, 413, 415, 422: given up. Any other is repeated."},
    "default": {"description": "Repeated with jitter."},
}
_ANY_2XX: _Answers = {"2XX": {"description": "Received."}}


_QUERY_EXAMPLE = {
    **ITEM_EXAMPLE,
    "id": ITEM_ID.replace("ord_", "qry_"),
    "action": None,
    "deadline": "2026-11-21T08:10:00Z",
}
_RESTORE_EXAMPLE = {
    **ITEM_EXAMPLE,
    "id": ITEM_ID.replace("2rs", "2rt"),
    "restores": ITEM_ID,
}
_CANCELLED_EXAMPLE: JsonDict = {
    "id": ITEM_ID,
    "reason": "by_carrier",
    "cancelled_at": "2026-11-21T08:00:00Z",
}
_CHALLENGE_EXAMPLE = {"challenge": "c_4Yh3mJ8QvXk2"}
_DATA: dict[str, JsonDict] = {
    "query.requested": {"items": [_QUERY_EXAMPLE]},
    "unbind.requested": {"items": [ITEM_EXAMPLE]},
    "restore.requested": {"items": [_RESTORE_EXAMPLE]},
    "unbind.cancelled": {"items": [_CANCELLED_EXAMPLE]},
    "endpoint.verification": {**_CHALLENGE_EXAMPLE},
    "endpoint.test": {},
    **NOTICE_EXAMPLES,
    **PROGRESS_EXAMPLES,
    **CLEARANCE_EXAMPLES,
}

BODY_EXAMPLES = {
    name: {"type": name, "timestamp": "2026-11-21T08:00:01Z", "data": data}
    for name, data in _DATA.items()
}
"""A whole body of each webhook."""


_WEBHOOKS: tuple[tuple[str, str, _Answers, type[AnswerModel]], ...] = (
    ("query.requested", "Which bindings exist?", _ANSWERS, ItemsRequested),
    ("unbind.requested", "Detach these numbers", _ANSWERS, ItemsRequested),
    ("restore.requested", "Undo what was detached", _ANSWERS, RestoreRequested),
    ("unbind.cancelled", "Do nothing more", _TAKEN, UnbindCancelled),
    ("unbind.reminder", "Results are missing", _TAKEN, UnbindReminder),
    (
        "endpoint.verification",
        "Prove that the secret is installed",
        _CHALLENGE_ANSWERS,
        EndpointVerification,
    ),
    ("endpoint.test", "A test, asked for by the owner", _ANY_2XX, EndpointTest),
    *(
        (name, summary, _TAKEN, body)
        for name, summary, body in (
            *NOTICE_WEBHOOKS,
            *PROGRESS_WEBHOOKS,
            *CLEARANCE_WEBHOOKS,
        )
    ),
)


def describe_webhooks(app: FastAPI) -> None:
    """Add the section *Webhooks*; nothing of it is served."""
    app.webhooks = _webhooks()


@cache
def _webhooks() -> APIRouter:
    """Make them once for all applications of a process."""
    webhooks = APIRouter()
    for name, summary, answers, body in _WEBHOOKS:
        webhooks.add_api_route(
            name,
            _receiver(body),
            methods=["POST"],
            summary=summary,
            responses=answers,
            description=cleandoc(body.__doc__ or ""),
            tags=["webhooks"],
            operation_id=name.replace(".", "_"),
            response_model=None,
        )
    return webhooks


def _receiver(model: type[AnswerModel]) -> Any:
    def receive(
        body: AnswerModel,
        webhook_id: WebhookId,
        webhook_timestamp: WebhookTimestamp,
        webhook_signature: WebhookSignature,
    ) -> None:
        del body, webhook_id, webhook_timestamp, webhook_signature

    receive.__annotations__["body"] = model
    return receive
