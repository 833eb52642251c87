"""Administrators see every endpoint, and hold platforms' items back."""

from fastapi import APIRouter
from pydantic import Field

from unbind_broker.api.callers import AdminCaller
from unbind_broker.api.context import Ctx
from unbind_broker.api.endpoint_shown import EndpointShown, show_endpoint
from unbind_broker.api.pages import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    Page,
    cut_page,
    number_key,
    read_cursor,
)
from unbind_broker.api.paths import SlugInPath
from unbind_broker.api.problems import ANY_CALL, NotFound, problems
from unbind_broker.api.taking_effect import until_in_force
from unbind_broker.base.database import Db
from unbind_broker.endpoints import service
from unbind_broker.endpoints.endpoint import Endpoint, Owner
from unbind_broker.endpoints.states import PausedBy
from unbind_broker.platforms import service as platforms

router = APIRouter(prefix="/v1/admin/endpoints", tags=["admin"])

_PAUSING = ("not-found", "endpoint-not-verified", "endpoint-disabled")


class OwnedEndpoint(EndpointShown):
    """An endpoint and whose it is."""

    platform: str | None = Field(examples=["weibo"])
    carrier: str | None = Field(examples=[None])


class OwnedEndpointPage(Page[OwnedEndpoint]):
    """Endpoints in the order in which they were registered."""


@router.get("", summary="List endpoints", responses=problems(*ANY_CALL))
async def list_endpoints(
    context: Ctx,
    _: AdminCaller,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> OwnedEndpointPage:
    """List the endpoints of platforms and carriers, in order of registration."""
    after = read_cursor(cursor, number_key)
    async with context.engine.connect() as db:
        rows = await service.list_page(db, after, limit + 1)
    endpoints, following = cut_page(rows, limit, lambda endpoint: endpoint.id)
    return OwnedEndpointPage(
        data=[_shown(endpoint) for endpoint in endpoints], next_cursor=following
    )


@router.get(
    "/{slug}",
    summary="Read a platform's endpoint",
    responses=problems(*ANY_CALL, "not-found"),
)
async def read_platform_endpoint(
    context: Ctx, _: AdminCaller, slug: SlugInPath
) -> OwnedEndpoint:
    """Read the endpoint of one platform."""
    async with context.engine.connect() as db:
        return _shown(await service.require(db, await platform_owner(db, slug)))


@router.post(
    "/{slug}/pause",
    summary="Hold a platform's items back",
    responses=problems(*ANY_CALL, *_PAUSING),
)
async def pause_platform_endpoint(
    context: Ctx, caller: AdminCaller, slug: SlugInPath
) -> OwnedEndpoint:
    """Send nothing to the platform until administrators resume.

    Replaces a pause of the platform's own, which then cannot resume either. When this
    answers, no request is started any more; what was under way before may still arrive.
    """
    now = context.clock.now()
    async with context.engine.begin() as db:
        owner = await platform_owner(db, slug)
        endpoint = await service.pause(db, now, owner, PausedBy.ADMIN, caller.actor)
    await until_in_force(context, endpoint)
    return _shown(endpoint)


@router.post(
    "/{slug}/resume",
    summary="Let a platform's items go out again",
    responses=problems(*ANY_CALL, *_PAUSING, "paused-by-other-side"),
)
async def resume_platform_endpoint(
    context: Ctx, caller: AdminCaller, slug: SlugInPath
) -> OwnedEndpoint:
    """Send everything that waited. Only for an endpoint that administrators paused."""
    now = context.clock.now()
    async with context.engine.begin() as db:
        owner = await platform_owner(db, slug)
        return _shown(
            await service.resume(db, now, owner, PausedBy.ADMIN, caller.actor)
        )


async def platform_owner(db: Db, slug: str) -> Owner:
    """Find whose endpoint a platform's is; raises ``NotFound``."""
    platform = await platforms.find(db, slug)
    if platform is None:
        raise NotFound("no platform is registered under this slug")
    return Owner(platform.slug, platform_id=platform.id)


def _shown(endpoint: Endpoint) -> OwnedEndpoint:
    owner = endpoint.owner
    return show_endpoint(
        endpoint,
        OwnedEndpoint,
        platform=None if owner.is_carrier else owner.slug,
        carrier=owner.slug if owner.is_carrier else None,
    )
