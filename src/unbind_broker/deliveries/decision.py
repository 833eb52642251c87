"""What follows from one exchange: done, again, in halves, dead, or disabled."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from unbind_broker.deliveries.outcomes import Outcome, OutcomeKind

OWN_FAULT_PAUSE = timedelta(seconds=2)
EARLY_TRIES = 3
"""After these tries the delay is drawn from 50 to 100 % of the plan's, so that a
platform that comes back is not hit in step; after later ones from 80 to 120 %."""


@dataclass(frozen=True)
class Tried:
    """What has been tried for one item, this exchange included."""

    attempt: int
    together: int  # items in the request
    deadline: datetime


@dataclass(frozen=True)
class Done:
    """The platform has taken the item."""


@dataclass(frozen=True)
class RetryAt:
    """Send again; ``attempt`` is how many steps of the plan are used up.

    ``counted`` is false when nothing can have reached the platform through its fault.
    """

    at: datetime
    attempt: int
    counted: bool = True


@dataclass(frozen=True)
class Park:
    """No further try fits: wait for the deadline, which ends the item."""

    until: datetime
    attempt: int
    counted: bool = True


@dataclass(frozen=True)
class Halve:
    """Send both halves on their own, at once: one of them holds the culprit."""


@dataclass(frozen=True)
class Dead:
    """The platform will never take this item."""


@dataclass(frozen=True)
class DisableEndpoint:
    """Send nothing more to the endpoint; ``then`` is when the item is due again."""

    then: RetryAt | Park


Decision = Done | RetryAt | Park | Halve | Dead | DisableEndpoint


def decide(
    outcome: Outcome,
    tried: Tried,
    now: datetime,
    plan: tuple[timedelta, ...],
    jitter: float,
) -> Decision:
    """Say what follows from ``outcome``.

    ``plan`` holds the delays before the second try, the third …; the last one repeats.
    ``jitter`` is drawn by the caller from [0, 1), once for all items of a request, so
    that what failed together meets again.
    """
    match outcome.kind:
        case OutcomeKind.ACCEPTED:
            return Done()
        case OutcomeKind.GONE:
            return DisableEndpoint(_again(outcome, tried, now, plan, jitter))
        case OutcomeKind.PAYLOAD_REFUSED:
            return Halve() if tried.together > 1 else Dead()
        case OutcomeKind.OWN_FAULT:
            pause = OWN_FAULT_PAUSE * (0.5 + jitter)
            return _at(now + pause, tried, tried.attempt - 1, counted=False)
        case (
            OutcomeKind.THROTTLED
            | OutcomeKind.FAILED
            | OutcomeKind.MISCONFIGURED
            | OutcomeKind.TIMED_OUT
            | OutcomeKind.UNREACHABLE
            | OutcomeKind.BLOCKED
        ):
            return _again(outcome, tried, now, plan, jitter)
        case _:
            assert_never(outcome.kind)


def _again(
    outcome: Outcome,
    tried: Tried,
    now: datetime,
    plan: tuple[timedelta, ...],
    jitter: float,
) -> RetryAt | Park:
    planned = plan[min(tried.attempt, len(plan)) - 1]
    early = tried.attempt <= EARLY_TRIES
    delay = planned * (0.5 + 0.5 * jitter if early else 0.8 + 0.4 * jitter)
    if outcome.retry_after is not None:
        delay = max(delay, outcome.retry_after)
    counted = outcome.kind is not OutcomeKind.BLOCKED
    return _at(now + delay, tried, tried.attempt, counted=counted)


def _at(at: datetime, tried: Tried, attempt: int, *, counted: bool) -> RetryAt | Park:
    if at >= tried.deadline:
        return Park(tried.deadline, attempt, counted)
    return RetryAt(at, attempt, counted)
