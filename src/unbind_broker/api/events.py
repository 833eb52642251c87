"""Carriers read what they were told, with or without an inbound door."""

import json
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from unbind_broker.api.callers import CarrierCaller, carrier_of
from unbind_broker.api.context import Ctx
from unbind_broker.api.fields import AnswerModel, ShownInstant
from unbind_broker.api.json_answers import encode, json_answer
from unbind_broker.api.notice_webhooks import EVENT_ID, ITEM_ID, NOTICE_EXAMPLES
from unbind_broker.api.pages import DEFAULT_LIMIT, Limit, Page
from unbind_broker.api.problems import ANY_CALL, NotFound, problems
from unbind_broker.base.database import Db
from unbind_broker.base.errors import InvalidFields
from unbind_broker.base.ids import CarrierId, Prefix, format_id, parse_id
from unbind_broker.base.instants import show_instant
from unbind_broker.endpoints.events import NOTICES
from unbind_broker.notices import feed
from unbind_broker.notices.feed import Place, Told
from unbind_broker.orders.states import OrderKind
from unbind_broker.orders.views import show_order_id

router = APIRouter(prefix="/v1/events", tags=["orders"])

_TYPES = [event.value for event in sorted(NOTICES)]
_EVENT: JsonDict = {
    "id": EVENT_ID,
    "type": "order.held",
    "timestamp": "2026-11-21T08:00:00Z",
    "order_id": ITEM_ID,
    "data": NOTICE_EXAMPLES["order.held"],
}
_PAGE: JsonDict = {"data": [_EVENT], "next_cursor": None}


class ToldEvent(AnswerModel):
    """One thing that happened, as its webhook says it."""

    id: str = Field(
        examples=[EVENT_ID], description="Its webhook has it as `webhook-id`."
    )
    type: str = Field(
        examples=["order.held"],
        json_schema_extra={"enum": [*map(str, sorted(NOTICES))]},
    )
    timestamp: ShownInstant = Field(description="When it happened.")
    order_id: str | None = Field(
        default=None,
        examples=[ITEM_ID],
        description="The order or query that it is about; missing where there is none.",
    )
    data: dict[str, object] = Field(description="`data` of the webhook of this type.")


class ToldEventPage(Page[ToldEvent]):
    """Events, oldest first. ``next_cursor`` is null where there are no more by now."""

    model_config = ConfigDict(frozen=True, json_schema_extra={"examples": [_PAGE]})


@router.get(
    "",
    summary="Read what happened",
    response_model=ToldEventPage,
    responses=problems(*ANY_CALL, "not-found"),
)
async def read_events(
    context: Ctx,
    caller: CarrierCaller,
    after: Annotated[
        str | None,
        Query(
            max_length=64,
            description="The `id` of the last event that you have; left out: from the "
            "oldest that is kept.",
            examples=[EVENT_ID],
        ),
    ] = None,
    cursor: Annotated[
        str | None,
        Query(
            max_length=64,
            description="The `next_cursor` of the page before: another word for "
            "`after`.",
        ),
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """Read everything that webhooks tell you, oldest first.

    It needs no inbound door, and holds what an endpoint does not want, was too busy
    for, or did not take within 5 days. Read on with `after`: the `id` of the last event
    that you have, which `next_cursor` repeats where more are waiting already. An event
    is shown once nothing older can appear any more, so none is ever skipped.
    """
    carrier = carrier_of(caller)
    async with context.engine.connect() as db:
        place = await _place(db, carrier, _behind(after, cursor))
        told = await feed.read_on(db, carrier, place, limit + 1)
    shown = [_shown(one) for one in told[:limit]]
    more = len(told) > limit
    return json_answer(
        encode({"data": shown, "next_cursor": shown[-1]["id"] if more else None})
    )


def _behind(after: str | None, cursor: str | None) -> UUID | None:
    if after is not None and cursor is not None:
        raise InvalidFields.at("/query/cursor", "expected after or cursor, not both")
    name, told = ("after", after) if cursor is None else ("cursor", cursor)
    if told is None:
        return None
    notice = parse_id(told, Prefix.EVENT)
    if notice is None:
        raise InvalidFields.at(f"/query/{name}", "expected the id of an event, evt_…")
    return notice


async def _place(db: Db, carrier: CarrierId, notice: UUID | None) -> Place:
    if notice is None:
        return feed.START
    place = await feed.find_place(db, carrier, notice)
    if place is None:
        raise NotFound(
            "no event of yours has this id, or it is not kept any more; "
            "leave `after` out to begin with the oldest"
        )
    return place


def _shown(told: Told) -> dict[str, Any]:
    about = {}
    if told.order_id is not None:
        kind = told.kind or OrderKind.UNBIND
        about = {"order_id": show_order_id(kind, told.order_id)}
    return {
        "id": format_id(Prefix.EVENT, told.id),
        "type": told.event.value,
        "timestamp": show_instant(told.at),
        **about,
        "data": json.loads(told.data),
    }
