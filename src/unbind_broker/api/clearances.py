"""Carriers have numbers in quarantine cleared before they are sold again (批量焕新)."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Query, Request, Response

from unbind_broker.api.accepting import IdempotencyKey, asking_carrier, repeatable_of
from unbind_broker.api.callers import (
    CarrierCaller,
    EndpointOwner,
    carrier_of,
    platform_of,
)
from unbind_broker.api.clearance_bodies import (
    ClearanceBody,
    ClearanceShown,
    ListedClearancePage,
    PublishBody,
    WithdrawalShown,
    WithdrawBody,
)
from unbind_broker.api.clearance_open import OpenClearancePage, show_open
from unbind_broker.api.clearance_paths import NOT_YOURS, ClearanceIdInPath
from unbind_broker.api.clearance_turns import in_turn
from unbind_broker.api.context import Context, Ctx
from unbind_broker.api.json_answers import encode, json_answer
from unbind_broker.api.numbers import index_for
from unbind_broker.api.pages import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    cut_page,
    read_cursor,
)
from unbind_broker.api.problems import ANY_BODY, ANY_CALL, NotFound, problems
from unbind_broker.base.database import Db
from unbind_broker.base.numbers import InvalidNumber, parse_number
from unbind_broker.clearances.listing import list_open
from unbind_broker.clearances.service import Clearance
from unbind_broker.clearances.states import ClearanceStatus
from unbind_broker.clearances.views import ClearanceView, list_views, read_view
from unbind_broker.intake.clearing import ClearingPolicy, begin, publish, take_out
from unbind_broker.keys.service import Caller
from unbind_broker.orders.idempotency import StoredAnswer, earlier_answer, remember

router = APIRouter(prefix="/v1/clearances", tags=["clearances"])

_CREATED: dict[int | str, dict[str, Any]] = {
    201: {
        "description": "A draft without numbers.",
        "headers": {
            "Location": {
                "description": "Where the resource is read.",
                "schema": {"type": "string"},
            },
            "Idempotency-Replayed": {
                "description": "`true` if this is the answer to an earlier request.",
                "schema": {"type": "string", "enum": ["true"]},
            },
        },
    }
}


@router.post(
    "",
    status_code=201,
    summary="Begin a clearance",
    response_model=ClearanceShown,
    responses={
        **_CREATED,
        **problems(
            *ANY_BODY,
            "idempotency-in-progress",
            "idempotency-key-reused",
            "too-many-open-clearances",
            "overloaded",
        ),
    },
)
async def create_clearance(
    context: Ctx,
    caller: CarrierCaller,
    body: ClearanceBody,
    request: Request,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Begin to clear numbers that were given up, before they are sold again.

    The answer is a draft. Put numbers in, part by part, then publish it: the platforms
    detach what former holders left bound to them, and report what they found.

    At most 200 of your clearances may be drafts, in progress or stopped (a setting of
    the broker). A draft that nobody puts numbers in for 7 days is destroyed.
    """
    repeatable = await repeatable_of(context, caller, request, idempotency_key)
    now, carrier = context.clock.now(), asking_carrier(caller)
    most = context.settings.open_clearances
    async with context.admission.enter(), context.engine.begin() as db:
        if repeatable and (earlier := await earlier_answer(db, repeatable)):
            return _created(earlier, {"Idempotency-Replayed": "true"})
        clearance_id = await begin(db, now, carrier, body.reference, most)
        view = _there(await read_view(db, carrier.id, clearance_id))
        location = f"/v1/clearances/{view['id']}"
        answer = StoredAnswer(201, location, encode(view))
        if repeatable:
            await remember(db, now, repeatable, answer)
    return _created(answer, {})


@router.get(
    "",
    summary="List clearances",
    response_model=ListedClearancePage | OpenClearancePage,
    responses=problems(*ANY_CALL),
)
async def list_clearances(
    context: Ctx,
    caller: EndpointOwner,
    status: Annotated[ClearanceStatus | None, Query(description="Only these.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """List your clearances, newest first.

    Carriers get their own. Platforms get those that were published to them and that
    they are not done with: that is how those find them that are not posted to.
    """
    behind = read_cursor(cursor, UUID)
    if caller.platform_id is not None:
        platform = platform_of(caller)
        async with context.engine.connect() as db:
            open_ = await list_open(db, platform, status, behind, limit + 1)
        shown_to, following = cut_page(open_, limit, lambda row: row.id)
        return json_answer(
            encode(
                {"data": [show_open(one) for one in shown_to], "next_cursor": following}
            )
        )
    async with context.engine.connect() as db:
        rows = await list_views(db, carrier_of(caller), status, behind, limit + 1)
    shown, following = cut_page(rows, limit, lambda row: row[0])
    views = [view for _, view in shown]
    return json_answer(encode({"data": views, "next_cursor": following}))


@router.get(
    "/{clearance_id}",
    summary="Read a clearance",
    response_model=ClearanceShown,
    responses=problems(*ANY_CALL, "not-found"),
)
async def read_clearance(
    context: Ctx, caller: CarrierCaller, clearance_id: ClearanceIdInPath
) -> Response:
    """Read where a clearance stands: its parts, its waves, its platforms."""
    async with context.engine.connect() as db:
        view = await read_view(db, carrier_of(caller), clearance_id)
    return json_answer(encode(_there(view)))


@router.post(
    "/{clearance_id}/publish",
    summary="Publish a clearance",
    response_model=ClearanceShown,
    responses=problems(
        *ANY_BODY,
        "not-found",
        "clearance-busy",
        "clearance-empty",
        "no-platforms",
        "unbinding-braked",
        "overloaded",
    ),
)
async def publish_clearance(
    context: Ctx,
    caller: CarrierCaller,
    clearance_id: ClearanceIdInPath,
    body: Annotated[PublishBody | None, Body()] = None,
) -> Response:
    """Let the platforms work on a draft; they have 5 working days of mainland China.

    Numbers that somebody has come to hold since they were put in are left out, and
    counted as `refused`. The first 1,000 numbers go out at once, the others an hour
    later, unless more than 1 % of the first were found in use after their holder had
    left: then it stops, `clearance.completed` says so with the status `stopped`, and
    an administrator decides whether it goes on. Publishing again changes nothing.
    """
    del body  # there is nothing in it
    carrier, policy = asking_carrier(caller), _policy(context, caller)

    async def change(db: Db, clearance: Clearance) -> ClearanceView:
        now = context.clock.now()  # in its turn: instants tell what came first
        await publish(db, now, clearance, carrier, policy)
        return _there(await read_view(db, carrier.id, clearance.id))

    async with context.admission.enter():
        view = await in_turn(context, carrier.id, clearance_id, change)
    return json_answer(encode(view))


@router.post(
    "/{clearance_id}/withdraw",
    summary="Take numbers out",
    response_model=WithdrawalShown,
    responses=problems(*ANY_BODY, "not-found", "clearance-busy", "overloaded"),
)
async def withdraw_numbers(
    context: Ctx,
    caller: CarrierCaller,
    clearance_id: ClearanceIdInPath,
    body: WithdrawBody,
) -> Response:
    """Take numbers out whose former holders have come back within the freeze.

    Platforms that have not read such a number yet never will; the others read that it
    is withdrawn. What they have detached by then stays detached. Telling `resumed` to
    `POST /v1/holdings` does the same for all your clearances.
    """
    carrier = asking_carrier(caller)
    region, index = context.settings.region, index_for(context, caller)
    indexes: list[bytes | None] = []
    for written in body.numbers:
        try:
            indexes.append(index.index(parse_number(written, region)))
        except InvalidNumber:
            indexes.append(None)
    good = [one for one in indexes if one is not None]

    async def change(db: Db, clearance: Clearance) -> list[str]:
        now = context.clock.now()  # in its turn: instants tell what came first
        return await take_out(db, now, clearance, good, carrier)

    async with context.admission.enter():
        done = iter(await in_turn(context, carrier.id, clearance_id, change))
    statuses = ["rejected" if one is None else next(done) for one in indexes]
    results = [
        {"place": place, "status": status}
        for place, status in enumerate(statuses, start=1)
    ]
    counted = {"withdrawn": statuses.count("withdrawn"), "results": results}
    return json_answer(encode(counted))


def _there(view: ClearanceView | None) -> ClearanceView:
    if view is None:
        raise NotFound(NOT_YOURS)
    return view


def _created(answer: StoredAnswer, headers: dict[str, str]) -> Response:
    created = json_answer(answer.body)
    created.status_code = answer.status
    created.headers.update({"Location": answer.location or "", **headers})
    return created


def _policy(context: Context, caller: Caller) -> ClearingPolicy:
    settings, pause = context.settings, context.settings.clearance_wave_pause
    return ClearingPolicy(
        working_time=settings.working_time_for(sandbox=caller.sandbox),
        first_wave=settings.clearance_first_wave,
        pause=min(pause, settings.sandbox_pause) if caller.sandbox else pause,
        freeze=settings.freeze,
    )
