"""The directory of platforms, for everybody with a key."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from unbind_broker.api.callers import ActiveCaller
from unbind_broker.api.context import Ctx
from unbind_broker.api.fields import AnswerModel, Slug
from unbind_broker.api.figures_shown import usual_period
from unbind_broker.api.pages import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    Page,
    cut_page,
    read_cursor,
    slug_key,
)
from unbind_broker.api.problems import ANY_CALL, problems
from unbind_broker.platforms import directory
from unbind_broker.platforms.directory import Listed, Wanted
from unbind_broker.statistics.figures import read_punctuality

router = APIRouter(prefix="/v1/platforms", tags=["platforms"])


class ListedPlatform(AnswerModel):
    """A platform as everybody sees it."""

    slug: str = Field(examples=["weibo"])
    name_zh: str = Field(examples=["微博"])
    name_en: str = Field(examples=["Weibo"])
    category: str = Field(examples=["social"])
    sensitive: bool = Field(
        description="Never named to the present holder of a number; in scope "
        "`previous_owner` carriers see only how many such platforms have finished."
    )
    capabilities: list[str] = Field(examples=[["detach"]])
    cancel_url: str | None = Field(
        examples=["https://weibo.com/account/cancel"],
        description="Where a person cancels an account by hand.",
    )
    accepting: bool = Field(
        description="The platform is active, its endpoint is verified and neither "
        "paused nor disabled: what is sent to it goes out now."
    )
    punctuality: float | None = Field(
        examples=[0.9871],
        description="The share of items that it answered in time, of those that ended "
        "within the last 30 days; null while none has, and for sensitive platforms.",
    )


class ListedPlatformPage(Page[ListedPlatform]):
    """Platforms in the order of their slugs."""


@router.get("", summary="List platforms", responses=problems(*ANY_CALL))
async def list_platforms(
    context: Ctx,
    caller: ActiveCaller,
    category: Annotated[
        Slug | None, Query(description="Only these.", examples=["social"])
    ] = None,
    accepting: Annotated[bool | None, Query(description="Only these.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> ListedPlatformPage:
    """List the platforms that can be asked, in the order of their slugs.

    With a sandbox key, and for test endpoints: those that rehearsals go to.
    """
    after = read_cursor(cursor, slug_key)
    wanted = Wanted(category, accepting, rehearsing=caller.sandbox)
    async with context.engine.connect() as db:
        rows = await directory.list_page(db, wanted, after, limit + 1)
        platforms, following = cut_page(rows, limit, lambda platform: platform.slug)
        told_of = [platform.id for platform in platforms if not platform.sensitive]
        punctual = await read_punctuality(db, usual_period(context), told_of)
    shown = [_shown(platform, punctual.get(platform.id)) for platform in platforms]
    return ListedPlatformPage(data=shown, next_cursor=following)


def _shown(platform: Listed, punctuality: float | None) -> ListedPlatform:
    return ListedPlatform(
        slug=platform.slug,
        name_zh=platform.name_zh,
        name_en=platform.name_en,
        category=platform.category,
        sensitive=platform.sensitive,
        capabilities=list(platform.capabilities),
        cancel_url=platform.cancel_url,
        accepting=platform.accepting,
        punctuality=punctuality,
    )
