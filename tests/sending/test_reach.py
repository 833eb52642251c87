"""What is charged to endpoints, and what to this process."""

import logging
from datetime import timedelta

import pytest

from tests.support.clock import NOON
from unbind_broker.base.ids import EndpointId
from unbind_broker.deliveries.attempts import Timings
from unbind_broker.deliveries.outcomes import Outcome, OutcomeKind
from unbind_broker.sending.exchanges import Exchange
from unbind_broker.sending.reach import Reach

REFUSED = Exchange(
    Outcome(OutcomeKind.UNREACHABLE),
    b"",
    "connection refused",
    Timings(1),
    disclosed=False,
)
ANSWERED = Exchange(
    Outcome(OutcomeKind.FAILED, 500), b"", None, Timings(1), disclosed=True
)


def judged(reach: Reach, place: int, exchange: Exchange) -> OutcomeKind:
    return reach.judge(EndpointId(place), exchange).outcome.kind


def test_first_failures_are_charged_to_their_endpoints() -> None:
    reach = Reach(lambda: NOON)
    kinds = {judged(reach, place, REFUSED) for place in range(4)}
    assert kinds == {OutcomeKind.UNREACHABLE}
    assert not reach.is_suspect


def test_fifth_of_five_endpoints_out_of_reach_is_charged_to_us() -> None:
    reach = Reach(lambda: NOON)
    for place in range(4):
        judged(reach, place, REFUSED)
    found = reach.judge(EndpointId(4), REFUSED)
    assert found.outcome == Outcome(OutcomeKind.OWN_FAULT)
    assert found.error == "presumably the broker's own network: connection refused"
    assert reach.is_suspect
    assert reach.judge(EndpointId(5), ANSWERED) is ANSWERED


def test_where_somebody_rehearses_proves_nothing() -> None:
    reach = Reach(lambda: NOON)
    for place in range(20):
        found = reach.judge(EndpointId(place), REFUSED, rehearses=True)
        assert found is REFUSED
    assert not reach.is_suspect


def test_suspicion_is_told_when_it_comes_and_when_it_goes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = [NOON]
    reach = Reach(lambda: now[0])
    with caplog.at_level(logging.ERROR):
        for place in range(8):
            judged(reach, place, REFUSED)
        now[0] += timedelta(minutes=2)
        judged(reach, 0, ANSWERED)
    words = [one.message for one in caplog.records if one.name.endswith(".reach")]
    assert words == ["own_network_suspected", "own_network_trusted"]
    assert not reach.is_suspect
