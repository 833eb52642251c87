"""Whose fault it is that endpoints cannot be reached."""

from datetime import timedelta

from tests.support.clock import NOON
from unbind_broker.base.ids import EndpointId
from unbind_broker.deliveries.egress import Egress
from unbind_broker.deliveries.outcomes import OutcomeKind

LOST, MET = OutcomeKind.UNREACHABLE, OutcomeKind.ACCEPTED


def heard(*kinds: OutcomeKind) -> Egress:
    """An egress that has just heard of one endpoint after the other."""
    egress = Egress()
    for place, kind in enumerate(kinds):
        egress.heard(EndpointId(place), kind, NOON)
    return egress


def test_most_endpoints_out_of_reach_make_this_process_suspect() -> None:
    assert not heard(LOST, LOST, LOST, MET, MET, MET).is_suspect(NOON, 0)
    assert heard(LOST, LOST, LOST, LOST, MET, MET).is_suspect(NOON, 0)


def test_few_endpoints_prove_nothing() -> None:
    assert not heard(LOST, LOST, LOST, LOST).is_suspect(NOON, 0)


def test_endpoints_that_answer_badly_were_reached() -> None:
    answers = (OutcomeKind.FAILED, OutcomeKind.THROTTLED, OutcomeKind.TIMED_OUT)
    assert not heard(*answers, *answers, LOST, LOST).is_suspect(NOON, 0)


def test_newest_word_of_each_endpoint_counts_for_a_minute() -> None:
    egress = heard(*[LOST] * 6)
    assert egress.is_suspect(NOON + timedelta(seconds=59), 0)
    assert not egress.is_suspect(NOON + timedelta(seconds=60), 0)
    for place in range(3):
        egress.heard(EndpointId(place), MET, NOON)
    assert not egress.is_suspect(NOON, 0)


def test_own_faults_are_no_word_about_an_endpoint() -> None:
    egress = heard(LOST, LOST, LOST, MET, MET)
    egress.heard(EndpointId(0), OutcomeKind.OWN_FAULT, NOON)
    assert egress.is_suspect(NOON, 0)


def test_few_dead_endpoints_among_many_quiet_ones_prove_nothing() -> None:
    egress = heard(*[LOST] * 6)
    assert egress.is_suspect(NOON, 11)
    assert not egress.is_suspect(NOON, 12)


def test_only_what_was_not_reached_may_be_our_fault() -> None:
    ours = {kind for kind in OutcomeKind if Egress.may_be_ours(kind)}
    assert ours == {OutcomeKind.UNREACHABLE, OutcomeKind.BLOCKED}
