"""Administrators see what could not be delivered, and have it sent again."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Body, Query
from fastapi.openapi.models import Example
from sqlalchemy import select

from unbind_broker.api.admin_items_bodies import (
    AttemptSummary,
    NamedItem,
    RequeueBody,
    RequeueShown,
    UndeliverablePage,
    UndeliverableShown,
)
from unbind_broker.api.callers import AdminCaller
from unbind_broker.api.context import Ctx
from unbind_broker.api.fields import CarrierSlug, Instant, Slug
from unbind_broker.api.pages import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    cut_page,
    number_key,
    read_cursor,
    write_cursor,
)
from unbind_broker.api.problems import ANY_BODY, ANY_CALL, problems
from unbind_broker.base.database import Db
from unbind_broker.base.errors import InvalidFields
from unbind_broker.base.ids import Prefix, parse_id
from unbind_broker.deliveries.outcomes import Cause
from unbind_broker.deliveries.undelivered_views import (
    Refusal,
    UndeliveredItem,
    WantedItems,
    last_refusals,
    list_undelivered,
)
from unbind_broker.intake.requeueable import WORDS, Candidate, WhyNot, look_at
from unbind_broker.intake.requeuing import AskedRequeue, requeue
from unbind_broker.items.item import ItemKey
from unbind_broker.orders.views import show_order_id
from unbind_broker.platforms.tables import platforms

router = APIRouter(prefix="/v1/admin/items", tags=["admin"])

_REASONS = {
    Cause.REFUSED: "the platform refused the request for good",
    Cause.OVERDUE: "the deadline passed before the platform took it",
}
OfCarrier = Annotated[
    CarrierSlug | None,
    Query(
        description="Only those of this carrier's orders; `<slug>.sandbox`: of its "
        "rehearsals."
    ),
]
OfPlatform = Annotated[Slug | None, Query(description="Only those of this platform.")]
OfCause = Annotated[Cause | None, Query(description="Only those that ended like this.")]
Since = Annotated[
    Instant | None, Query(description="Only those that ended then or later.")
]
Until = Annotated[Instant | None, Query(description="Only those that ended before.")]


@router.get("", summary="List undeliverable items", responses=problems(*ANY_CALL))
async def read_undeliverable(  # noqa: PLR0913, PLR0917 - what a list can be narrowed by
    context: Ctx,
    _: AdminCaller,
    status: Annotated[
        Literal["undeliverable"], Query(description="Only those are listed.")
    ],
    platform: OfPlatform = None,
    carrier: OfCarrier = None,
    cause: OfCause = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> UndeliverablePage:
    """List items that no platform took, those of the newest orders first.

    An item ends like that when its platform refuses the request for good (400, 413,
    415, 422), or when the order's deadline passes first. A late result that still comes
    in takes it off this list. Sensitive platforms are here too: their carriers are not
    told which they are.
    """
    del status  # there is one word that it can be
    wanted = WantedItems(platform, carrier, cause, since, until)
    now, page = context.clock.now(), (read_cursor(cursor, _key), limit + 1)
    async with context.engine.connect() as db:
        rows = await list_undelivered(db, wanted, page, context.runtime.sealer)
        found, following = cut_page(rows, limit, lambda one: _cursor_of(one.key))
        judged = await look_at(db, now, [one.key for one in found])
        refusals = await last_refusals(db, found)
    return UndeliverablePage(
        data=[_shown(one, judged.get(one.key), refusals) for one in found],
        next_cursor=following,
    )


RequeueInBody = Annotated[
    RequeueBody,
    Body(
        openapi_examples={
            "look": Example(
                summary="See what would be sent again to a platform",
                value={"platform": "weibo", "cause": "refused"},
            ),
            "do": Example(
                summary="Send it, over ten minutes",
                value={"platform": "weibo", "dry_run": False, "spread_seconds": 600},
            ),
            "some": Example(
                summary="Send single items again",
                value={
                    "items": [
                        {"item": "ord_01kb2x5c7zf3v8h1m4n6p9q2rs", "platform": "weibo"}
                    ],
                    "dry_run": False,
                },
            ),
        }
    ),
]


@router.post(
    "/requeue",
    summary="Send undeliverable items again",
    response_model_exclude_unset=True,
    responses=problems(*ANY_BODY),
)
async def requeue_items(
    context: Ctx, caller: AdminCaller, body: RequeueInBody
) -> RequeueShown:
    """Send undeliverable items once more; a dry run unless you say otherwise.

    They become `queued` and their orders `in_progress` again, until the deadline that
    the orders have. Platforms get the same item ids under a new `webhook-id`. What may
    not be sent is skipped: orders past their deadline, called back or undone, numbers
    with a later holder, carriers and platforms that are stopped.

    Nothing of it shows at sensitive platforms to the carrier. Calling again sends
    nothing twice: what waits is undeliverable no longer.
    """
    now = context.clock.now()
    async with context.engine.begin() as db:
        asked = await _asked(db, body)
        done = await requeue(db, now, asked, caller.actor)
    count = {"would_requeue" if body.dry_run else "requeued": done.count}
    return RequeueShown(
        dry_run=body.dry_run,
        **count,
        skipped={reason.value: done.skipped[reason] for reason in WhyNot},
        more=done.more is not None,
        next_cursor=None if done.more is None else write_cursor(_cursor_of(done.more)),
    )


async def _asked(db: Db, body: RequeueBody) -> AskedRequeue:
    spread = body.spread_seconds
    return AskedRequeue(
        named=await _named(db, body),
        wanted=WantedItems(
            body.platform, body.carrier, body.cause, body.since, body.until
        ),
        before=read_cursor(body.cursor, _key, "/cursor"),
        dry_run=body.dry_run,
        spread=None if spread is None else timedelta(seconds=spread),
    )


async def _named(db: Db, body: RequeueBody) -> list[ItemKey] | None:
    if body.items is None:
        if body.platform is None:
            raise InvalidFields.at("/platform", "expected a platform, or items")
        return None
    narrowing = body.model_dump(
        include={"platform", "carrier", "cause", "since", "until", "cursor"},
        exclude_none=True,
    )
    InvalidFields.check(
        {f"/{name}": "expected nothing beside items" for name in narrowing}
    )
    return await _keys(db, body.items)


async def _keys(db: Db, named: list[NamedItem]) -> list[ItemKey]:
    """Find the items named; a platform that there is not has none."""
    order_ids = [parse_id(one.item, Prefix.QUERY, Prefix.ORDER) for one in named]
    InvalidFields.check(
        {
            f"/items/{place}/item": None if found else "expected an id: ord_… or qry_…"
            for place, found in enumerate(order_ids)
        }
    )
    slugs = {one.platform for one in named}
    rows = await db.execute(
        select(platforms.c.slug, platforms.c.id).where(platforms.c.slug.in_(slugs))
    )
    ids = {row.slug: row.id for row in rows}
    keys = [
        ItemKey(order_id, ids.get(one.platform, _NOBODY))
        for one, order_id in zip(named, order_ids, strict=True)
        if order_id is not None
    ]
    return list(dict.fromkeys(keys))


_NOBODY = 0
"""No platform has this id."""


def _key(text: str) -> ItemKey:
    order_id, _, platform_id = text.partition("/")
    return ItemKey(UUID(order_id), number_key(platform_id))


def _cursor_of(key: ItemKey) -> str:
    return f"{key.order_id}/{key.platform_id}"


def _shown(
    one: UndeliveredItem,
    judged: Candidate | None,
    refusals: Mapping[ItemKey, Refusal],
) -> UndeliverableShown:
    why_not = WhyNot.NOT_UNDELIVERABLE if judged is None else judged.why_not
    refusal = refusals.get(one.key)
    return UndeliverableShown(
        item=show_order_id(one.kind, one.key.order_id),
        kind=one.kind,
        platform=one.platform,
        carrier=one.carrier,
        number=one.number,
        cause=one.cause,
        reason=_REASONS[one.cause],
        attempts=one.attempts,
        at=one.at,
        deadline=one.deadline,
        requeueable=why_not is None,
        why_not=None if why_not is None else WORDS[why_not],
        last_attempt=None
        if refusal is None
        else AttemptSummary(
            status_code=refusal.status_code,
            error=refusal.error,
            answer=refusal.answer_head,
        ),
    )
