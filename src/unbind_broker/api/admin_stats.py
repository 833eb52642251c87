"""Administrators see how the broker stands and what it did (统计)."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from fastapi import APIRouter

from unbind_broker.api.admin_stats_shown import (
    BrakeOnShown,
    ClearanceShown,
    DayShown,
    IllPlatformShown,
    MinuteShown,
    OpenItemsShown,
    OpenOrdersShown,
    PlatformsShown,
    ProcessShown,
    SealingShown,
    StandingShown,
    StatsShown,
    UnsentShown,
    WaveShown,
)
from unbind_broker.api.callers import AdminCaller
from unbind_broker.api.context import Ctx
from unbind_broker.api.figures_shown import PeriodAsked, show_figures
from unbind_broker.api.problems import ANY_CALL, problems
from unbind_broker.api.tallies import ApiTallies
from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.carriers.brakes import Brake
from unbind_broker.orders.states import OrderKind
from unbind_broker.statistics.backlog import OpenItems, Unsent
from unbind_broker.statistics.clearings import ClearanceUnderWay
from unbind_broker.statistics.days import read_days
from unbind_broker.statistics.figures import counted_until, read_total
from unbind_broker.statistics.overview import Overview, Sealing, overview
from unbind_broker.statistics.standing import Standings

router = APIRouter(prefix="/v1/admin/stats", tags=["admin"])


@router.get(
    "",
    summary="See how the broker stands",
    responses=problems(*ANY_CALL, "wrong-period"),
)
async def read_stats(context: Ctx, _: AdminCaller, period: PeriodAsked) -> StatsShown:
    """See how everything stands at this moment, and what happened over a period.

    What stands at this moment costs a bounded number of rows however much is open: it
    may be asked for every few seconds. The period is that of `days` and `totals`.
    """
    now = context.clock.now()
    async with context.engine.connect() as db:
        seen = await overview(db, now)
        days = await read_days(db, period)
        totals = await read_total(db, period, None)
        reached = await counted_until(db)
    return StatsShown(
        **dict(_standing(seen)),
        process=_process(context.tallies),
        since=period.since,
        until=period.until,
        counted_until=reached,
        days=[DayShown(**asdict(one)) for one in days],
        totals=show_figures(totals),
    )


def _standing(seen: Overview) -> StandingShown:
    return StandingShown(
        at=seen.at,
        minutes=[MinuteShown(**asdict(one)) for one in seen.minutes],
        orders=OpenOrdersShown(
            in_progress=seen.orders.in_progress, held=dict(seen.orders.held)
        ),
        items=_items(seen.items),
        oldest_unsent=_unsent(seen.oldest_unsent, seen.at),
        platforms=_platforms(seen.platforms),
        undeliverable=seen.undeliverable,
        violations_open=seen.violations_open,
        disputed_holdings=seen.disputes,
        brakes=_brakes(seen.brakes),
        clearances=_clearances(seen.clearances),
        sealing=_sealing(seen.sealing, seen.at),
    )


def _items(found: OpenItems) -> OpenItemsShown:
    return OpenItemsShown(
        total=found.total,
        by_status=dict(found.by_status),
        overdue=found.overdue,
        due_within_hour=found.within_hour,
        due_within_day=found.within_day,
        among_orders=found.among,
    )


def _unsent(found: Unsent | None, now: datetime) -> UnsentShown | None:
    if found is None:
        return None
    age = _seconds_since(found.since, now)
    return UnsentShown(platform=found.platform, since=found.since, age_seconds=age)


def _platforms(found: Standings) -> PlatformsShown:
    return PlatformsShown(
        counts=dict(found.counts),
        parked=found.parked,
        ill=[IllPlatformShown(**asdict(one)) for one in found.ill],
    )


def _brakes(found: Sequence[Brake]) -> list[BrakeOnShown]:
    return [
        BrakeOnShown(
            carrier=one.carrier,
            reason=one.reason,
            engaged_at=one.engaged_at,
            engaged_by=one.engaged_by,
        )
        for one in found
    ]


def _clearances(found: Sequence[ClearanceUnderWay]) -> list[ClearanceShown]:
    return [
        ClearanceShown(
            id=format_id(Prefix.CLEARANCE, one.id),
            carrier=one.carrier,
            status=one.status,
            numbers=one.numbers,
            published_at=one.published_at,
            deadline=one.deadline,
            stopped_at=one.stopped_at,
            stop_reason=one.stop_reason,
            waves=[WaveShown(**asdict(wave)) for wave in one.waves],
        )
        for one in found
    ]


def _sealing(found: Sealing, now: datetime) -> SealingShown:
    since = found.waiting_since
    return SealingShown(
        last_sealed_at=found.last_sealed_at,
        unsealed=found.unsealed,
        lag_seconds=0.0 if since is None else _seconds_since(since, now),
    )


def _process(tallies: ApiTallies) -> ProcessShown:
    return ProcessShown(
        accepted={kind: tallies.accepted[kind, False] for kind in OrderKind},
        rehearsed=sum(tallies.accepted[kind, True] for kind in OrderKind),
        shed=tallies.problems["overloaded"],
        rate_limited=tallies.problems["rate-limited"],
        braked=tallies.problems["unbinding-braked"],
    )


def _seconds_since(at: datetime, now: datetime) -> float:
    return round(max(0.0, (now - at).total_seconds()), 3)
