"""Every outcome leads where the contract says, and no try falls behind a deadline."""

from datetime import datetime, timedelta
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.clock import NOON
from unbind_broker.deliveries.decision import (
    Dead,
    Decision,
    DisableEndpoint,
    Done,
    Halve,
    Park,
    RetryAt,
    Tried,
    decide,
)
from unbind_broker.deliveries.outcomes import Outcome, OutcomeKind

PLAN = tuple(
    timedelta(seconds=seconds) for seconds in (5, 300, 1800, 7200, 18000, 36000, 43200)
)
FAR = NOON + timedelta(days=14)
RETRIED = (
    OutcomeKind.THROTTLED,
    OutcomeKind.FAILED,
    OutcomeKind.TIMED_OUT,
    OutcomeKind.UNREACHABLE,
    OutcomeKind.BLOCKED,
)

outcomes = st.builds(
    Outcome,
    st.sampled_from(OutcomeKind),
    st.none() | st.integers(100, 599),
    st.none() | st.timedeltas(timedelta(0), timedelta(days=30)),
)
jitters = st.floats(0, 1, exclude_max=True)
attempts = st.integers(1, 200)
plans = st.lists(
    st.timedeltas(timedelta(milliseconds=1), timedelta(days=1)), min_size=1, max_size=9
).map(lambda delays: tuple(sorted(delays)))
deadlines = st.timedeltas(timedelta(days=-1), timedelta(days=15)).map(
    lambda left: NOON + left
)


def after(
    kind: OutcomeKind,
    attempt: int = 1,
    *,
    together: int = 1,
    deadline: datetime = FAR,
    retry_after: timedelta | None = None,
    jitter: float = 0.5,
) -> Decision:
    outcome = Outcome(kind, retry_after=retry_after)
    return decide(outcome, Tried(attempt, together, deadline), NOON, PLAN, jitter)


def wait(decision: Decision) -> timedelta:
    assert isinstance(decision, RetryAt)
    return decision.at - NOON


def when(decision: Decision) -> datetime:
    """The instant that a decision to try again or to wait names."""
    if isinstance(decision, DisableEndpoint):
        decision = decision.then
    assert isinstance(decision, RetryAt | Park)
    return decision.at if isinstance(decision, RetryAt) else decision.until


def test_accepted_is_done() -> None:
    assert after(OutcomeKind.ACCEPTED) == Done()


def test_gone_disables_the_endpoint_and_keeps_the_item_due() -> None:
    decision = after(OutcomeKind.GONE)
    assert isinstance(decision, DisableEndpoint)
    assert decision.then == after(OutcomeKind.FAILED)


def test_refused_payload_is_halved_until_it_is_alone() -> None:
    assert after(OutcomeKind.PAYLOAD_REFUSED, together=2) == Halve()
    assert after(OutcomeKind.PAYLOAD_REFUSED, together=1) == Dead()


@pytest.mark.parametrize("kind", RETRIED)
def test_failure_is_tried_again_by_plan(kind: OutcomeKind) -> None:
    delays = [wait(after(kind, attempt, jitter=0.5)) for attempt in range(1, 10)]
    assert delays == [
        *(delay * 0.75 for delay in PLAN[:3]),
        *PLAN[3:],
        PLAN[-1],
        PLAN[-1],
    ]


@pytest.mark.parametrize("kind", RETRIED)
def test_only_what_never_left_is_not_counted(kind: OutcomeKind) -> None:
    decision = after(kind, 4)
    assert isinstance(decision, RetryAt)
    assert decision.attempt == 4
    assert decision.counted is (kind is not OutcomeKind.BLOCKED)


def test_own_fault_costs_nothing_and_is_soon_tried_again() -> None:
    decision = after(OutcomeKind.OWN_FAULT, 4)
    assert decision == RetryAt(NOON + timedelta(seconds=2), 3, counted=False)


@pytest.mark.parametrize(
    ("retry_after", "expected"),
    [
        (timedelta(seconds=1), timedelta(seconds=3.75)),
        (timedelta(seconds=90), timedelta(seconds=90)),
    ],
)
def test_longer_of_plan_and_retry_after_counts(
    retry_after: timedelta, expected: timedelta
) -> None:
    decision = after(OutcomeKind.THROTTLED, retry_after=retry_after)
    assert wait(decision) == expected


@pytest.mark.parametrize("kind", [*RETRIED, OutcomeKind.OWN_FAULT, OutcomeKind.GONE])
@pytest.mark.parametrize("left", [timedelta(seconds=-5), timedelta(seconds=1)])
def test_item_without_time_for_another_try_waits_for_its_deadline(
    kind: OutcomeKind, left: timedelta
) -> None:
    decision = after(kind, deadline=NOON + left)
    decision = decision.then if isinstance(decision, DisableEndpoint) else decision
    assert isinstance(decision, Park)
    assert decision.until == NOON + left


def test_try_at_the_very_deadline_comes_too_late() -> None:
    wanted, hour = OutcomeKind.THROTTLED, timedelta(hours=1)
    at_the_deadline = after(wanted, deadline=NOON + hour, retry_after=hour)
    assert at_the_deadline == Park(NOON + hour, 1)
    just_before = hour - timedelta(microseconds=1)
    in_time = after(wanted, deadline=NOON + hour, retry_after=just_before)
    assert in_time == RetryAt(NOON + just_before, 1)


def test_retry_after_beyond_the_deadline_waits_for_it() -> None:
    deadline = NOON + timedelta(hours=1)
    decision = after(
        OutcomeKind.THROTTLED, deadline=deadline, retry_after=timedelta(hours=2)
    )
    assert decision == Park(deadline, 1)


@given(outcomes, attempts, st.integers(1, 500), deadlines, plans, jitters)
def test_nothing_is_ever_tried_at_or_behind_the_deadline(
    outcome: Outcome,
    attempt: int,
    together: int,
    deadline: datetime,
    plan: tuple[timedelta, ...],
    jitter: float,
) -> None:
    decision = decide(outcome, Tried(attempt, together, deadline), NOON, plan, jitter)
    match decision:
        case RetryAt() | Park() | DisableEndpoint():
            at = when(decision)
            assert at <= deadline
            is_retry = isinstance(decision, RetryAt)
            assert not is_retry or NOON < at < deadline
        case Done() | Halve() | Dead():
            assert outcome.kind in {OutcomeKind.ACCEPTED, OutcomeKind.PAYLOAD_REFUSED}


@given(st.sampled_from(RETRIED), attempts, plans, jitters)
def test_later_tries_never_come_sooner(
    kind: OutcomeKind, attempt: int, plan: tuple[timedelta, ...], jitter: float
) -> None:
    earlier, later = (
        when(decide(Outcome(kind), Tried(tries, 1, FAR), NOON, plan, jitter))
        for tries in (attempt, attempt + 1)
    )
    assert earlier <= later


@given(
    st.sampled_from(RETRIED),
    attempts,
    st.timedeltas(timedelta(0), timedelta(days=13)),
    jitters,
)
def test_retry_after_is_never_undercut(
    kind: OutcomeKind, attempt: int, retry_after: timedelta, jitter: float
) -> None:
    decision = after(kind, attempt, retry_after=retry_after, jitter=jitter)
    assert when(decision) >= NOON + retry_after


@given(st.sampled_from(OutcomeKind), attempts, jitters, deadlines)
def test_attempts_never_fall_and_own_faults_never_count(
    kind: OutcomeKind, attempt: int, jitter: float, deadline: datetime
) -> None:
    decision = after(kind, attempt, jitter=jitter, deadline=deadline)
    if isinstance(decision, DisableEndpoint):
        decision = decision.then
    if isinstance(decision, RetryAt | Park):
        own = kind is OutcomeKind.OWN_FAULT
        assert decision.attempt == (attempt - 1 if own else attempt)
        assert decision.counted is (kind is not OutcomeKind.BLOCKED and not own)


def test_attempts_until_the_deadline_are_bounded() -> None:
    now, attempt = NOON, 0
    while True:
        attempt += 1
        tried = Tried(attempt, 1, FAR)
        decision = decide(Outcome(OutcomeKind.FAILED), tried, now, PLAN, 0.0)
        if isinstance(decision, Park):
            break
        assert isinstance(decision, RetryAt)
        now = decision.at
    # 14 days, tries at 80 % of 12 h.
    assert attempt < 7 + 14 * 24 / (12 * 0.8)


@pytest.mark.parametrize(("attempt", "low", "high"), [(1, 0.5, 1.0), (4, 0.8, 1.2)])
def test_failures_of_one_instant_spread(attempt: int, low: float, high: float) -> None:
    planned = PLAN[attempt - 1]
    shares = [
        wait(after(OutcomeKind.FAILED, attempt, jitter=step / 200)) / planned
        for step in range(200)
    ]
    assert min(shares) == pytest.approx(low)
    assert max(shares) < high
    assert mean(shares) == pytest.approx((low + high) / 2, abs=0.01)
    assert len(set(shares)) == 200
