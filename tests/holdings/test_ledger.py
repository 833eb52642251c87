"""Whatever carriers say, in whatever order: the ledger never contradicts itself."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.clock import NOON
from tests.support.holdings import (
    LIMITS,
    MOBILE,
    TELECOM,
    TODAY,
    UNICOM,
    a_claim,
    day,
    judged,
)
from unbind_broker.base.ids import CarrierId
from unbind_broker.holdings.events import Duplicate, Heard
from unbind_broker.holdings.holding import History
from unbind_broker.holdings.refusals import OwnershipSuperseded, SinceIsKnownPort
from unbind_broker.holdings.retracting import without
from unbind_broker.holdings.rules import Claim, judge, later_holder_known
from unbind_broker.holdings.states import HoldingEvent

CARRIERS = st.sampled_from([MOBILE, UNICOM, TELECOM])
DAYS = st.integers(0, 12).map(lambda step: day(120 - step * 10))
EVENTS = st.sampled_from([event.value for event in HoldingEvent])
STEPS = st.one_of(
    st.tuples(st.just("claim"), DAYS, CARRIERS, st.none() | DAYS),
    st.tuples(EVENTS, DAYS, CARRIERS, st.none()),
    st.tuples(st.just("retract"), DAYS, CARRIERS, st.none()),
)
Step = tuple[str, date, CarrierId, date | None]


def check(history: History) -> None:
    assert len([one for one in history if one.is_live]) <= 1
    assert all((one.until is None) == (one.ended is None) for one in history)


@settings(max_examples=400, deadline=None)
@given(st.lists(STEPS, max_size=14))
def test_there_is_one_live_holder_at_most_and_no_way_back(steps: list[Step]) -> None:
    history: History = ()
    now = NOON
    for word, on, carrier, ported in steps:
        now += timedelta(hours=7)
        if word == "retract":
            history, _ = without(history, carrier, on)
        elif word == "claim":
            # Intake refuses a port that is not behind the holder's first day.
            later = ported if ported is not None and ported > on else None
            history = claim(history, a_claim(on, carrier, ported_in_on=later), now)
        else:
            judgement = judged(history, word, on, carrier, now=now)
            if isinstance(judgement, Heard):
                check_changes(history, judgement, carrier)
                history = judgement.history
                again = judged(history, word, on, carrier, now=now)
                assert isinstance(again, Duplicate), (word, again)
        check(history)


def claim(history: History, wanted: Claim, now: datetime) -> History:
    latest = max((one.since for one in history if one.since), default=date.min)
    if wanted.since < latest:
        with pytest.raises(OwnershipSuperseded):
            judge(history, wanted, now, LIMITS)
        return history
    try:
        verdict = judge(history, wanted, now, LIMITS)
    except SinceIsKnownPort:
        return history
    assert not later_holder_known(verdict.history, wanted.since)
    live = [one for one in verdict.history if one.is_live]
    now_held = [(one.since, one.carrier_id) for one in live]
    assert now_held == [(wanted.since, wanted.carrier_id)]
    return verdict.history


def check_changes(before: History, heard: Heard, carrier: CarrierId) -> None:
    """A carrier ends no other's holding but by a port, or by a later holder."""
    for old, new in zip(before, heard.history, strict=False):
        if old.carrier_id != carrier and old != new:
            assert new.ended is not None
            assert new.ended.value in {"taken_over", "superseded"}
    latest = max((one.since for one in before if one.since), default=date.min)
    if heard.disconnected_since is not None:
        assert heard.disconnected_since <= TODAY
        assert heard.disconnected_since == latest
