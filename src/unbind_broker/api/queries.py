"""Carriers ask which bindings exist (一键查询)."""

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
from unbind_broker.api.order_bodies import QueryInBody, asked_query
from unbind_broker.api.order_lists import filter_of, show_page
from unbind_broker.api.order_paths import QueryIdInPath
from unbind_broker.api.order_shown import ListedOrderPage, OrderShown
from unbind_broker.api.pages import DEFAULT_LIMIT, Cursor, Limit
from unbind_broker.api.problems import ANY_CALL, problems
from unbind_broker.orders.states import OrderKind
from unbind_broker.orders.views import OrderFilter

router = APIRouter(prefix="/v1/queries", tags=["queries"])

QUERIES = (OrderKind.QUERY,)

_ACCEPTED = accepted_answers("Stored; the platforms are being asked.")


@router.post(
    "",
    status_code=202,
    summary="Ask which bindings exist",
    response_model=OrderShown,
    responses={**_ACCEPTED, **problems(*ACCEPT_PROBLEMS)},
)
async def create_query(
    context: Ctx,
    caller: CarrierCaller,
    body: QueryInBody,
    request: Request,
    idempotency_key: IdempotencyKey = None,
    prefer: Prefer = None,
) -> Response:
    """Ask platforms which bindings a number has. Nothing is changed anywhere.

    In scope `previous_owner` (the default) it is about bindings made before
    `owner_since`; in `current_owner` about the holder's own, made since. Platforms
    answer within 10 minutes or count as `expired`; `undeliverable` are those that did
    not even take the question.

    What you asked already within the last 10 minutes (a setting) is not asked again:
    the new query has the items of the earlier one, also while that is running, unless
    you send `recheck`, or have ordered something for this number since.
    """
    del prefer  # read from the request, where it may stand several times
    repeatable = await repeatable_of(context, caller, request, idempotency_key)
    asked = asked_query(body, context.settings.region, repeatable)
    return await accept(context, caller, request, asked)


Chosen = Annotated[OrderFilter, Depends(filter_of(QUERIES))]


@router.get(
    "",
    summary="List queries",
    response_model=ListedOrderPage,
    responses=problems(*ANY_CALL),
)
async def list_queries(
    context: Ctx,
    caller: CarrierCaller,
    chosen: Chosen,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """List your queries, newest first, without their items.

    Queries that arrive meanwhile make none repeat and none vanish.
    """
    return await show_page(context, caller, chosen, limit, cursor)


@router.get(
    "/{query_id}",
    summary="Read a query",
    response_model=OrderShown,
    responses=problems(*ANY_CALL, "not-found"),
)
async def read_query(
    context: Ctx, caller: CarrierCaller, query_id: QueryIdInPath
) -> Response:
    """Read what the platforms have answered so far."""
    return json_answer(encode(await read_own(context, caller, query_id, QUERIES)))
