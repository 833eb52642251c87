"""Administrators register platforms, change what is known of them, suspend them."""

from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import Field

from unbind_broker.api.callers import AdminCaller
from unbind_broker.api.context import Ctx
from unbind_broker.api.fields import (
    AnswerModel,
    Lax,
    Name,
    RequestModel,
    ShownInstant,
    Slug,
)
from unbind_broker.api.pages import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    Page,
    cut_page,
    read_cursor,
    slug_key,
)
from unbind_broker.api.paths import SlugInPath
from unbind_broker.api.problems import (
    ANY_BODY,
    ANY_CALL,
    NotFound,
    problems,
)
from unbind_broker.platforms import service
from unbind_broker.platforms.profile import MOST_DOMAINS, Profile
from unbind_broker.platforms.service import Platform
from unbind_broker.platforms.tables import PlatformStatus, World

router = APIRouter(prefix="/v1/admin/platforms", tags=["admin"])

Capability = Literal["detach", "close_account", "restore"]
NameZh = Annotated[Name, Field(examples=["微博"])]
NameEn = Annotated[Name, Field(examples=["Weibo"])]
Category = Annotated[Slug, Field(examples=["social"])]
Domains = Annotated[
    list[str],
    Field(
        max_length=MOST_DOMAINS,
        examples=[["weibo.com", "weibo.cn"]],
        description="Where the platform may send people; sub-domains are included.",
    ),
]
Capabilities = Annotated[
    list[Capability],
    Field(
        min_length=1,
        examples=[["detach"]],
        description="What the platform can be asked to do.",
    ),
]
CancelUrl = Annotated[
    str | None,
    Field(
        examples=["https://weibo.com/account/cancel"],
        description="Where a person cancels an account by hand: https, on a domain of "
        "the platform.",
    ),
]
_SENSITIVE = (
    "Dating, health, gambling, lending and the like: never named to the present holder "
    "of a number."
)


class PlatformBody(RequestModel):
    """A platform to be registered."""

    slug: Slug = Field(examples=["weibo"], description="Never changes.")
    name_zh: NameZh | None = Field(default=None, description="Left out: the slug.")
    name_en: NameEn | None = Field(default=None, description="Left out: the slug.")
    category: Category = "other"
    sensitive: bool = Field(default=False, description=_SENSITIVE)
    sandbox: bool = Field(
        default=False,
        description="A platform's test endpoint: it gets what carriers rehearse with "
        "sandbox keys, and nothing real. Never changes.",
    )
    domains: Domains = Field(default_factory=list)
    capabilities: Capabilities = Field(default=["detach"])
    cancel_url: CancelUrl = None


class PlatformPatch(RequestModel):
    """What shall change; what is left out stays. Lists are replaced as a whole."""

    # The defaults never count: only what was sent is a change.
    name_zh: NameZh = Field(default_factory=str)
    name_en: NameEn = Field(default_factory=str)
    category: Category = Field(default_factory=str)
    sensitive: bool = Field(default_factory=bool, description=_SENSITIVE)
    domains: Domains = Field(default_factory=list)
    capabilities: Capabilities = Field(default_factory=list)
    cancel_url: CancelUrl = Field(default=None, description="null removes it.")


class PlatformShown(AnswerModel):
    """A platform (互联网平台): it binds accounts to numbers."""

    slug: str = Field(examples=["weibo"])
    name_zh: str = Field(examples=["微博"])
    name_en: str = Field(examples=["Weibo"])
    category: str = Field(examples=["social"])
    sensitive: bool = Field(description=_SENSITIVE)
    world: World = Field(
        examples=["real"],
        description="`real`; `sandbox`: a test endpoint, which gets rehearsals only; "
        "`rehearsed`: made up, the broker answers in its place.",
    )
    domains: Domains
    capabilities: Annotated[Capabilities, Lax]
    cancel_url: CancelUrl
    status: PlatformStatus = Field(
        examples=["active"],
        description="A suspended platform gets no new items; its results are taken.",
    )
    created_at: ShownInstant
    changed_at: ShownInstant


class PlatformPage(Page[PlatformShown]):
    """Platforms in the order of their slugs."""


@router.post(
    "",
    status_code=201,
    summary="Register a platform",
    responses=problems(*ANY_BODY, "slug-taken"),
)
async def add_platform(
    context: Ctx, caller: AdminCaller, body: PlatformBody, response: Response
) -> PlatformShown:
    """Register a platform. It gets items as soon as its endpoint is verified.

    With `sandbox` it is a platform's test endpoint: it gets signed webhooks of what
    carriers rehearse with sandbox keys, about made-up numbers, and nothing real.
    """
    profile = Profile(
        name_zh=body.name_zh or body.slug,
        name_en=body.name_en or body.slug,
        category=body.category,
        sensitive=body.sensitive,
        domains=tuple(body.domains),
        capabilities=tuple(body.capabilities),
        cancel_url=body.cancel_url,
    )
    now = context.clock.now()
    async with context.engine.begin() as db:
        world = World.SANDBOX if body.sandbox else World.REAL
        platform = await service.add(db, now, body.slug, profile, caller.actor, world)
    response.headers["Location"] = f"/v1/admin/platforms/{platform.slug}"
    return _shown(platform)


@router.get("", summary="List platforms", responses=problems(*ANY_CALL))
async def list_all_platforms(
    context: Ctx,
    _: AdminCaller,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> PlatformPage:
    """List platforms in the order of their slugs, suspended ones too."""
    after = read_cursor(cursor, slug_key)
    async with context.engine.connect() as db:
        rows = await service.list_page(db, after, limit + 1)
    platforms, following = cut_page(rows, limit, lambda platform: platform.slug)
    return PlatformPage(data=[_shown(one) for one in platforms], next_cursor=following)


@router.get(
    "/{slug}", summary="Read a platform", responses=problems(*ANY_CALL, "not-found")
)
async def read_platform(
    context: Ctx, _: AdminCaller, slug: SlugInPath
) -> PlatformShown:
    """Read one platform."""
    async with context.engine.connect() as db:
        return _shown(await service.find(db, slug))


@router.patch(
    "/{slug}", summary="Change a platform", responses=problems(*ANY_BODY, "not-found")
)
async def change_platform(
    context: Ctx, caller: AdminCaller, slug: SlugInPath, body: PlatformPatch
) -> PlatformShown:
    """Change what is known about a platform. Its slug stays for ever."""
    changes = _changes(body)
    now = context.clock.now()
    async with context.engine.begin() as db:
        return _shown(await service.change(db, now, slug, changes, caller.actor))


@router.post(
    "/{slug}/suspend",
    summary="Suspend a platform",
    responses=problems(*ANY_CALL, "not-found"),
)
async def suspend_platform(
    context: Ctx, caller: AdminCaller, slug: SlugInPath
) -> PlatformShown:
    """Make no new items for the platform; results for older ones are still taken.

    Doing it again changes nothing.
    """
    now = context.clock.now()
    async with context.engine.begin() as db:
        return _shown(await service.suspend(db, now, slug, caller.actor))


@router.post(
    "/{slug}/resume",
    summary="Resume a platform",
    responses=problems(*ANY_CALL, "not-found"),
)
async def resume_platform(
    context: Ctx, caller: AdminCaller, slug: SlugInPath
) -> PlatformShown:
    """Make items for a suspended platform again. Doing it again changes nothing."""
    now = context.clock.now()
    async with context.engine.begin() as db:
        return _shown(await service.resume(db, now, slug, caller.actor))


def _changes(body: PlatformPatch) -> dict[str, object]:
    """Take what was sent, and nothing else."""
    sent: dict[str, object] = body.model_dump(exclude_unset=True)
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in sent.items()
    }


def _shown(platform: Platform | None) -> PlatformShown:
    if platform is None:
        raise NotFound("no platform is registered under this slug")
    return PlatformShown.model_validate(
        {
            "slug": platform.slug,
            **vars(platform.profile),
            "domains": list(platform.profile.domains),
            "capabilities": list(platform.profile.capabilities),
            "status": platform.status,
            "world": platform.world,
            "created_at": platform.created_at,
            "changed_at": platform.changed_at,
        }
    )
