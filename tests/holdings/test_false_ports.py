"""A carrier that says a number was ported to it ends nobody elsewhere by that."""

from datetime import timedelta

import pytest

from tests.support.clock import NOON
from tests.support.holdings import (
    MOBILE,
    TELECOM,
    TODAY,
    UNICOM,
    claimed,
    day,
    heard,
    judged,
    told,
)
from unbind_broker.holdings.events import Duplicate
from unbind_broker.holdings.holding import History, live_of
from unbind_broker.holdings.recycled import was_recycled
from unbind_broker.holdings.rejections import Rejection
from unbind_broker.holdings.retracting import without
from unbind_broker.holdings.states import Ended


def ported_by_event() -> History:
    return heard(claimed((), day(100)).history, "ported_in", day(2), UNICOM).history


def ported_by_claim() -> History:
    return claimed(claimed((), day(100)).history, day(100), UNICOM).history


TAKEN = {"by an event": ported_by_event(), "by a claim": ported_by_claim()}


@pytest.fixture(params=sorted(TAKEN))
def taken(request: pytest.FixtureRequest) -> History:
    return TAKEN[request.param]


@pytest.mark.parametrize("word", ["activated", "transferred"])
def test_no_new_holder_follows_by_the_detour_of_a_port(
    taken: History, word: str
) -> None:
    judgement = judged(taken, word, TODAY, UNICOM)
    assert isinstance(judgement, Rejection)
    assert judgement.code == "holding-elsewhere"


def test_a_disconnection_spares_whoever_has_not_given_the_holder_up(
    taken: History,
) -> None:
    gone = heard(taken, "disconnected", TODAY, UNICOM)
    assert gone.disconnected_since == day(100)
    assert gone.spared == {MOBILE}
    judgement = judged(gone.history, "activated", TODAY, UNICOM)
    assert isinstance(judgement, Rejection)


def test_whoever_is_claimed_next_is_disputed(taken: History) -> None:
    gone = heard(taken, "disconnected", day(1), UNICOM).history
    for history in (taken, gone):
        dispute = claimed(history, TODAY, UNICOM).dispute
        assert dispute is not None
        assert dispute.carrier_id == MOBILE


def test_both_sides_words_make_a_port(taken: History) -> None:
    history = heard(taken, "ported_out", day(1), MOBILE).history
    assert history[0].ended is Ended.PORTED_OUT
    moved = heard(history, "transferred", TODAY, UNICOM)
    assert moved.superseded_before == TODAY
    assert claimed(moved.history, TODAY, UNICOM).dispute is None
    assert heard(history, "disconnected", TODAY, UNICOM).spared == frozenset()


def test_a_port_told_late_lets_the_disconnection_count(taken: History) -> None:
    gone = heard(taken, "disconnected", TODAY, UNICOM).history
    told_late = heard(gone, "ported_out", day(1), MOBILE)
    assert told_late.disconnected_since == day(100)
    assert told_late.spared == frozenset()


def test_a_port_told_late_still_spares_whoever_has_not_told_his(taken: History) -> None:
    history = heard(taken, "ported_in", day(1), TELECOM).history
    gone = heard(history, "disconnected", TODAY, TELECOM)
    assert gone.spared == {MOBILE, UNICOM}
    told_late = heard(gone.history, "ported_out", day(1), MOBILE)
    assert told_late.disconnected_since == day(100)
    assert told_late.spared == {UNICOM}


def test_a_port_told_late_ends_nobody_who_has_come_back(taken: History) -> None:
    gone = heard(taken, "disconnected", TODAY, UNICOM).history
    back = heard(gone, "resumed", TODAY, UNICOM).history
    assert heard(back, "ported_out", day(1), MOBILE).disconnected_since is None


def test_a_holder_claimed_again_left_by_the_port_that_is_told_late() -> None:
    gone = heard(ported_by_claim(), "disconnected", TODAY, UNICOM).history
    again = claimed(gone, day(100), MOBILE).history
    told_late = heard(again, "ported_out", day(50), MOBILE)
    assert told_late.disconnected_since == day(100)
    assert told_late.spared == frozenset()


def test_a_disconnection_before_the_port_was_of_nobody(taken: History) -> None:
    gone = heard(taken, "disconnected", day(1), UNICOM).history
    assert heard(gone, "ported_out", TODAY, MOBILE).disconnected_since is None


def test_silence_for_the_freeze_makes_a_port(taken: History) -> None:
    later = NOON + timedelta(days=90)
    moved = heard(taken, "transferred", TODAY, UNICOM, now=later)
    assert claimed(moved.history, TODAY, UNICOM, now=later).dispute is None


def test_whoever_never_gave_the_holder_up_is_hindered_by_nobody(taken: History) -> None:
    back = claimed(taken, day(100), MOBILE).history
    moved = heard(back, "transferred", TODAY, MOBILE)
    assert claimed(moved.history, TODAY, MOBILE).dispute is None
    assert heard(back, "disconnected", TODAY, MOBILE).spared == frozenset()


def test_whoever_gave_the_holder_up_cannot_take_it_back_alone() -> None:
    history = told(
        ("activated", day(100), MOBILE),
        ("ported_out", day(50), MOBILE),
        ("ported_in", day(50), UNICOM),
        ("ported_in", day(2), MOBILE),
    )
    assert isinstance(judged(history, "transferred", TODAY, MOBILE), Rejection)


def test_a_holder_put_in_between_settles_no_dispute() -> None:
    history = claimed(claimed((), day(100)).history, day(5), UNICOM).history
    history = heard(history, "transferred", day(1), UNICOM).history
    dispute = claimed(history, day(1), UNICOM).dispute
    assert dispute is not None
    assert dispute.carrier_id == MOBILE


def test_a_false_port_is_taken_back(taken: History) -> None:
    left, again = without(taken, UNICOM, day(100))
    assert again is not None
    assert live_of(left) == again
    assert again.carrier_id == MOBILE


def test_a_third_carrier_that_ports_on_is_disputed_as_well(taken: History) -> None:
    history = heard(taken, "ported_in", day(1), TELECOM).history
    assert isinstance(judged(history, "transferred", TODAY, TELECOM), Rejection)
    dispute = claimed(history, TODAY, TELECOM).dispute
    assert dispute is not None


def lost(ago: int) -> History:
    return told(("activated", day(400), MOBILE), ("ported_out", day(ago), MOBILE))


def test_a_number_comes_back_from_a_carrier_that_never_told() -> None:
    gone = heard(lost(200), "disconnected", day(3))
    assert gone.disconnected_since == day(400)
    assert gone.ended is not None
    assert (gone.ended.carrier_id, gone.ended.until) == (MOBILE, day(3))
    assert [one.ended for one in gone.history] == [
        Ended.PORTED_OUT,
        Ended.DISCONNECTED,
    ]
    assert was_recycled(gone.history, day(300)) is True
    assert isinstance(judged(gone.history, "disconnected", day(3)), Duplicate)
    assert isinstance(judged(gone.history, "ported_out", day(200)), Duplicate)
    assert heard(gone.history, "activated", TODAY).superseded_before == TODAY


@pytest.mark.parametrize("after", [0, 1, 89])
def test_the_account_that_a_port_closes_gives_no_number_up(after: int) -> None:
    judgement = judged(lost(200), "disconnected", day(200 - after))
    assert isinstance(judgement, Rejection)
    assert judgement.code == "holding-ended"


def test_a_number_that_another_carrier_took_comes_back_by_its_word() -> None:
    taken = heard(lost(200), "ported_in", day(200), UNICOM).history
    assert isinstance(judged(taken, "disconnected", day(3), MOBILE), Rejection)
    gone = heard(taken, "disconnected", day(5), UNICOM).history
    assert isinstance(judged(gone, "disconnected", day(3), MOBILE), Rejection)
    assert isinstance(judged(lost(200), "disconnected", day(3), UNICOM), Rejection)
