"""Platforms see their own figures."""

from datetime import date

from fastapi import APIRouter
from pydantic import Field

from unbind_broker.api.callers import PlatformCaller, platform_of
from unbind_broker.api.context import Ctx
from unbind_broker.api.fields import ShownInstant
from unbind_broker.api.figures_shown import (
    Figures,
    OpenFigures,
    PeriodAsked,
    show_figures,
    show_open,
)
from unbind_broker.api.problems import ANY_CALL, problems
from unbind_broker.statistics.figures import (
    Sums,
    counted_until,
    read_open,
    read_sums,
)

router = APIRouter(prefix="/v1/endpoint/stats", tags=["endpoint"])


class OwnFigures(Figures):
    """A platform's figures, and what it has open."""

    since: date
    until: date
    counted_until: ShownInstant | None = Field(
        description="What happened before is counted. Null: nothing was counted yet."
    )
    open: OpenFigures


@router.get(
    "",
    summary="Read your own figures",
    responses=problems(*ANY_CALL, "wrong-period"),
)
async def read_own_figures(
    context: Ctx, caller: PlatformCaller, period: PeriodAsked
) -> OwnFigures:
    """Read how many items you were asked, how you answered, and how quickly.

    An item is counted on the day on which its order ended, within a minute or so; days
    are those of the broker's zone. A late result, a correction, a dispute or a
    violation counts on its own day: figures of a day that is over do not change. Orders
    that have not ended are in `open` alone.
    """
    platform = platform_of(caller)
    async with context.engine.connect() as db:
        sums = await read_sums(db, period, [platform])
        found = await read_open(db, context.clock.now(), [platform])
        reached = await counted_until(db)
    figures = show_figures(sums.get(platform, Sums()))
    return OwnFigures(
        **dict(figures),
        since=period.since,
        until=period.until,
        counted_until=reached,
        open=show_open(found[platform]),
    )
