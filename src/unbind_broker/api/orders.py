"""Carriers have bindings detached (一键解绑), and see the outcome."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from unbind_broker.api.accepting import (
    ACCEPT_PROBLEMS,
    IdempotencyKey,
    Prefer,
    accept,
    accepted_answers,
    read_own,
    repeatable_of,
)
from unbind_broker.api.callers import CarrierCaller
from unbind_broker.api.context import Ctx
from unbind_broker.api.json_answers import encode, json_answer
from unbind_broker.api.numbers import index_for, read_own_number
from unbind_broker.api.order_bodies import (
    OrderInBody,
    SearchBody,
    asked_order,
)
from unbind_broker.api.order_lists import filter_of, show_page
from unbind_broker.api.order_paths import OrderIdInPath
from unbind_broker.api.order_shown import ListedOrderPage, OrderShown
from unbind_broker.api.pages import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
)
from unbind_broker.api.problems import ANY_BODY, ANY_CALL, problems
from unbind_broker.orders.states import OrderKind
from unbind_broker.orders.views import OrderFilter

router = APIRouter(prefix="/v1/orders", tags=["orders"])

ORDERS = (OrderKind.UNBIND, OrderKind.RESTORE)

_ACCEPTED = accepted_answers(
    "Stored. The platforms are being told, or, in scope `current_owner`, will be when "
    "the undo window has passed."
)


@router.post(
    "",
    status_code=202,
    summary="Have bindings detached",
    response_model=OrderShown,
    responses={
        **_ACCEPTED,
        **problems(
            *ACCEPT_PROBLEMS,
            "action-not-offered",
            "query-unknown",
            "unbinding-braked",
        ),
    },
)
async def create_order(
    context: Ctx,
    caller: CarrierCaller,
    body: OrderInBody,
    request: Request,
    idempotency_key: IdempotencyKey = None,
    prefer: Prefer = None,
) -> Response:
    """Have a number detached from accounts: from login, recovery and messages.

    The accounts themselves survive. In scope `previous_owner` (the default) it is about
    bindings made before `owner_since`. In scope `current_owner` it is about the
    holder's own: platforms must be named, and the order is `held` for the undo window
    (24 hours) before anything is sent.

    Platforms have 5 working days of mainland China, to the end of the last day. With
    `query_id` the order follows a query instead of saying itself whom it is about.
    """
    del prefer  # read from the request, where it may stand several times
    repeatable = await repeatable_of(context, caller, request, idempotency_key)
    asked = asked_order(body, context.settings.region, repeatable)
    return await accept(context, caller, request, asked)


Chosen = Annotated[OrderFilter, Depends(filter_of(ORDERS))]


@router.get(
    "",
    summary="List orders",
    response_model=ListedOrderPage,
    responses=problems(*ANY_CALL),
)
async def list_orders(
    context: Ctx,
    caller: CarrierCaller,
    chosen: Chosen,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """List your unbind and restore orders, newest first, without their items.

    Queries are not among them. Orders that arrive meanwhile make none repeat and none
    vanish. To follow what is new, read `GET /v1/events`: an order is dated when it was
    asked for, so one that was accepted late may stand before others.
    """
    return await show_page(context, caller, chosen, limit, cursor)


@router.post(
    "/search",
    summary="Find the orders of a number",
    response_model=ListedOrderPage,
    responses=problems(*ANY_BODY),
)
async def search_orders(
    context: Ctx,
    caller: CarrierCaller,
    body: SearchBody,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Find your own orders about a number, newest first, without their items.

    A POST, because a number never stands in a URL. Send the same body with the `cursor`
    of the page before for the next page.
    """
    number = read_own_number(context, caller, body.number)
    chosen = OrderFilter(
        kinds=ORDERS, number_index=index_for(context, caller).index(number)
    )
    return await show_page(context, caller, chosen, limit, cursor)


@router.get(
    "/{order_id}",
    summary="Read an order",
    response_model=OrderShown,
    responses=problems(*ANY_CALL, "not-found"),
)
async def read_order(
    context: Ctx, caller: CarrierCaller, order_id: OrderIdInPath
) -> Response:
    """Read where an order stands, platform by platform."""
    return json_answer(encode(await read_own(context, caller, order_id, ORDERS)))
