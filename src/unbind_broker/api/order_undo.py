"""Carriers take orders back: before they are done (cancel), and after (restore)."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Request, Response
from fastapi.openapi.models import Example
from pydantic import ConfigDict, Field

from unbind_broker.api.accepting import (
    Accepting,
    IdempotencyKey,
    Prefer,
    accept_placed,
    accepted_answers,
    asking_carrier,
    repeatable_of,
)
from unbind_broker.api.callers import CarrierCaller
from unbind_broker.api.context import Ctx
from unbind_broker.api.fields import RequestModel, Why
from unbind_broker.api.json_answers import encode, json_answer
from unbind_broker.api.order_bodies import PlatformSlugs
from unbind_broker.api.order_paths import OrderIdInPath
from unbind_broker.api.order_shown import OrderShown
from unbind_broker.api.problems import ANY_BODY, NotFound, problems
from unbind_broker.base.database import Db
from unbind_broker.intake.cancelling import cancel
from unbind_broker.intake.place_order import Placed
from unbind_broker.intake.restoring import AskedRestore, restore
from unbind_broker.items.views import read_order
from unbind_broker.orders.idempotency import Repeatable, StoredAnswer
from unbind_broker.orders.states import OrderKind

router = APIRouter(prefix="/v1/orders", tags=["orders"])


class CancelBody(RequestModel):
    """Nothing needs to be said; the body may be left out."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})


class RestoreBody(RequestModel):
    """What shall be attached again, and why."""

    platforms: PlatformSlugs | None = Field(
        default=None,
        examples=[["weibo"]],
        description="Slugs; left out: every platform that can attach again what it "
        "detached.",
    )
    reason: Why = Field(
        examples=["the holder still uses this account"],
        description="Kept in the audit trail only, runs of digits masked.",
    )


RestoreInBody = Annotated[
    RestoreBody,
    Body(
        openapi_examples={
            "all": Example(
                summary="Undo all that can be undone",
                value={"reason": "the wrong date was attested"},
            ),
            "some": Example(
                summary="Undo it at one platform",
                value={
                    "platforms": ["weibo"],
                    "reason": "the holder still uses this account",
                },
            ),
        }
    ),
]


async def _repeated(
    context: Ctx,
    caller: CarrierCaller,
    request: Request,
    idempotency_key: IdempotencyKey = None,
    prefer: Prefer = None,
) -> Repeatable | None:
    del prefer  # read from the request, where it may stand several times
    return await repeatable_of(context, caller, request, idempotency_key)


Repeated = Annotated[Repeatable | None, Depends(_repeated)]


@router.post(
    "/{order_id}/cancel",
    summary="Cancel an order",
    response_model=OrderShown,
    responses=problems(
        *ANY_BODY,
        "not-found",
        "order-already-completed",
        "undoes-violation",
        "overloaded",
    ),
)
async def cancel_order(
    context: Ctx,
    caller: CarrierCaller,
    order_id: OrderIdInPath,
    body: Annotated[CancelBody | None, Body()] = None,
) -> Response:
    """Call an order back, at once and with every item that is still open.

    An order that is still `held` reaches no platform at all. Otherwise nothing more is
    sent, and every platform that was sent a request and has not finished is told by
    `unbind.cancelled`. What platforms have done by then stands: a result that still
    comes in replaces `cancelled`, marked `late`, and a restore order undoes it.
    Cancelling again changes nothing. The restore order that the broker makes to undo a
    violation cannot be cancelled (`undoes-violation`).
    """
    del body  # there is nothing in it
    now, carrier = context.clock.now(), asking_carrier(caller)
    async with context.admission.enter(), context.engine.begin() as db:
        if not await cancel(db, now, carrier, order_id):
            raise NotFound("nothing of yours has this id")
        view = await read_order(db, carrier.id, order_id, context.runtime.sealer)
    return json_answer(encode(view))


@router.post(
    "/{order_id}/restore",
    status_code=202,
    summary="Undo an order",
    response_model=OrderShown,
    responses={
        **accepted_answers("Stored. The platforms are being told."),
        **problems(
            *ANY_BODY,
            "not-found",
            "idempotency-in-progress",
            "idempotency-key-reused",
            "ownership-superseded",
            "nothing-to-restore",
            "not-restorable",
            "platform-unavailable",
            "overloaded",
        ),
    },
)
async def restore_order(
    context: Ctx,
    caller: CarrierCaller,
    order_id: OrderIdInPath,
    body: RestoreInBody,
    request: Request,
    repeatable: Repeated,
) -> Response:
    """Have platforms attach again what they detached for one of your unbind orders.

    That can be asked wherever an item is `unbound`, `partly_unbound` or `closed` and
    its `restorable_until` lies ahead. The answer is a new order of kind `restore`, with
    the deadline of an order made now; its items end as `restored`, `not_bound` or
    `refused`. The items of the original stay as they are.

    While a restore order is under way that covers all that is asked for, the answer is
    that order: what is sent twice is done once, also without an `Idempotency-Key`. It
    no longer covers a platform that refused, or could not be reached.

    In scope `previous_owner` without `platforms` it goes to all sensitive platforms
    that were asked too, whatever they had answered. Once a later holder of the number
    is known it is refused: the number is somebody else's.
    """
    now, carrier = context.clock.now(), asking_carrier(caller)
    asked = AskedRestore(
        order_id=order_id,
        platforms=None if body.platforms is None else tuple(body.platforms),
        reason=body.reason,
        repeatable=repeatable,
    )

    async def placing(db: Db) -> Placed | StoredAnswer:
        working_time = context.settings.working_time_for(sandbox=caller.sandbox)
        placed = await restore(db, now, asked, carrier, working_time)
        if placed is None:
            raise NotFound("nothing of yours has this id")
        return placed

    accepting = Accepting(placing, OrderKind.RESTORE, asked.repeatable)
    return await accept_placed(context, caller, request, accepting)
