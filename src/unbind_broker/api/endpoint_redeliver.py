"""Platforms and carriers have sent once more what they were sent."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from unbind_broker.api.callers import EndpointOwner, owner_of
from unbind_broker.api.context import Ctx
from unbind_broker.api.fields import (
    AnswerModel,
    Instant,
    Lax,
    RequestModel,
    ShownInstant,
)
from unbind_broker.api.problems import ANY_BODY, problems
from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
from unbind_broker.base.errors import InvalidFields
from unbind_broker.base.ids import Prefix, parse_id
from unbind_broker.base.instants import show_instant_or_null
from unbind_broker.deliveries import replaying
from unbind_broker.deliveries.spreading import Redelivery, in_parts, write
from unbind_broker.endpoints import service
from unbind_broker.endpoints.endpoint import Endpoint
from unbind_broker.endpoints.states import require_posting
from unbind_broker.items.states import OPEN, ItemStatus
from unbind_broker.keys.service import Caller
from unbind_broker.notices import repeating

router = APIRouter(prefix="/v1/endpoint", tags=["endpoint"])

MOST_NAMED = 1000
_EXAMPLE: JsonDict = {"since": "2026-11-21T08:00:00Z"}
_OPEN_WORDS = ", ".join(f"`{status.value}`" for status in sorted(OPEN))


class RedeliverBody(RequestModel):
    """What to send again: everything since an instant, or what is named."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    since: Instant | None = Field(
        default=None, description="Everything that was sent from then on."
    )
    items: list[Annotated[str, Field(max_length=64)]] | None = Field(
        default=None,
        min_length=1,
        max_length=MOST_NAMED,
        examples=[["ord_01kb2x5c7zf3v8h1m4n6p9q2rs"]],
        description="Platforms: ids of items (`ord_…`, `qry_…`). Carriers: ids of "
        "events (`evt_…`).",
    )
    status: list[Annotated[ItemStatus, Lax]] | None = Field(
        default=None,
        min_length=1,
        max_length=len(OPEN),
        examples=[["acknowledged"]],
        description=f"Platforms: only items that stand there. Of {_OPEN_WORDS}; left "
        "out: all of them, what was cancelled, and waves of clearances.",
    )


class RedeliveryShown(AnswerModel):
    """How many things go out again."""

    scheduled: int = Field(examples=[1200])
    unknown: int = Field(examples=[0], description="Never sent to you.")
    closed: int = Field(
        examples=[34], description="Finished, called back, or past their deadline."
    )
    skipped: int = Field(
        examples=[0],
        description="Open, but in none of the statuses named; of a type that your "
        "endpoint does not want.",
    )
    until: ShownInstant | None = Field(
        description="When the last of them is due; null: there are none. While your "
        "endpoint is paused they wait."
    )
    next_since: ShownInstant | None = Field(
        description="One call repeats 100,000 things at most, the oldest first. Where "
        "there are more, call again with this as `since`."
    )


@router.post(
    "/redeliver",
    status_code=202,
    summary="Have things sent again",
    responses=problems(
        *ANY_BODY,
        "not-found",
        "endpoint-is-pull",
        "endpoint-not-verified",
        "endpoint-disabled",
        "overloaded",
    ),
)
async def redeliver(
    context: Ctx, caller: EndpointOwner, body: RedeliverBody
) -> RedeliveryShown:
    """Have what you were sent sent again, after you have lost something.

    What went out together goes out together, under the same `webhook-id` if nothing of
    it is finished; what you name goes one by one. It is spread over time, 20 requests a
    second or your `max_rate` if that is less, within an hour. What still waits for its
    first acknowledgement goes out at once. Nothing finished is sent again; with
    `since`, `unbind.cancelled` is, and `clearance.published` until you have reported
    `complete`. What you answer counts as ever, but a refusal does
    not end an item that you had taken. Calling again while this is under way moves what
    is left.

    One call of yours is served at a time.

    A carrier gets its notices again: those of the types that its endpoint wants, or
    those that it names. An endpoint of delivery `pull` has nothing sent.
    """
    now, owner = context.clock.now(), owner_of(caller)
    _check(body, now, for_carrier=owner.is_carrier)
    async with context.redeliveries.enter_as(caller.actor, rehearses=caller.sandbox):
        found = await _carry_out(context, caller, body, now)
    return RedeliveryShown(
        scheduled=found.scheduled,
        unknown=found.unknown,
        closed=found.closed,
        skipped=found.skipped,
        until=found.until,
        next_since=found.next_since,
    )


async def _carry_out(
    context: Ctx, caller: Caller, body: RedeliverBody, now: datetime
) -> Redelivery:
    """Find what to repeat, and queue it; the fact goes with the first part."""
    owner = owner_of(caller)
    async with context.engine.begin() as db:
        endpoint = await service.require(db, owner)
        require_posting(endpoint)
        again = _notices if owner.is_carrier else _items
        found = await again(db, now, endpoint, body)
        await record(db, now, _fact(caller, endpoint, body, found))
        parts = list(in_parts(found.repeats))
        for part in parts[:1]:
            await write(db, endpoint.id, part)
    for part in parts[1:]:
        async with context.engine.begin() as db:
            await write(db, endpoint.id, part)
    return found


def _check(body: RedeliverBody, now: datetime, *, for_carrier: bool) -> None:
    one = (body.since is None) != (body.items is None)
    future = body.since is not None and body.since > now
    wrong = [one for one in body.status or () if one not in OPEN]
    InvalidFields.check(
        {
            "": None if one else "expected either since or items",
            "/since": "expected an instant that has passed" if future else None,
            "/status": _status_fault(body, wrong, for_carrier=for_carrier),
        }
    )


def _status_fault(
    body: RedeliverBody, wrong: Sequence[ItemStatus], *, for_carrier: bool
) -> str | None:
    if body.status is not None and for_carrier:
        return "notices have no status"
    return f"expected statuses of open items, found {wrong[0]}" if wrong else None


async def _items(
    db: Db, now: datetime, endpoint: Endpoint, body: RedeliverBody
) -> Redelivery:
    if body.since is not None:
        return await replaying.replay_since(db, now, endpoint, body.since, body.status)
    named, strange = _parsed(body, Prefix.ORDER, Prefix.QUERY)
    items = {one: text.lower().startswith(Prefix.QUERY) for text, one in named.items()}
    found = await replaying.replay_items(db, now, endpoint, items, body.status)
    found.unknown += strange
    return found


async def _notices(
    db: Db, now: datetime, endpoint: Endpoint, body: RedeliverBody
) -> Redelivery:
    if body.since is not None:
        return await repeating.repeat_since(db, now, endpoint, body.since)
    named, strange = _parsed(body, Prefix.EVENT)
    found = await repeating.repeat_named(db, now, endpoint, named.values())
    found.unknown += strange
    return found


def _parsed(body: RedeliverBody, *allowed: Prefix) -> tuple[dict[str, UUID], int]:
    """Read ids, and count those that can be nobody's."""
    texts = {text.lower() for text in body.items or ()}
    read = {text: parse_id(text, *allowed) for text in sorted(texts)}
    named = {text: one for text, one in read.items() if one is not None}
    return named, len(read) - len(named)


def _fact(
    caller: Caller, endpoint: Endpoint, body: RedeliverBody, found: Redelivery
) -> Fact:
    facts = {
        "endpoint": endpoint.id,
        "owner": endpoint.owner_slug,
        "since": show_instant_or_null(body.since),
        "named": None if body.items is None else len(body.items),
        "status": None if body.status is None else [one.value for one in body.status],
        "scheduled": found.scheduled,
        "unknown": found.unknown,
        "closed": found.closed,
        "until": show_instant_or_null(found.until),
    }
    return Fact(caller.actor, "endpoint.redelivered", facts=facts)
