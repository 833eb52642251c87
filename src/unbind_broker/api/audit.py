"""Auditors read the trail, and have proven to them that it is whole (审计)."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path

from unbind_broker.api.audit_shown import (
    EventFilter,
    EventShown,
    ProofShown,
    SearchByNumber,
    show_event,
    show_proof,
)
from unbind_broker.api.callers import AuditCaller
from unbind_broker.api.context import Context, Ctx
from unbind_broker.api.order_bodies import read_number
from unbind_broker.api.pages import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    Page,
    cut_page,
    read_cursor,
)
from unbind_broker.api.problems import ANY_BODY, ANY_CALL, NotFound, problems
from unbind_broker.audit.proofs import prove
from unbind_broker.audit.reading import ReadEvent, Wanted, list_events
from unbind_broker.audit.signing_keys import public_keys
from unbind_broker.audit.tracing import trace, trace_events
from unbind_broker.base.ids import Prefix, format_id, parse_id
from unbind_broker.keys.service import Caller
from unbind_broker.orders.kinds import kinds_of

router = APIRouter(prefix="/v1/audit/events", tags=["audit"])


class EventPage(Page[EventShown]):
    """Events, the newest first."""


def _event_id(
    event_id: Annotated[str, Path(examples=["evt_01kb2x5c7zf3v8h1m4n6p9q2rs"])],
) -> UUID:
    found = parse_id(event_id, Prefix.EVENT)
    if found is None:
        raise NotFound("there is no event with this id")
    return found


EventIdInPath = Annotated[UUID, Depends(_event_id)]


@router.get("", summary="List events", responses=problems(*ANY_CALL))
async def read_events(
    context: Ctx,
    caller: AuditCaller,
    wanted: EventFilter,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> EventPage:
    """List who did what to whom, the newest first. The reading is itself an event."""
    return await _page(context, caller, wanted, limit, cursor)


@router.post(
    "/search",
    summary="Find the events of a number",
    responses=problems(*ANY_BODY),
)
async def search_events(
    context: Ctx,
    caller: AuditCaller,
    body: SearchByNumber,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> EventPage:
    """Find what happened to a number, the newest first.

    A POST, because a number never stands in a URL. Only events that say whom they are
    about are found; their orders lead to the others.
    """
    number = read_number(body.number, context.settings.region)
    wanted = body.wanted(context.runtime.blind_index.index(number))
    return await _page(context, caller, wanted, limit, cursor)


@router.get(
    "/{event_id}/proof",
    summary="Have an event proven",
    responses=problems(
        *ANY_CALL, "not-found", "event-not-sealed", "event-not-as-sealed"
    ),
)
async def read_proof(
    context: Ctx, caller: AuditCaller, event_id: EventIdInPath
) -> ProofShown:
    """Get everything to check offline that this event was sealed as it is.

    Events are sealed within about a second.
    """
    async with context.engine.begin() as db:
        proof = await prove(db, event_id)
        if proof is None:
            raise NotFound("there is no event with this id")
        named = format_id(Prefix.EVENT, event_id)
        await trace(db, context.clock.now(), caller.actor, "proof", event=named)
        return show_proof(proof, await public_keys(db))


async def _page(
    context: Context, caller: Caller, wanted: Wanted, limit: int, cursor: str | None
) -> EventPage:
    before = read_cursor(cursor, UUID)
    async with context.engine.begin() as db:
        rows = await list_events(db, wanted, before, limit + 1)
        events, following = cut_page(rows, limit, lambda read: read.event.id)
        await trace_events(db, context.clock.now(), caller.actor, wanted, len(events))
        kinds = await kinds_of(db, _orders(events))
    return EventPage(
        data=[show_event(read, kinds) for read in events], next_cursor=following
    )


def _orders(events: Sequence[ReadEvent]) -> set[UUID]:
    return {read.event.order_id for read in events if read.event.order_id is not None}
