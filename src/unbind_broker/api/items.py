"""Platforms without an inbound door fetch their items."""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from unbind_broker.api.admission import Overloaded
from unbind_broker.api.callers import PlatformCaller, owner_of, platform_of
from unbind_broker.api.connections import Connections
from unbind_broker.api.context import Ctx
from unbind_broker.api.fields import AnswerModel, ShownInstant
from unbind_broker.api.json_answers import encode, json_answer
from unbind_broker.api.pages import DEFAULT_LIMIT, Limit, Page
from unbind_broker.api.problems import ANY_CALL, problems
from unbind_broker.api.webhooks import ITEM_EXAMPLE, RequestedItem
from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
from unbind_broker.base.errors import BrokerError
from unbind_broker.base.ids import EndpointId, PlatformId
from unbind_broker.base.sealing import Sealer
from unbind_broker.deliveries import queue
from unbind_broker.deliveries.announcing import fetch_cancelled, find_cancelled
from unbind_broker.deliveries.fetching import (
    BEGINNING,
    LOG_ROWS,
    fetch,
    take_in,
)
from unbind_broker.deliveries.queue import REQUESTS, Subject
from unbind_broker.endpoints import service as endpoints
from unbind_broker.endpoints.endpoint import Endpoint, Owner
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.states import Delivery, EndpointStatus
from unbind_broker.items.states import Reason
from unbind_broker.sending.briefs import Briefs
from unbind_broker.sending.contents import load_cancels
from unbind_broker.sending.payloads import OutgoingCancel, OutgoingItem

ROUNDS = 40
"""How many times one call reads ``LOG_ROWS`` of the log before it hands out a page."""

router = APIRouter(prefix="/v1/items", tags=["results"])


class EndpointIsPush(BrokerError):
    """The broker posts this platform's items."""

    code = "endpoint-is-push"
    title = "This endpoint is posted to"


class FetchedItem(RequestedItem):
    """An item with the ``type`` of the webhook that would have carried it."""

    type: Literal["query.requested", "unbind.requested", "restore.requested"]
    restores: str | None = Field(
        default=None,
        examples=[None],
        description="Only in items of `restore.requested`: the order, or the "
        "clearance (`clr_…`), that is undone.",
    )


class FetchedCancellation(AnswerModel):
    """That an item which was handed out before has been called back."""

    type: Literal["unbind.cancelled"]
    id: str = Field(examples=["ord_01kb2x5c7zf3v8h1m4n6p9q2rs"])
    reason: Reason | None = Field(
        examples=["by_carrier"], description="Null: a late result has replaced it."
    )
    cancelled_at: ShownInstant


_ITEM: JsonDict = {**ITEM_EXAMPLE, "type": "unbind.requested"}
_PAGE: JsonDict = {"data": [_ITEM], "next_cursor": None}


class FetchedItems(Page[FetchedItem | FetchedCancellation]):
    """What was called back, then the most urgent items.

    ``next_cursor`` is always null: take these, call again.
    """

    model_config = ConfigDict(frozen=True, json_schema_extra={"examples": [_PAGE]})


@router.get(
    "",
    summary="Fetch items (delivery pull)",
    response_model=FetchedItems,
    responses=problems(*ANY_CALL, "not-found", "endpoint-is-push", "overloaded"),
)
async def fetch_items(
    context: Ctx,
    caller: PlatformCaller,
    status: Annotated[
        Literal["queued"], Query(description="Only those that wait are handed out.")
    ] = "queued",
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """Fetch what was called back, then the items that wait for you.

    What is asked of you again comes first, then what has the nearest deadline. Take
    both with `POST /v1/results` and `outcome: "acknowledged"`, items with their results
    at once; until then they are handed out again. Each time counts as an attempt of
    the item. Nothing is handed out while the endpoint is paused.
    """
    del status  # there is one word that it can be
    now, platform = context.clock.now(), platform_of(caller)
    page, read_all = _Page(), True
    async with context.admission.enter():
        async with context.engine.connect() as db:
            endpoint = await _require_fetching(db, owner_of(caller))
        if endpoint.status is EndpointStatus.ACTIVE:
            read_all = await take_in_all(context.engine, endpoint.id, platform)
        async with context.engine.begin() as db:
            # Its owner may have paused or turned it meanwhile.
            endpoint = await _require_fetching(db, owner_of(caller))
            if endpoint.status is EndpointStatus.ACTIVE:
                sealer = context.runtime.sealer
                page = await _a_page(db, now, endpoint.id, platform, limit, sealer)
            if page.items:
                await record(db, now, _handed_out(caller.actor, page.items))
    shown = [
        *(_written(EventType.UNBIND_CANCELLED, one) for one in page.ended),
        *(_written(REQUESTS[item.kind], item) for item in page.items),
    ]
    if not shown and not read_all:
        raise Overloaded("what was asked meanwhile is still being read; call again")
    return json_answer(encode({"data": shown, "next_cursor": None}))


async def _require_fetching(db: Db, owner: Owner) -> Endpoint:
    endpoint = await endpoints.require(db, owner)
    if endpoint.delivery is not Delivery.PULL:
        raise EndpointIsPush("the broker posts your items to your endpoint")
    return endpoint


class _Page(NamedTuple):
    """What was called back, and what is asked."""

    ended: Sequence[OutgoingCancel] = ()
    items: Sequence[OutgoingItem] = ()


async def _a_page(
    db: Db,
    now: datetime,
    endpoint: EndpointId,
    platform: PlatformId,
    limit: int,
    sealer: Sealer,
) -> _Page:
    """Hand out cancellations, and items in the room that they leave."""
    called = await _called_back(db, now, endpoint, limit)
    order_ids = await fetch(db, now, endpoint, platform, limit - len(called.told))
    items = await _contents(db, now, platform, order_ids, sealer)
    return _Page(await _tell(db, endpoint, called), items)


class _CalledBack(NamedTuple):
    """What was called back, and what need not be said any more."""

    told: dict[Subject, OutgoingCancel]
    outdated: Sequence[Subject]


async def _called_back(
    db: Db, now: datetime, endpoint: EndpointId, limit: int
) -> _CalledBack:
    """Find what was called back; nothing is locked."""
    found = await find_cancelled(db, endpoint, limit)
    told = {
        subject: content
        for subject, content in await load_cancels(db, found)
        if content.deadline > now
    }
    return _CalledBack(told, [one for one in found if one not in told])


async def _tell(
    db: Db, endpoint: EndpointId, called: _CalledBack
) -> list[OutgoingCancel]:
    """Hand out what was called back, once items are locked, as by whoever reports."""
    await queue.delete(db, called.outdated)
    fetched = await fetch_cancelled(db, endpoint, called.told)
    return [called.told[one] for one in fetched]


async def take_in_all(
    engine: Connections,
    endpoint: EndpointId,
    platform: PlatformId,
    rounds: int = ROUNDS,
    rows: int = LOG_ROWS,
) -> bool:
    """Take in what the log holds, up to ``rounds`` times ``rows`` of it.

    Returns whether that was all: only then are the most urgent items known.
    """
    place = BEGINNING
    for _ in range(rounds):
        async with engine.begin() as db:
            taken = await take_in(db, endpoint, platform, place, rows)
        if taken.go_on_at is None:
            return True
        place = taken.go_on_at
    return False


async def _contents(
    db: Db,
    now: datetime,
    platform: PlatformId,
    order_ids: Sequence[UUID],
    sealer: Sealer,
) -> list[OutgoingItem]:
    briefs = await Briefs(sealer).load(db, now, order_ids)
    found = [
        briefs[order_id].to_platform(platform)
        for order_id in order_ids
        if order_id in briefs
    ]
    return [item for item in found if item.number is not None]


def _written(event: EventType, content: OutgoingItem | OutgoingCancel) -> Any:
    return {"type": event, **json.loads(content.encoded)}


def _handed_out(actor: str, items: Sequence[OutgoingItem]) -> Fact:
    ids = sorted(item.public_id for item in items)
    digest = hashlib.sha256("\n".join(ids).encode()).hexdigest()
    facts = {"items": len(ids), "items_sha256": digest}
    return Fact(actor, "items.handed_out", facts=facts)
