"""How the broker stands, as administrators read it."""

from datetime import date

from pydantic import Field

from unbind_broker.api.fields import AnswerModel, ShownInstant
from unbind_broker.api.figures_shown import Figures
from unbind_broker.clearances.states import ClearanceStatus, StopReason
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.states import HoldReason, OrderKind
from unbind_broker.statistics.backlog import MOST_LOOKED_INTO, MOST_ORDERS
from unbind_broker.statistics.clearings import MOST_CLEARANCES
from unbind_broker.statistics.flow import MOST_OF_A_MINUTE
from unbind_broker.statistics.overview import MOST_COUNTED
from unbind_broker.statistics.standing import MOST_ILL, Standing


class MinuteShown(AnswerModel):
    """What was accepted in one minute."""

    at: ShownInstant = Field(description="When it began.")
    orders: int = Field(examples=[42], description="Queries among them.")
    items: int = Field(examples=[6300])
    estimated: bool = Field(
        description=f"There were more than {MOST_OF_A_MINUTE} orders or items: what is "
        "behind them is reckoned from how quickly the first came."
    )


class DayShown(AnswerModel):
    """One day of the broker's zone, counted within a minute or so."""

    day: date
    orders: int = Field(examples=[60_000], description="Accepted; queries among them.")
    items: int = Field(examples=[9_000_000], description="Of those orders.")
    braked: int = Field(examples=[0], description="Orders that a brake held.")
    ended: int = Field(examples=[8_900_000], description="Items whose order ended.")
    in_time: int = Field(examples=[8_800_000])
    not_in_time: int = Field(
        examples=[4_000], description="Of those that ended, answered later or never."
    )
    late: int = Field(examples=[1_000], description="Answers after the deadline.")
    refused: int = Field(examples=[9_000])
    undeliverable: int = Field(examples=[12])
    conflicts: int = Field(examples=[0])
    disputes: int = Field(
        examples=[3], description="Results that a carrier had asked for once more."
    )
    violations: int = Field(examples=[0])


class OpenOrdersShown(AnswerModel):
    """Orders that are open; each number counted up to a limit."""

    in_progress: int = Field(
        examples=[1200], description=f"Counted up to {MOST_ORDERS}."
    )
    held: dict[HoldReason, int] = Field(
        examples=[{"undo_window": 12, "disputed_holding": 1, "braked": 0}],
        description=f"By why they are held, among {MOST_ORDERS}.",
    )


class OpenItemsShown(AnswerModel):
    """Items that are open, of orders in progress."""

    total: int = Field(examples=[3500])
    by_status: dict[ItemStatus, int] = Field(
        examples=[{"queued": 500, "acknowledged": 3000}]
    )
    overdue: int = Field(examples=[0], description="Past their deadline.")
    due_within_hour: int = Field(examples=[40])
    due_within_day: int = Field(examples=[900], description="Within the hour, too.")
    among_orders: int | None = Field(
        examples=[None],
        description=f"They are those of the {MOST_LOOKED_INTO} orders that are due "
        "first; null: of all.",
    )


class UnsentShown(AnswerModel):
    """What waits for longest though it could be sent."""

    platform: str = Field(examples=["weibo"])
    since: ShownInstant
    age_seconds: float = Field(examples=[0.4])


class IllPlatformShown(AnswerModel):
    """A platform that does not take what it is sent."""

    platform: str = Field(examples=["weibo"])
    name_zh: str = Field(examples=["微博"])
    name_en: str = Field(examples=["Weibo"])
    standing: Standing
    since: ShownInstant
    failing_since: ShownInstant | None = Field(
        description="The first failure after the last success."
    )
    failures: int = Field(examples=[12], description="In a row, requests.")
    error: str | None = Field(examples=["HTTP 503"])


class PlatformsShown(AnswerModel):
    """All real platforms, by how they stand."""

    counts: dict[Standing, int] = Field(
        examples=[{"healthy": 197, "breaker_open": 1, "not_ready": 2}]
    )
    parked: int = Field(
        examples=[0], description="Paused or disabled: their items wait."
    )
    ill: list[IllPlatformShown] = Field(
        description=f"The worst first, {MOST_ILL} at most."
    )


class BrakeOnShown(AnswerModel):
    """A brake that is engaged."""

    carrier: str | None = Field(examples=["china-mobile"], description="null: all.")
    reason: str = Field(examples=["6 of the newest 240 results were bad"])
    engaged_at: ShownInstant
    engaged_by: str = Field(examples=["broker"])


class WaveShown(AnswerModel):
    """Numbers of a clearance that go out together."""

    wave: int = Field(examples=[1])
    numbers: int = Field(examples=[1000])
    due_at: ShownInstant
    published_at: ShownInstant | None


class ClearanceShown(AnswerModel):
    """A clearance under way."""

    id: str = Field(examples=["clr_06cb5b1rzqfk6m0f5gn8a1wq3c"])
    carrier: str = Field(examples=["china-mobile"])
    status: ClearanceStatus
    numbers: int = Field(examples=[250_000])
    published_at: ShownInstant | None
    deadline: ShownInstant | None
    stopped_at: ShownInstant | None
    stop_reason: StopReason | None
    waves: list[WaveShown]


class SealingShown(AnswerModel):
    """How far the audit trail is sealed."""

    last_sealed_at: ShownInstant | None
    unsealed: int = Field(examples=[7], description=f"Up to {MOST_COUNTED} events.")
    lag_seconds: float = Field(
        examples=[1.2], description="The age of the oldest event without a seal."
    )


class ProcessShown(AnswerModel):
    """What the process that answers has counted since it began; others count theirs.

    `/metrics` has the same of every process.
    """

    accepted: dict[OrderKind, int] = Field(examples=[{"query": 3100, "unbind": 1900}])
    rehearsed: int = Field(examples=[12], description="Accepted with sandbox keys.")
    shed: int = Field(
        examples=[0], description="Answered 503 `overloaded`; nothing was stored."
    )
    rate_limited: int = Field(examples=[0], description="Answered 429.")
    braked: int = Field(examples=[0], description="Answered 409 `unbinding-braked`.")


class StandingShown(AnswerModel):
    """How the broker stands at one instant."""

    at: ShownInstant
    minutes: list[MinuteShown] = Field(
        description="The last 60, the oldest first, the last one still running."
    )
    orders: OpenOrdersShown
    items: OpenItemsShown
    oldest_unsent: UnsentShown | None = Field(
        description="At active endpoints; null: nothing waits."
    )
    platforms: PlatformsShown
    undeliverable: int = Field(
        examples=[0], description=f"That stand so, of the newest {MOST_COUNTED}."
    )
    violations_open: int = Field(
        examples=[0],
        description="Removals outside the interval that were not made good, of the "
        f"newest {MOST_COUNTED}.",
    )
    disputed_holdings: int = Field(
        examples=[0], description="Orders held because two carriers claim the number."
    )
    brakes: list[BrakeOnShown]
    clearances: list[ClearanceShown] = Field(
        description=f"Under way or stopped, the newest {MOST_CLEARANCES}."
    )
    sealing: SealingShown


class StatsShown(StandingShown):
    """Everything at a glance; rehearsals are left out unless it says otherwise."""

    process: ProcessShown
    since: date
    until: date
    counted_until: ShownInstant | None = Field(
        description="What happened before is counted. Null: nothing was counted yet."
    )
    days: list[DayShown] = Field(description="Those of the period, in their order.")
    totals: Figures = Field(description="Of all platforms, over the period.")
