"""What happened to endpoints' health: owners see theirs, administrators all."""

from typing import TypeVar
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from unbind_broker.api.callers import AdminCaller, EndpointOwner, owner_of
from unbind_broker.api.context import Ctx
from unbind_broker.api.fields import AnswerModel, ShownInstant
from unbind_broker.api.pages import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    Page,
    cut_page,
    read_cursor,
)
from unbind_broker.api.problems import ANY_CALL, problems
from unbind_broker.base.ids import EndpointId, Prefix, format_id
from unbind_broker.endpoints import health_store, service
from unbind_broker.endpoints.endpoint import Owner
from unbind_broker.endpoints.health import HealthEventKind
from unbind_broker.endpoints.health_store import HealthEvent

router = APIRouter(tags=["endpoint"])
admin_router = APIRouter(tags=["admin"])

_EVENT_ID = "evt_06f5jd5kysxt7avrp4tyb3smg4"


class HealthEventShown(AnswerModel):
    """An edge: told when it happens, not while it lasts."""

    id: str = Field(examples=[_EVENT_ID])
    kind: HealthEventKind = Field(
        examples=["open"],
        description="`degraded`: it fails often. `open`: nothing is sent any more but "
        "one request now and then. `recovered`: as before. `disabled`: nothing is sent "
        "until it is verified again.",
    )
    at: ShownInstant
    detail: str | None = Field(examples=["answered 503"])


class HealthEventPage(Page[HealthEventShown]):
    """Events, newest first."""


class OwnedHealthEvent(HealthEventShown):
    """An event, and whose endpoint it is about."""

    platform: str | None = Field(examples=["weibo"])
    carrier: str | None = Field(examples=[None])


class OwnedHealthEventPage(Page[OwnedHealthEvent]):
    """Events of all endpoints, newest first."""


AnyEvent = TypeVar("AnyEvent", bound=HealthEventShown)


@router.get(
    "/v1/endpoint/events",
    summary="Read how your endpoint fared",
    responses=problems(*ANY_CALL, "not-found"),
)
async def read_own_events(
    context: Ctx,
    caller: EndpointOwner,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> HealthEventPage:
    """List when your endpoint was degraded, cut off, back again, or disabled.

    Each is told once, at its beginning; `health` of your endpoint says what holds now.
    Kept as long as orders are.
    """
    before = read_cursor(cursor, UUID)
    async with context.engine.connect() as db:
        endpoint = await service.require(db, owner_of(caller))
        rows = await health_store.list_events(db, endpoint.id, before, limit + 1)
    shown, following = cut_page(rows, limit, lambda event: event.id)
    data = [_show(event, HealthEventShown) for event in shown]
    return HealthEventPage(data=data, next_cursor=following)


@admin_router.get(
    "/v1/admin/endpoint-events",
    summary="Read how endpoints fare",
    responses=problems(*ANY_CALL),
)
async def read_all_events(
    context: Ctx,
    _: AdminCaller,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> OwnedHealthEventPage:
    """List when endpoints were degraded, cut off, back again, or disabled."""
    before = read_cursor(cursor, UUID)
    async with context.engine.connect() as db:
        rows = await health_store.list_events(db, None, before, limit + 1)
        shown, following = cut_page(rows, limit, lambda event: event.id)
        ids = {event.endpoint_id for event in shown}
        known = await service.load_many(db, sorted(ids))
    owners = {endpoint.id: endpoint.owner for endpoint in known}
    data = [_show(event, OwnedHealthEvent, **_whose(event, owners)) for event in shown]
    return OwnedHealthEventPage(data=data, next_cursor=following)


def _show(event: HealthEvent, model: type[AnyEvent], **more: object) -> AnyEvent:
    shown = {
        "id": format_id(Prefix.EVENT, event.id),
        "kind": event.kind,
        "at": event.at,
        "detail": event.detail,
    }
    return model.model_validate({**shown, **more})


def _whose(
    event: HealthEvent, owners: dict[EndpointId, Owner]
) -> dict[str, str | None]:
    owner = owners[event.endpoint_id]
    return {
        "platform": None if owner.is_carrier else owner.slug,
        "carrier": owner.slug if owner.is_carrier else None,
    }
