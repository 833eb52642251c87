"""What happened to a query or an order: as a list, or live."""

from collections.abc import Collection
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request, Response

from unbind_broker.api.callers import CarrierCaller, carrier_of
from unbind_broker.api.context import Context, Ctx
from unbind_broker.api.json_answers import encode
from unbind_broker.api.order_events_shown import PLACE, UNBOUND, TimelineShown
from unbind_broker.api.order_paths import OrderIdInPath, QueryIdInPath
from unbind_broker.api.order_streams import OrderStream
from unbind_broker.api.orders import ORDERS
from unbind_broker.api.problems import ANY_CALL, NotFound, problems
from unbind_broker.api.queries import QUERIES
from unbind_broker.api.sse import MEDIA_TYPE as SSE
from unbind_broker.api.sse import EventStream, event
from unbind_broker.base.negotiation import media_type
from unbind_broker.items.changes import read_courses
from unbind_broker.items.course import Course
from unbind_broker.items.timeline import nothing_told, show_step, steps_since
from unbind_broker.items.timeline_place import write_place
from unbind_broker.keys.service import Caller
from unbind_broker.orders.states import OrderKind
from unbind_broker.orders.views import find_kind

JSON = "application/json"

router = APIRouter()

_EXAMPLE = event("item.unbound", PLACE, encode(UNBOUND)).decode()
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "What happened so far, or, as a stream, that and what comes.",
        "model": TimelineShown,
        "content": {SSE: {"schema": {"type": "string"}, "example": _EXAMPLE}},
    },
    204: {
        "description": "Only to `Accept: text/event-stream`: it is over, and "
        "everything was told. There is no reason to come back."
    },
    **problems(*ANY_CALL, "not-found", "overloaded"),
}


class _Wanted:
    """In what form, and from where on."""

    def __init__(
        self,
        request: Request,
        last_event_id: Annotated[
            str | None,
            Header(
                description="For a stream: the line `id:` of the last event that you "
                "have (not the `id` in its data), or a list's `last_event_id`. What is "
                "no such place in this very order is ignored, and everything is told "
                "from the start."
            ),
        ] = None,
    ) -> None:
        accepted = ",".join(request.headers.getlist("accept"))
        self.form = media_type(accepted, (JSON, SSE))
        self.last_event_id = last_event_id


Wanted = Annotated[_Wanted, Depends()]


@router.get(
    "/v1/queries/{query_id}/events",
    tags=["queries"],
    summary="Follow a query",
    response_model=TimelineShown,
    responses=_ANSWERS,
)
async def read_query_events(
    context: Ctx, caller: CarrierCaller, query_id: QueryIdInPath, wanted: Wanted
) -> Response:
    """Read what happened to a query, or be told live; see that of orders."""
    return await _events(context, caller, (query_id, QUERIES), wanted)


@router.get(
    "/v1/orders/{order_id}/events",
    tags=["orders"],
    summary="Follow an order",
    response_model=TimelineShown,
    responses=_ANSWERS,
)
async def read_order_events(
    context: Ctx, caller: CarrierCaller, order_id: OrderIdInPath, wanted: Wanted
) -> Response:
    """Read what happened to an order, oldest first, or be told live.

    The list is made of what the order shows now. What was overwritten since is not in
    it: an interim state before the final one, a result before its correction, a hold
    before a later one.

    `Accept: text/event-stream` gives Server-Sent Events: first everything, or what
    comes after `Last-Event-ID`, then what happens, within a second or so. Each has its
    `type` as `event` and the same JSON as `data`. The line `id:` is a place to come
    back to after a drop, at whatever server: nothing is missed then, and nothing told
    twice. (The `id` in the JSON is none: it tells whether you have an event already.)
    Changes that follow each other quickly may be told as one. Every 15 seconds of
    silence there is a comment.

    The stream ends by itself when the order is over, and now and then when the broker
    is being restarted, or you read too slowly: come back with `Last-Event-ID`, until
    you are answered 204. It ends, too, when your key is revoked. The number of streams
    at a time is bounded (429, 503).
    """
    return await _events(context, caller, (order_id, ORDERS), wanted)


async def _events(
    context: Context,
    caller: Caller,
    named: tuple[UUID, Collection[OrderKind]],
    wanted: _Wanted,
) -> Response:
    order_id, kinds = named
    async with context.engine.connect() as db:
        kind = await find_kind(db, carrier_of(caller), order_id)
        if kind not in kinds:
            raise NotFound("nothing of yours has this id")
        if wanted.form == JSON:
            courses = await read_courses(db, [order_id])
            return _timeline(courses[order_id])
    stream = OrderStream(wanted.last_event_id)
    return EventStream(context.watching.watch(caller, order_id), stream.tell)


def _timeline(course: Course) -> Response:
    told, events = nothing_told(course), []
    for step in steps_since(course, told):
        told[step.slot] = step.mark
        events.append(show_step(course, step))
    whole = {"data": events, "last_event_id": write_place(course, told)}
    return Response(
        encode(whole), media_type=JSON, headers={"Vary": "Accept, Authorization"}
    )
