"""Accept queries and orders: one transaction, answered only after it is committed."""

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import Header, Request, Response
from sqlalchemy.exc import SQLAlchemyError

from unbind_broker.api.admission import Overloaded
from unbind_broker.api.callers import carrier_of
from unbind_broker.api.connections import reading_for
from unbind_broker.api.context import Context
from unbind_broker.api.door import leave_place
from unbind_broker.api.json_answers import encode
from unbind_broker.api.numbers import index_for
from unbind_broker.api.order_shown import OrderShown
from unbind_broker.api.problems import ANY_BODY, NotFound
from unbind_broker.api.waiting import preferred_wait
from unbind_broker.base.database import Db
from unbind_broker.base.tracing import step_of_it
from unbind_broker.holdings.refusals import OwnershipSuperseded
from unbind_broker.intake.asked import Asked, AskingCarrier, OwnWords
from unbind_broker.intake.place_order import IntakeTools, Placed, place
from unbind_broker.intake.probing import note_superseded, refusals_of
from unbind_broker.intake.rehearsing import require_made_up
from unbind_broker.intake.rules import Policy
from unbind_broker.items.views import OrderView, read_order
from unbind_broker.keys.service import Caller
from unbind_broker.orders.idempotency import Repeatable, StoredAnswer, remember, restate
from unbind_broker.orders.states import OPEN, OrderKind, OrderStatus
from unbind_broker.settings import Settings

log = logging.getLogger(__name__)

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[!-~]+$",
        examples=["5f0c6d1e-9b8a-4c3d-8e7f-1a2b3c4d5e6f"],
        description="The same key with the same body gets the first answer again, with "
        "`Idempotency-Replayed: true`. Kept for at least 24 hours.",
    ),
]
Prefer = Annotated[
    str | None,
    Header(
        alias="Prefer",
        examples=["wait=5"],
        description="`wait=N` (N up to 30): answered 200 as soon as every item is "
        "final, or 202 after N seconds.",
    ),
]

PLACES = {
    OrderKind.QUERY: "/v1/queries",
    OrderKind.UNBIND: "/v1/orders",
    OrderKind.RESTORE: "/v1/orders",
}

ACCEPT_PROBLEMS = (
    *ANY_BODY,
    "idempotency-in-progress",
    "idempotency-key-reused",
    "ported-in-not-covered",
    "owner-since-is-port-date",
    "platform-unknown",
    "platform-unavailable",
    "no-platforms",
    "too-many-open-orders",
    "attestation-required",
    "attestation-invalid",
    "attestation-replayed",
    "sandbox-number",
    "overloaded",
)
"""What both queries and orders can be answered."""


_HEADERS: dict[str, Any] = {
    "Location": {
        "description": "Where the resource is read.",
        "schema": {"type": "string"},
    },
    "Idempotency-Replayed": {
        "description": "`true` if this is the answer to an earlier request.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Preference-Applied": {
        "description": "The `wait` that was honoured (RFC 7240).",
        "schema": {"type": "string", "examples": ["wait=10"]},
    },
}


def accepted_answers(stored: str) -> dict[int | str, dict[str, Any]]:
    """Describe the answers to what was accepted; ``stored`` explains the 202."""
    over = "Every item is final (only with `Prefer: wait=N`, or its repetition)."
    return {
        200: {"description": over, "model": OrderShown, "headers": _HEADERS},
        202: {"description": stored, "headers": _HEADERS},
    }


async def repeatable_of(
    context: Context, caller: Caller, request: Request, key: str | None
) -> Repeatable | None:
    """Tell by which key and content a request is recognised when it comes again."""
    if key is None:
        return None
    content = f"{request.method} {request.url.path}\n".encode() + await request.body()
    return Repeatable.of(carrier_of(caller), key, content, context.runtime.blind_index)


async def accept(
    context: Context, caller: Caller, request: Request, asked: Asked
) -> Response:
    """Place a query or an order, and wait for its end if the caller prefers to."""
    now, asking = context.clock.now(), asking_carrier(caller)
    tools = tools_of(context, caller)
    if caller.sandbox and isinstance(asked.about, OwnWords):
        require_made_up(asked.about.number)

    async def placing(db: Db) -> Placed | StoredAnswer:
        return await place(db, now, asked, asking, tools)

    accepting = Accepting(placing, asked.kind, asked.repeatable)
    try:
        return await accept_placed(context, caller, request, accepting)
    except OwnershipSuperseded as refusal:
        async with context.engine.begin() as db:
            await note_superseded(db, now, asking, refusal, refusals_of(tools.policy))
        raise


@dataclass(frozen=True)
class Accepting:
    """What places an order of ``kind``, and how its repetition is recognised."""

    placing: Callable[[Db], Awaitable[Placed | StoredAnswer]]
    kind: OrderKind
    repeatable: Repeatable | None


async def accept_placed(
    context: Context, caller: Caller, request: Request, accepting: Accepting
) -> Response:
    """Answer what is placed, and wait for its end if the caller prefers to."""
    now, carrier = context.clock.now(), carrier_of(caller)
    repeatable = accepting.repeatable
    async with (
        step_of_it(context.runtime.tracer, "accept"),
        context.engine.begin() as db,
    ):
        placed = await accepting.placing(db)
        if isinstance(placed, StoredAnswer):
            context.tallies.repeated += not caller.sandbox
            return _written(placed, {"Idempotency-Replayed": "true"})
        sealer = context.runtime.sealer
        view = placed.view or await read_order(db, carrier, placed.order_id, sealer)
        if view is None:
            raise AssertionError("an order that was just placed is not there")
        location = f"{PLACES[accepting.kind]}/{view['id']}"
        answer = StoredAnswer(202, location, encode(view))
        if repeatable:
            await remember(db, now, repeatable, answer)
    context.tallies.accepted[accepting.kind, caller.sandbox] += 1
    leave_place(request.scope)
    seconds = preferred_wait(request.headers.getlist("prefer"))
    if seconds is None or context.completions.is_full:
        return _written(answer)
    await context.completions.wait(placed.order_id, seconds)
    try:
        waited = await _restated(context, caller, placed.order_id, location, accepting)
    except (SQLAlchemyError, OSError, Overloaded) as error:
        # It stands, so its sender must not be told that it failed.
        log.warning("wait_broken_off", extra={"error": type(error).__name__})
        return _written(answer)
    return _written(waited, {"Preference-Applied": f"wait={seconds}"})


async def _restated(
    context: Context,
    caller: Caller,
    order_id: UUID,
    location: str,
    accepting: Accepting,
) -> StoredAnswer:
    """Answer as the order stands by now; so are its repetitions answered."""
    reading_for.set(None)  # many that one caller waits for may end at once
    view = await read_own(context, caller, order_id, [accepting.kind])
    over = OrderStatus(view["status"]) not in OPEN
    answer = StoredAnswer(200 if over else 202, location, encode(view))
    if accepting.repeatable:
        async with context.engine.begin() as db:
            await restate(db, accepting.repeatable, answer)
    return answer


async def read_own(
    context: Context, caller: Caller, order_id: UUID, kinds: Collection[OrderKind]
) -> OrderView:
    """Read a carrier's own query or order; raises ``NotFound``."""
    async with context.engine.connect() as db:
        view = await read_order(
            db, carrier_of(caller), order_id, context.runtime.sealer
        )
    if view is None or view["kind"] not in kinds:
        raise NotFound("nothing of yours has this id")
    return view


def _written(
    answer: StoredAnswer, headers: Mapping[str, str] | None = None
) -> Response:
    located = {"Location": answer.location} if answer.location else {}
    return Response(
        answer.body,
        status_code=answer.status,
        media_type="application/json",
        headers={**located, **(headers or {})},
    )


def asking_carrier(caller: Caller) -> AskingCarrier:
    """Return the carrier that asks."""
    return AskingCarrier(carrier_of(caller), caller.actor)


def tools_of(context: Context, caller: Caller) -> IntakeTools:
    """Give accepting what it needs of the process for this caller's requests."""
    index = index_for(context, caller)
    policy = _policy(context.settings, rehearses=caller.sandbox)
    return IntakeTools(policy, context.runtime.sealer, index)


def _policy(settings: Settings, *, rehearses: bool) -> Policy:
    usual = Policy.of(settings)
    if not rehearses:
        return usual
    return replace(
        usual,
        working_time=settings.working_time_for(sandbox=True),
        query_deadline=min(settings.query_deadline, settings.sandbox_deadline),
        undo_window=min(settings.undo_window, settings.sandbox_pause),
    )
