"""Auditors compare platforms (统计)."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from unbind_broker.api.callers import AuditCaller
from unbind_broker.api.context import Ctx
from unbind_broker.api.fields import ShownInstant, Slug
from unbind_broker.api.figures_shown import (
    Figures,
    OpenFigures,
    PeriodAsked,
    show_figures,
    show_open,
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
from unbind_broker.api.problems import ANY_CALL, problems
from unbind_broker.audit.tracing import trace
from unbind_broker.base.database import Db
from unbind_broker.platforms import service as platforms
from unbind_broker.platforms.service import Platform
from unbind_broker.statistics.figures import (
    Period,
    Sums,
    counted_until,
    read_open,
    read_sums,
    read_total,
)

router = APIRouter(prefix="/v1/audit/stats", tags=["audit"])


class PlatformFigures(Figures):
    """One platform's figures, and what it has open."""

    platform: str = Field(examples=["weibo"])
    open: OpenFigures


class FiguresPage(Page[PlatformFigures]):
    """Platforms in the order of their slugs; all they were asked together."""

    since: date
    until: date
    counted_until: ShownInstant | None = Field(
        description="What happened before is counted. Null: nothing was counted yet."
    )
    totals: Figures | None = Field(
        description="Of all platforms, or of the one chosen; on the first page only. "
        "Those that only rehearsals go to are read where they are chosen."
    )


@router.get(
    "",
    summary="Compare the platforms",
    responses=problems(*ANY_CALL, "wrong-period"),
)
async def read_figures(
    context: Ctx,
    caller: AuditCaller,
    period: PeriodAsked,
    platform: Annotated[
        Slug | None, Query(description="Only this one.", examples=["weibo"])
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> FiguresPage:
    """Read how punctual each platform was, what it refused and why, and the rest.

    The same figures that platforms read of themselves, counted in the same way. The
    reading is itself an event of the trail.
    """
    after = read_cursor(cursor, slug_key)
    now = context.clock.now()
    async with context.engine.begin() as db:
        found = await _find(db, platform, after, limit)
        page, following = cut_page(found, limit, lambda one: one.slug)
        data = await _compare(db, now, period, page)
        totals = None
        if after is None:
            chosen = None if platform is None else [one.id for one in page]
            totals = show_figures(await read_total(db, period, chosen))
        reached = await counted_until(db)
        days = {"since": str(period.since), "until": str(period.until)}
        await trace(db, now, caller.actor, "stats", platform=platform, **days)
    return FiguresPage(
        data=data,
        next_cursor=following,
        since=period.since,
        until=period.until,
        counted_until=reached,
        totals=totals,
    )


async def _find(
    db: Db, slug: str | None, after: str | None, limit: int
) -> list[Platform]:
    if slug is None:
        return await platforms.list_page(db, after, limit + 1, real=True)
    chosen = await platforms.find(db, slug)
    return [] if chosen is None or after is not None else [chosen]


async def _compare(
    db: Db, now: datetime, period: Period, page: Sequence[Platform]
) -> list[PlatformFigures]:
    ids = [one.id for one in page]
    sums = await read_sums(db, period, ids)
    open_now = await read_open(db, now, ids)
    return [
        PlatformFigures(
            **dict(show_figures(sums.get(one.id, Sums()))),
            platform=one.slug,
            open=show_open(open_now[one.id]),
        )
        for one in page
    ]
