from datetime import timedelta

import pytest

from tests.support.clock import NOON
from tests.support.holdings import MOBILE, TODAY, UNICOM, claimed, day, heard, told
from unbind_broker.base.ids import CarrierId
from unbind_broker.holdings.holding import live_of
from unbind_broker.holdings.refusals import OwnershipSuperseded, SinceIsKnownPort
from unbind_broker.holdings.states import Began, Ended

DAY = timedelta(days=1)


def test_an_unknown_holder_is_attested() -> None:
    verdict = claimed((), day(100))
    (one,) = verdict.history
    assert (one.since, one.began, one.ended) == (day(100), Began.ATTESTED, None)
    assert one.order_id is not None
    assert verdict.superseded is None
    assert verdict.dispute is None


def test_a_known_holder_is_confirmed_again() -> None:
    first = claimed((), day(100)).history
    verdict = claimed(first, day(100), now=NOON + DAY)
    (one,) = verdict.history
    assert one.confirmed_at == NOON + DAY
    assert one.recorded_at == NOON
    assert verdict.dispute is None


@pytest.mark.parametrize("carrier", [MOBILE, UNICOM])
def test_an_older_holder_than_a_known_one_is_refused(carrier: CarrierId) -> None:
    history = claimed((), day(100)).history
    with pytest.raises(OwnershipSuperseded) as refused:
        claimed(history, day(101), carrier)
    assert str(day(100)) not in refused.value.detail


def test_a_later_holder_who_has_ended_still_counts() -> None:
    history = told(("activated", day(100), MOBILE), ("disconnected", day(50), MOBILE))
    with pytest.raises(OwnershipSuperseded):
        claimed(history, day(101))


@pytest.mark.parametrize("carrier", [MOBILE, UNICOM])
def test_a_newer_holder_supersedes_one_confirmed_lately_and_is_disputed(
    carrier: CarrierId,
) -> None:
    history = claimed((), day(100)).history
    verdict = claimed(history, day(5), carrier, now=NOON + 89 * DAY)
    assert verdict.superseded is not None
    assert verdict.superseded.ended is Ended.SUPERSEDED
    assert verdict.superseded.until == day(5)
    assert verdict.dispute is not None
    assert verdict.dispute.carrier_id == MOBILE
    live = live_of(verdict.history)
    assert live is not None
    assert (live.carrier_id, live.since) == (carrier, day(5))


def test_a_holder_not_confirmed_within_the_freeze_gives_way_undisputed() -> None:
    history = claimed((), day(100)).history
    verdict = claimed(history, day(5), UNICOM, now=NOON + 90 * DAY)
    assert verdict.superseded is not None
    assert verdict.dispute is None


@pytest.mark.parametrize("word", ["disconnected", "ported_out"])
def test_a_holder_who_visibly_left_disputes_nothing(word: str) -> None:
    history = claimed((), day(100)).history
    history = heard(history, word, day(10)).history
    verdict = claimed(history, day(5), UNICOM)
    assert verdict.superseded is None
    assert verdict.dispute is None


def test_a_transfer_disputes_nothing() -> None:
    history = claimed((), day(100)).history
    history = heard(history, "transferred", day(5)).history
    verdict = claimed(history, day(5))
    assert verdict.dispute is None
    assert len(verdict.history) == 2


def test_a_dispute_goes_on_for_whatever_is_asked_within_the_window() -> None:
    history = claimed(claimed((), day(100)).history, day(5), UNICOM).history
    again = claimed(history, day(5), UNICOM, now=NOON + timedelta(hours=23))
    assert again.superseded is None
    assert again.dispute is not None
    assert again.dispute.began_at == NOON
    late = claimed(history, day(5), UNICOM, now=NOON + timedelta(hours=24))
    assert late.dispute is None


def test_a_disconnection_told_later_settles_the_dispute() -> None:
    history = claimed(claimed((), day(100)).history, day(5), UNICOM).history
    settled = heard(history, "disconnected", day(95))
    assert settled.disconnected_since is None
    verdict = claimed(settled.history, day(5), UNICOM)
    assert verdict.dispute is None


def test_an_event_settles_the_dispute_of_a_carrier_with_itself() -> None:
    history = claimed(claimed((), day(100)).history, day(5)).history
    assert claimed(history, day(5)).dispute is not None
    history = heard(history, "activated", day(5)).history
    assert claimed(history, day(5)).dispute is None


def test_an_event_of_the_claimant_settles_no_dispute_with_another() -> None:
    history = claimed(claimed((), day(100)).history, day(5), UNICOM).history
    history = heard(history, "activated", day(5), UNICOM).history
    assert claimed(history, day(5), UNICOM).dispute is not None


def test_the_same_holder_at_another_carrier_was_ported() -> None:
    history = claimed((), day(100)).history
    verdict = claimed(history, day(100), UNICOM, ported_in_on=day(30))
    left, here = verdict.history
    assert (left.ended, left.until) == (Ended.TAKEN_OVER, day(30))
    assert (here.began, here.from_on, here.since) == (
        Began.PORTED_IN,
        day(30),
        day(100),
    )
    assert verdict.superseded is None
    assert verdict.dispute is None


def test_two_carriers_that_name_the_same_holder_in_turns_add_no_rows() -> None:
    history = claimed((), day(100)).history
    for _ in range(5):
        history = claimed(history, day(100), UNICOM).history
        history = claimed(history, day(100), MOBILE).history
    assert len(history) == 2
    assert len([one for one in history if one.is_live]) == 1


def test_a_holder_whose_disconnection_was_told_is_back() -> None:
    history = told(("activated", day(100), MOBILE), ("disconnected", day(10), MOBILE))
    verdict = claimed(history, day(100))
    assert verdict.history[-1].began is Began.RESUMED
    assert verdict.history[-1].from_on == TODAY


def test_a_ported_holder_of_unknown_beginning_gets_one() -> None:
    history = told(("ported_in", day(30), MOBILE))
    assert history[0].since is None
    verdict = claimed(history, day(400))
    (one,) = verdict.history
    assert one.since == day(400)
    assert verdict.dispute is None


def test_the_day_of_a_known_port_is_not_the_holders_first() -> None:
    history = claimed((), day(400), UNICOM).history
    history = heard(history, "ported_in", day(30)).history
    with pytest.raises(SinceIsKnownPort) as refused:
        claimed(history, day(30))
    assert refused.value.code == "owner-since-is-port-date"


def test_a_holder_newer_than_the_port_supersedes() -> None:
    history = told(("ported_in", day(30), MOBILE))
    verdict = claimed(history, day(5))
    assert verdict.superseded is not None
    assert verdict.dispute is not None
