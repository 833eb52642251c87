"""How punctual platforms are, for everybody (公示)."""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from unbind_broker.api.context import Ctx
from unbind_broker.api.fields import AnswerModel, Day, ShownInstant
from unbind_broker.api.problems import problems
from unbind_broker.api.public_figures import MOST_DAYS_BACK, Table
from unbind_broker.statistics.figures import Period
from unbind_broker.statistics.published import FEWEST, Punctuality, of_all

router = APIRouter(prefix="/v1/punctuality", tags=["platforms"])
CACHED = {"Cache-Control": "public, max-age=60"}


class PunctualityShown(AnswerModel):
    """Items that ended and whether they were answered by their deadlines."""

    items: int | None = Field(
        examples=[120_000],
        description="That ended on the days that count and were not withdrawn. "
        "Null: no day counts.",
    )
    punctuality: float | None = Field(
        examples=[0.98],
        description="The share that was answered in time, rounded down to steps of "
        "0.01, of 0.05 below 500 items and of 0.25 below 100.",
    )
    days: int = Field(examples=[30], description="Days of the period that count.")
    days_withheld: int = Field(
        examples=[0],
        description=f"Days on which fewer than {FEWEST} items ended: what happened on "
        "them is in none of the figures.",
    )
    withheld: Literal["too_few"] | None = Field(
        description="Why there are no figures: `too_few` where no day counts."
    )


class PlatformPunctuality(PunctualityShown):
    """One platform's."""

    platform: str = Field(examples=["weibo"])
    name_zh: str = Field(examples=["微博"])
    name_en: str = Field(examples=["Weibo"])
    category: str = Field(examples=["social"])


class PunctualityTable(AnswerModel):
    """Platforms in the order of their slugs."""

    since: date
    until: date
    counted_until: ShownInstant | None = Field(
        description="What happened before is counted. Null: nothing was counted yet."
    )
    platforms: list[PlatformPunctuality]
    totals: PunctualityShown = Field(
        description="Of the platforms in the list, as far as their figures are told."
    )


async def _chosen(
    request: Request,
    context: Ctx,
    since: Annotated[
        Day | None,
        Query(
            alias="from",
            examples=["2026-10-21"],
            description="The first day, in the broker's zone; left out: the 30th up "
            "to `to`.",
        ),
    ] = None,
    until: Annotated[
        Day | None,
        Query(
            alias="to",
            examples=["2026-11-19"],
            description="The last day, included; left out: yesterday. The last "
            f"{MOST_DAYS_BACK} days that are over can be asked for.",
        ),
    ] = None,
) -> tuple[Table, Period]:
    context.public_figures.require_patience(request)
    period = context.public_figures.period(since, until)
    return await context.public_figures.table(), period


TableAsked = Annotated[tuple[Table, Period], Depends(_chosen)]


@router.get(
    "",
    summary="See how punctual platforms are",
    responses=problems(
        "validation-failed", "wrong-period", "rate-limited", "database-unavailable"
    ),
)
async def read_punctuality(asked: TableAsked, response: Response) -> PunctualityTable:
    """See how many items each platform was asked, and how many it answered in time.

    Needs no key. Counts only, worked out at most once a minute; days with few items are
    left out of every figure, so that none is found out by comparing two periods.
    Sensitive platforms are not in the list, nor in the totals. `/punctuality` shows the
    same as a page.
    """
    table, period = asked
    response.headers.update(CACHED)
    return PunctualityTable(
        since=period.since,
        until=period.until,
        counted_until=table.counted_until,
        platforms=[
            PlatformPunctuality(
                platform=one.slug,
                name_zh=one.name_zh,
                name_en=one.name_en,
                category=one.category,
                **dict(_shown(one.over(period))),
            )
            for one in table.known
        ],
        totals=_shown(of_all(table.known, period)),
    )


def _shown(told: Punctuality) -> PunctualityShown:
    return PunctualityShown(
        items=told.items,
        punctuality=told.share,
        days=told.days,
        days_withheld=told.days_withheld,
        withheld="too_few" if told.items is None else None,
    )
