from datetime import date, timedelta

import pytest

from tests.support.clock import NOON
from tests.support.holdings import (
    MOBILE,
    TELECOM,
    UNICOM,
    claimed,
    day,
    heard,
    judged,
    told,
)
from unbind_broker.base.ids import CarrierId
from unbind_broker.holdings.events import Duplicate
from unbind_broker.holdings.holding import History, live_of
from unbind_broker.holdings.rejections import Rejection
from unbind_broker.holdings.states import Began, Ended

LIVE = (("activated", day(100), MOBILE),)
GONE = (*LIVE, ("disconnected", day(50), MOBILE))
MOVED = (*LIVE, ("transferred", day(50), MOBILE))
PORTED = (*LIVE, ("ported_in", day(50), UNICOM))
BACK = (*GONE, ("resumed", day(40), MOBILE))

Events = tuple[tuple[str, date, CarrierId], ...]


@pytest.mark.parametrize(
    ("past", "word", "ago", "carrier", "code"),
    [
        ((), "disconnected", 5, MOBILE, "holding-unknown"),
        ((), "ported_out", 5, MOBILE, "holding-unknown"),
        ((), "resumed", 5, MOBILE, "holding-unknown"),
        (LIVE, "disconnected", 5, UNICOM, "holding-unknown"),
        (LIVE, "ported_out", 5, UNICOM, "holding-unknown"),
        (LIVE, "resumed", 5, UNICOM, "holding-unknown"),
        (LIVE, "activated", 5, UNICOM, "holding-elsewhere"),
        (LIVE, "transferred", 5, UNICOM, "holding-elsewhere"),
        (LIVE, "activated", 100, UNICOM, "holding-elsewhere"),
        (LIVE, "activated", 101, MOBILE, "holding-newer-known"),
        (LIVE, "transferred", 101, MOBILE, "holding-newer-known"),
        (LIVE, "ported_in", 101, UNICOM, "holding-elsewhere"),
        (LIVE, "disconnected", 101, MOBILE, "holding-newer-known"),
        (LIVE, "ported_out", 101, MOBILE, "holding-newer-known"),
        (LIVE, "resumed", 5, MOBILE, "holding-contradicted"),
        (LIVE, "ported_in", 5, MOBILE, "holding-contradicted"),
        (LIVE, "ported_in", 100, MOBILE, "holding-contradicted"),
        (GONE, "disconnected", 49, MOBILE, "holding-ended"),
        (GONE, "ported_out", 50, MOBILE, "holding-ended"),
        (GONE, "activated", 51, MOBILE, "holding-ended"),
        (GONE, "activated", 51, UNICOM, "holding-elsewhere"),
        (GONE, "transferred", 5, MOBILE, "holding-ended"),
        (GONE, "ported_in", 51, UNICOM, "holding-elsewhere"),
        (GONE, "resumed", 51, MOBILE, "holding-newer-known"),
        (GONE, "resumed", 5, UNICOM, "holding-unknown"),
        (MOVED, "disconnected", 51, MOBILE, "holding-newer-known"),
        (MOVED, "activated", 60, MOBILE, "holding-newer-known"),
        (PORTED, "disconnected", 5, MOBILE, "holding-elsewhere"),
        (PORTED, "disconnected", 5, TELECOM, "holding-unknown"),
        (PORTED, "resumed", 5, MOBILE, "holding-elsewhere"),
        (PORTED, "ported_in", 40, UNICOM, "holding-contradicted"),
        (PORTED, "activated", 100, UNICOM, "holding-contradicted"),
    ],
)
def test_an_event_against_what_is_known_is_rejected(
    past: Events, word: str, ago: int, carrier: CarrierId, code: str
) -> None:
    judgement = judged(told(*past), word, day(ago), carrier)
    assert isinstance(judgement, Rejection)
    assert judgement.code == code


@pytest.mark.parametrize("past", [LIVE, GONE, MOVED, PORTED, BACK])
@pytest.mark.parametrize("word", ["disconnected", "ported_out", "resumed"])
def test_who_never_held_a_number_learns_nothing_of_it(past: Events, word: str) -> None:
    nothing = judged((), word, day(5), TELECOM)
    assert isinstance(nothing, Rejection)
    for ago in (0, 45, 60, 100, 200):
        assert judged(told(*past), word, day(ago), TELECOM) == nothing


@pytest.mark.parametrize("word", ["activated", "transferred"])
def test_no_refusal_tells_since_when_another_carrier_holds_a_number(word: str) -> None:
    history = told(*LIVE)
    answers = {judged(history, word, day(ago), UNICOM) for ago in (1, 99, 100, 101)}
    assert len(answers) == 1
    assert isinstance(answers.pop(), Rejection)


@pytest.mark.parametrize("word", ["disconnected", "ported_out"])
def test_who_gave_a_number_up_does_not_learn_who_took_it(word: str) -> None:
    taken = (*GONE, ("activated", day(20), UNICOM))
    answer = judged(told(*taken), word, day(5), MOBILE)
    assert answer == judged(told(*GONE), word, day(5), MOBILE)


@pytest.mark.parametrize("past", [LIVE, GONE, MOVED, PORTED, BACK])
def test_what_was_told_before_is_a_duplicate(past: Events) -> None:
    history = told(*past)
    for word, on, carrier in past:
        assert isinstance(judged(history, word, on, carrier), Duplicate), word


def test_a_disconnection_ends_the_holder() -> None:
    result = heard(told(*LIVE), "disconnected", day(50))
    assert result.disconnected_since == day(100)
    assert result.ended is not None
    assert (result.ended.ended, result.ended.until) == (Ended.DISCONNECTED, day(50))
    assert live_of(result.history) is None


def test_a_transfer_ends_one_holder_and_begins_another() -> None:
    result = heard(told(*LIVE), "transferred", day(50))
    former, present = result.history
    assert (former.ended, former.until) == (Ended.TRANSFERRED, day(50))
    assert (present.since, present.began) == (day(50), Began.TRANSFERRED)
    assert result.superseded_before == day(50)


def test_a_port_takes_the_holder_along() -> None:
    result = heard(told(*LIVE), "ported_in", day(50), UNICOM)
    former, present = result.history
    assert (former.ended, former.until) == (Ended.TAKEN_OVER, day(50))
    assert (present.carrier_id, present.since) == (UNICOM, day(100))
    assert present.from_on == day(50)
    assert result.disconnected_since is None
    assert result.superseded_before is None


def test_a_port_that_was_told_on_both_sides_takes_the_holder_along() -> None:
    history = told(
        *LIVE, ("ported_out", day(51), MOBILE), ("ported_in", day(50), UNICOM)
    )
    assert history[-1].since == day(100)


def test_a_port_after_a_disconnection_is_of_an_unknown_holder() -> None:
    history = told(*GONE, ("ported_in", day(10), UNICOM))
    assert history[-1].since is None


def test_an_attested_port_gets_its_day() -> None:
    history = claimed(claimed((), day(100)).history, day(100), UNICOM).history
    history = heard(history, "ported_in", day(50), UNICOM).history
    assert history[-1].from_on == day(50)


def test_a_resumed_holder_is_the_former_one() -> None:
    history = told(*BACK)
    live = live_of(history)
    assert live is not None
    assert (live.since, live.began) == (day(100), Began.RESUMED)


@pytest.mark.parametrize(("days", "comes_back"), [(90, True), (91, False)])
def test_a_holder_resumes_within_the_freeze_only(days: int, comes_back: bool) -> None:  # noqa: FBT001 - a table
    history = told(("activated", day(300), MOBILE), ("disconnected", day(100), MOBILE))
    judgement = judged(history, "resumed", day(100) + timedelta(days=days))
    rejected = isinstance(judgement, Rejection) and judgement.code == "freeze-over"
    assert rejected is not comes_back


def test_nobody_resumes_where_a_later_holder_is_known() -> None:
    history = told(
        *GONE,
        ("activated", day(40), MOBILE),
        ("disconnected", day(30), MOBILE),
    )
    resumed = heard(history, "resumed", day(20))
    assert resumed.history[-1].since == day(40)
    history = told(
        *GONE, ("activated", day(30), UNICOM), ("disconnected", day(20), UNICOM)
    )
    judgement = judged(history, "resumed", day(10))
    assert isinstance(judgement, Rejection)
    assert judgement.code == "holding-newer-known"


def test_a_holder_unconfirmed_for_the_freeze_gives_way_to_another_carrier() -> None:
    later = NOON + timedelta(days=90)
    result = heard(told(*LIVE), "activated", day(5), UNICOM, now=later)
    assert result.ended is not None
    assert result.ended.ended is Ended.SUPERSEDED
    assert claimed(result.history, day(5), UNICOM, now=later).dispute is None


def test_an_event_confirms_what_was_attested() -> None:
    history = claimed((), day(100)).history
    result = heard(history, "activated", day(100))
    assert result.history[0].began is Began.ACTIVATED
    assert isinstance(judged(result.history, "activated", day(100)), Duplicate)


def test_a_transfer_told_late_explains_who_was_superseded() -> None:
    history = claimed(claimed((), day(100)).history, day(50)).history
    result = heard(history, "transferred", day(50))
    assert [one.ended for one in result.history] == [Ended.TRANSFERRED, None]


def both_on_one_day() -> History:
    return claimed(claimed((), day(100)).history, day(50)).history


def test_a_disconnection_on_the_day_of_the_new_holder_is_the_old_ones() -> None:
    result = heard(both_on_one_day(), "disconnected", day(50))
    assert [one.ended for one in result.history] == [Ended.DISCONNECTED, None]
    assert result.disconnected_since is None


def test_a_stale_disconnection_leaves_the_later_holder_alone() -> None:
    result = heard(both_on_one_day(), "disconnected", day(60))
    assert result.disconnected_since is None
    live = live_of(result.history)
    assert live is not None
    assert live.since == day(50)
