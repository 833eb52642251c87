"""Owners of endpoints see what was sent to them, and what came of it."""

from collections.abc import Mapping, Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query

from unbind_broker.api.admin_endpoints import platform_owner
from unbind_broker.api.attempt_shown import AttemptPage, AttemptShown, show_attempt
from unbind_broker.api.callers import AdminCaller, EndpointOwner, owner_of
from unbind_broker.api.context import Context, Ctx
from unbind_broker.api.fields import Instant
from unbind_broker.api.pages import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    cut_page,
    read_cursor,
    write_cursor,
)
from unbind_broker.api.paths import SlugInPath
from unbind_broker.api.problems import ANY_CALL, NotFound, problems
from unbind_broker.base.database import Db
from unbind_broker.base.errors import InvalidFields
from unbind_broker.base.ids import AttemptId, Prefix, parse_id
from unbind_broker.deliveries.attempt_log import (
    WantedAttempts,
    find_attempt,
    last_looked_at,
    list_attempts,
)
from unbind_broker.deliveries.attempts import Attempt
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.endpoints import service
from unbind_broker.endpoints.endpoint import Endpoint, Owner
from unbind_broker.sending.rebuilding import Rebuilt, rebuild

router = APIRouter(prefix="/v1/endpoint/attempts", tags=["endpoint"])
admin_router = APIRouter(prefix="/v1/admin/endpoints", tags=["admin"])

MOST_WITH_BODY = 50
"""A longer page shows no bodies."""
MOST_ITEMS = 1000
"""Bodies of a page name so many items at most; each is opened, written and hashed."""


def _attempt_id(
    attempt_id: Annotated[str, Path(examples=["att_01kb2x5d0m3n8c6q1v5w7x9y2z"])],
) -> UUID:
    found = parse_id(attempt_id, Prefix.ATTEMPT)
    if found is None:
        raise NotFound("no attempt of this endpoint has this id")
    return found


def _wanted(
    item: Annotated[
        str | None,
        Query(
            max_length=64,
            examples=["ord_01kb2x5c7zf3v8h1m4n6p9q2rs"],
            description="Only those about this item (`ord_…`, `qry_…`) or, for "
            "carriers, this event (`evt_…`).",
        ),
    ] = None,
    outcome: Annotated[OutcomeKind | None, Query(description="Only these.")] = None,
    since: Annotated[
        Instant | None, Query(description="Only those begun then or later.")
    ] = None,
    until: Annotated[
        Instant | None, Query(description="Only those begun before.")
    ] = None,
) -> WantedAttempts:
    subject = None
    if item is not None:
        subject = parse_id(item, Prefix.ORDER, Prefix.QUERY, Prefix.EVENT)
        if subject is None:
            raise InvalidFields.at("/query/item", "expected an id such as ord_…")
    return WantedAttempts(subject, outcome, since, until)


AttemptIdInPath = Annotated[UUID, Depends(_attempt_id)]
Wanted = Annotated[WantedAttempts, Depends(_wanted)]


@router.get(
    "",
    summary="List what was sent to you",
    responses=problems(*ANY_CALL, "not-found"),
)
async def read_attempts(
    context: Ctx,
    caller: EndpointOwner,
    wanted: Wanted,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> AttemptPage:
    """List the requests that went to your endpoint, newest first, verifications too.

    Pages of up to 50 show the masked bodies, as far as they name 1,000 items together.
    What you narrow it to is looked for among 100,000 requests a call: a page may be
    short, or empty, and have a next one all the same.
    """
    return await _page(context, owner_of(caller), wanted, limit, cursor)


@router.get(
    "/{attempt_id}",
    summary="Read what was sent to you once",
    responses=problems(*ANY_CALL, "not-found"),
)
async def read_attempt(
    context: Ctx, caller: EndpointOwner, attempt_id: AttemptIdInPath
) -> AttemptShown:
    """Read one request that went to your endpoint, with its masked body."""
    return await _one(context, owner_of(caller), attempt_id)


@admin_router.get(
    "/{slug}/attempts",
    summary="List what was sent to a platform",
    responses=problems(*ANY_CALL, "not-found"),
)
async def read_platform_attempts(
    context: Ctx,
    _: AdminCaller,
    slug: SlugInPath,
    wanted: Wanted,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> AttemptPage:
    """List the requests that went to a platform's endpoint, newest first, as it can.

    Pages of up to 50 show the masked bodies, as far as they name 1,000 items together.
    What you narrow it to is looked for among 100,000 requests a call: a page may be
    short, or empty, and have a next one all the same.
    """
    owner = await _platform(context, slug)
    return await _page(context, owner, wanted, limit, cursor)


@admin_router.get(
    "/{slug}/attempts/{attempt_id}",
    summary="Read what was sent to a platform once",
    responses=problems(*ANY_CALL, "not-found"),
)
async def read_platform_attempt(
    context: Ctx, _: AdminCaller, slug: SlugInPath, attempt_id: AttemptIdInPath
) -> AttemptShown:
    """Read one request that went to a platform's endpoint, with its masked body."""
    return await _one(context, await _platform(context, slug), attempt_id)


async def _platform(context: Context, slug: str) -> Owner:
    async with context.engine.connect() as db:
        return await platform_owner(db, slug)


async def _page(
    context: Context,
    owner: Owner,
    wanted: WantedAttempts,
    limit: int,
    cursor: str | None,
) -> AttemptPage:
    before = read_cursor(cursor, UUID)
    async with context.engine.connect() as db:
        endpoint = await service.require(db, owner)
        rows = await list_attempts(db, endpoint.id, wanted, before, limit + 1)
        shown, following = cut_page(rows, limit, lambda attempt: attempt.id)
        if following is None and wanted != WantedAttempts():
            last = await last_looked_at(db, endpoint.id, wanted, before)
            following = None if last is None else write_cursor(last)
        chosen = _with_body(shown) if limit <= MOST_WITH_BODY else []
        bodies = await _bodies(context, db, endpoint, chosen)
    return AttemptPage(
        data=[show_attempt(one, bodies.get(one.id)) for one in shown],
        next_cursor=following,
    )


async def _one(context: Context, owner: Owner, attempt_id: UUID) -> AttemptShown:
    async with context.engine.connect() as db:
        endpoint = await service.require(db, owner)
        attempt = await find_attempt(db, endpoint.id, attempt_id)
        if attempt is None:
            raise NotFound("no attempt of this endpoint has this id")
        bodies = await _bodies(context, db, endpoint, [attempt])
    return show_attempt(attempt, bodies[attempt.id])


async def _bodies(
    context: Context, db: Db, endpoint: Endpoint, chosen: Sequence[Attempt]
) -> Mapping[AttemptId, Rebuilt]:
    sealer = context.runtime.sealer
    return await rebuild(db, sealer, endpoint.platform_id, chosen)


def _with_body(shown: Sequence[Attempt]) -> list[Attempt]:
    """Choose the attempts whose bodies are shown, from the newest on."""
    chosen: list[Attempt] = []
    items = 0
    for attempt in shown:
        items += len(attempt.subject_ids)
        if items > MOST_ITEMS:
            break
        chosen.append(attempt)
    return chosen
