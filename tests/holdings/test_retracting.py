from tests.support.holdings import MOBILE, TELECOM, UNICOM, claimed, day, told
from unbind_broker.holdings.holding import live_of
from unbind_broker.holdings.retracting import without
from unbind_broker.holdings.states import Ended


def test_the_superseded_holder_lives_again() -> None:
    history = claimed(claimed((), day(100)).history, day(5), UNICOM).history
    left, again = without(history, UNICOM, day(5))
    assert again is not None
    assert (again.since, again.ended, again.until) == (day(100), None, None)
    assert left == (again,)
    assert claimed(left, day(100)).dispute is None


def test_who_visibly_left_stays_gone() -> None:
    history = told(("activated", day(100), MOBILE), ("disconnected", day(50), MOBILE))
    history = claimed(history, day(5), UNICOM).history
    left, again = without(history, UNICOM, day(5))
    assert again is None
    assert live_of(left) is None


def test_nobody_lives_again_while_another_carrier_knows_the_newer_holder() -> None:
    history = claimed(claimed((), day(100)).history, day(5), UNICOM).history
    history = claimed(history, day(5), TELECOM).history
    left, again = without(history, UNICOM, day(5))
    assert again is None
    live = live_of(left)
    assert live is not None
    assert live.carrier_id == TELECOM


def test_a_holder_between_two_others_is_taken_out() -> None:
    history = claimed((), day(100)).history
    history = claimed(history, day(50), UNICOM).history
    history = claimed(history, day(5), TELECOM).history
    left, again = without(history, UNICOM, day(50))
    assert again is None
    first, last = left
    assert (first.ended, first.until) == (Ended.SUPERSEDED, day(5))
    assert last.is_live
