"""Figures of platforms as their owners and auditors read them."""

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Query
from pydantic import Field

from unbind_broker.api.context import Context, Ctx
from unbind_broker.api.fields import AnswerModel, Day
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.items.states import ItemStatus, Reason
from unbind_broker.orders.states import OrderKind
from unbind_broker.statistics.figures import Open, Period, Sums
from unbind_broker.statistics.measures import Family, Measure, members_of, quantile

USUAL_DAYS = 30
_SECONDS = (
    "Interpolated inside classes of time whose bounds are a factor of 1.41 apart."
)


class Times(AnswerModel):
    """Seconds from when the platform could first work; null: nothing was measured."""

    measured: int = Field(examples=[950], description="Of how many items.")
    p50: float | None = Field(examples=[1.2], description=_SECONDS)
    p95: float | None = Field(examples=[8.4])
    p99: float | None = Field(examples=[61.0])


class ItemFigures(AnswerModel):
    """Items of orders that ended in the period; of joined items only the one sent."""

    asked: int = Field(examples=[1000])
    acknowledged: int = Field(examples=[990])
    in_time: int = Field(examples=[970], description="Final answers by the deadline.")
    late: int = Field(
        examples=[20],
        description="Final answers after the deadline, on the days on which they came: "
        "the deadline may have been before the period.",
    )
    never: int = Field(
        examples=[10],
        description="Those that passed their deadline, less `late`. Withdrawn ones do "
        "not count.",
    )
    punctuality: float | None = Field(
        examples=[0.97],
        description="`in_time` as a share of what was not withdrawn; null: of nothing.",
    )
    acknowledgement_seconds: Times = Field(
        description="From when the platform could first be asked to its first 2xx, or "
        "to its result."
    )
    result_seconds: Times = Field(description="From the same instant to the result.")
    outcomes: dict[ItemStatus, int] = Field(
        examples=[{"unbound": 600, "not_bound": 350, "refused": 40, "expired": 10}],
        description="An item that expired and was answered later is in here twice.",
    )
    refusals: dict[Reason, int] = Field(
        examples=[{"legal_hold": 30, "active_after_cutoff": 10}],
        description="Of what was refused, or kept in part, by reason.",
    )
    amended: int = Field(examples=[2], description="Results that were corrected.")


class ViolationFigures(AnswerModel):
    """Removals outside the interval, of orders and of clearances."""

    raised: int = Field(examples=[1])
    undone: int = Field(
        examples=[1], description="What was attached again, on the day on which it was."
    )


class AttemptFigures(AnswerModel):
    """Requests that went to the endpoint, notices and tests among them."""

    total: int = Field(examples=[450], description="The broker's own faults left out.")
    accepted: int = Field(examples=[441], description="Answered with 2xx.")
    success_share: float | None = Field(examples=[0.98])
    failures: dict[OutcomeKind, int] = Field(examples=[{"timed_out": 9}])


class OpenFigures(AnswerModel):
    """What is open at this moment, whatever the period."""

    items: int = Field(examples=[12])
    overdue: int = Field(
        examples=[0], description="Those past their deadline, about to be ended."
    )
    among_orders: int | None = Field(
        examples=[None],
        description="They were looked for in so many orders, those due first; null: in "
        "all that are open.",
    )


class Figures(AnswerModel):
    """What was counted over a period."""

    all: ItemFigures = Field(description="Items of every kind together.")
    by_kind: dict[OrderKind, ItemFigures] = Field(
        description="`query`, `unbind` and `restore`."
    )
    conflicts: int = Field(
        examples=[0], description="Results that contradicted the one that stands."
    )
    disputes: int = Field(
        examples=[3], description="Results that a carrier had asked for once more."
    )
    violations: ViolationFigures
    attempts: AttemptFigures


def _period(
    context: Ctx,
    since: Annotated[
        Day | None,
        Query(
            examples=["2026-11-01"],
            description="The first day, in the broker's zone; left out: the 30th up to "
            "`until`.",
        ),
    ] = None,
    until: Annotated[
        Day | None,
        Query(
            examples=["2026-11-30"],
            description="The last day, included; left out: today. At most 366 days.",
        ),
    ] = None,
) -> Period:
    zone = ZoneInfo(context.settings.timezone)
    last = until or context.clock.now().astimezone(zone).date()
    first = since or date.fromordinal(max(1, last.toordinal() - USUAL_DAYS + 1))
    return Period(first, last)


PeriodAsked = Annotated[Period, Depends(_period)]


def usual_period(context: Context) -> Period:
    """Give the days that are meant where none are asked for."""
    return _period(context)


def show_figures(sums: Sums) -> Figures:
    """Show what was counted of one platform, or of many."""
    alone = sums.of_all
    return Figures(
        all=_show_items(alone),
        by_kind={kind: _show_items(sums.of_kind(kind.code)) for kind in OrderKind},
        conflicts=alone[Measure.CONFLICT],
        disputes=alone[Measure.DISPUTE],
        violations=ViolationFigures(
            raised=alone[Measure.VIOLATION], undone=alone[Measure.UNDONE]
        ),
        attempts=_show_attempts(members_of(Family.ATTEMPT, alone)),
    )


def show_open(found: Open) -> OpenFigures:
    """Show what is open."""
    return OpenFigures(
        items=found.items, overdue=found.overdue, among_orders=found.among
    )


def _show_items(sums: Counter[int]) -> ItemFigures:
    in_time, missed = sums[Measure.IN_TIME], sums[Measure.NOT_IN_TIME]
    outcomes = members_of(Family.OUTCOME, sums)
    refusals = members_of(Family.REFUSAL, sums)
    return ItemFigures(
        asked=sums[Measure.ASKED],
        acknowledged=sums[Measure.ACKNOWLEDGED],
        in_time=in_time,
        late=sums[Measure.LATE],
        never=max(0, missed - sums[Measure.LATE]),
        punctuality=_share(in_time, in_time + missed),
        acknowledgement_seconds=_times(members_of(Family.ACKNOWLEDGEMENT, sums)),
        result_seconds=_times(members_of(Family.RESULT, sums)),
        outcomes={ItemStatus.from_code(code): n for code, n in outcomes.items()},
        refusals={Reason.from_code(code): n for code, n in refusals.items()},
        amended=sums[Measure.AMENDED],
    )


def _times(classes: Mapping[int, int]) -> Times:
    p50, p95, p99 = (quantile(classes, share) for share in (0.5, 0.95, 0.99))
    return Times(measured=sum(classes.values()), p50=p50, p95=p95, p99=p99)


def _show_attempts(by_outcome: Mapping[int, int]) -> AttemptFigures:
    outcomes = {OutcomeKind.from_code(code): n for code, n in by_outcome.items()}
    outcomes.pop(OutcomeKind.OWN_FAULT, None)
    total, accepted = sum(outcomes.values()), outcomes.pop(OutcomeKind.ACCEPTED, 0)
    return AttemptFigures(
        total=total,
        accepted=accepted,
        success_share=_share(accepted, total),
        failures=outcomes,
    )


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
