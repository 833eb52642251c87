"""When an endpoint is cut off, probed, spared and given up."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.clock import NOON
from unbind_broker.deliveries.breaker import Breaker, BreakerPolicy, Phase
from unbind_broker.deliveries.hearing import Heard
from unbind_broker.deliveries.outcomes import Outcome, OutcomeKind
from unbind_broker.endpoints.health import Condition, Health, HealthEventKind

POLICY = BreakerPolicy()
SECOND = timedelta(seconds=1)
MOST = 8
GOOD, BAD = OutcomeKind.ACCEPTED, OutcomeKind.FAILED


class Endpoint:
    """A breaker and the time at which its endpoint answers."""

    def __init__(self, health: Health | None = None) -> None:
        self.now = NOON
        self.breaker = Breaker(health, POLICY)

    def answers(self, *kinds: OutcomeKind, every: timedelta = SECOND) -> None:
        for kind in kinds:
            self.now += every
            self.breaker.heard(heard(kind, self.now))

    def probe(self, kind: OutcomeKind) -> None:
        """Wait for the pause to end, and let the probe come to ``kind``."""
        until = self.health.open_until
        assert until is not None
        self.now = until
        self.breaker.look(self.now)
        assert self.breaker.phase is Phase.READY
        self.breaker.started()
        self.answers(kind)

    @property
    def allows(self) -> tuple[Phase, int]:
        return self.breaker.phase, self.breaker.most(MOST)

    @property
    def health(self) -> Health:
        news = self.breaker.news()
        assert news is not None
        return news.health

    @property
    def told(self) -> list[HealthEventKind]:
        news = self.breaker.news()
        return [] if news is None else [edge.kind for edge in news.edges]


def heard(
    kind: OutcomeKind,
    at: datetime = NOON,
    *,
    alone: bool = True,
    retry_after: timedelta | None = None,
) -> Heard:
    return Heard(
        outcome=Outcome(kind, retry_after=retry_after),
        alone=alone,
        most=MOST,
        started_at=at - SECOND / 2,
        ended_at=at,
        error="answered so",
        jitter=0.5,
    )


def an_open_one() -> Endpoint:
    endpoint = Endpoint()
    endpoint.answers(*[BAD] * 10)
    return endpoint


def test_ten_failures_in_a_row_open_the_circuit() -> None:
    endpoint = Endpoint()
    endpoint.answers(*[BAD] * 9)
    assert endpoint.allows == (Phase.CLOSED, MOST)
    endpoint.answers(BAD)
    assert endpoint.allows == (Phase.OPEN, 0)
    assert not endpoint.breaker.reads
    assert endpoint.health.condition is Condition.OPEN
    assert endpoint.told == [HealthEventKind.DEGRADED, HealthEventKind.OPEN]


def test_seven_of_ten_failures_within_a_minute_open_it() -> None:
    endpoint = Endpoint()
    endpoint.answers(*[BAD, BAD, GOOD] * 3)
    assert endpoint.allows == (Phase.CLOSED, MOST)  # nine say nothing yet
    endpoint.answers(BAD)
    assert endpoint.allows == (Phase.OPEN, 0)


def test_failures_of_more_than_a_minute_ago_do_not_count_as_a_share() -> None:
    endpoint = Endpoint()
    endpoint.answers(*[BAD, BAD, GOOD] * 3)
    endpoint.answers(BAD, every=timedelta(minutes=2))
    assert endpoint.breaker.phase is Phase.CLOSED


def test_three_answers_in_a_row_that_a_wrong_setting_explains_open_it() -> None:
    wrong = OutcomeKind.MISCONFIGURED
    endpoint = Endpoint()
    endpoint.answers(wrong, wrong, BAD, wrong, wrong)
    assert endpoint.allows == (Phase.CLOSED, MOST)
    endpoint.answers(wrong)
    assert endpoint.allows == (Phase.OPEN, 0)


@pytest.mark.parametrize(
    ("kind", "alone", "opens"),
    [
        (OutcomeKind.PAYLOAD_REFUSED, True, True),
        (OutcomeKind.PAYLOAD_REFUSED, False, False),  # about to be halved
        (OutcomeKind.OWN_FAULT, True, False),
        (OutcomeKind.ACCEPTED, True, False),
        (OutcomeKind.GONE, True, True),
        (OutcomeKind.THROTTLED, True, True),
        (OutcomeKind.FAILED, True, True),
        (OutcomeKind.MISCONFIGURED, True, True),
        (OutcomeKind.TIMED_OUT, True, True),
        (OutcomeKind.UNREACHABLE, True, True),
        (OutcomeKind.BLOCKED, True, True),
    ],
)
def test_every_outcome_speaks_for_or_against_an_endpoint(
    kind: OutcomeKind, *, alone: bool, opens: bool
) -> None:
    breaker = Breaker(None, POLICY)
    for turn in range(12):
        breaker.heard(heard(kind, NOON + turn * SECOND, alone=alone))
    assert (breaker.phase is Phase.OPEN) is opens


def test_pauses_double_up_to_ten_minutes() -> None:
    endpoint, pauses = an_open_one(), []
    for _ in range(7):
        until = endpoint.health.open_until
        assert until is not None
        pauses.append((until - endpoint.now).total_seconds())
        endpoint.probe(BAD)
    assert pauses == [30, 60, 120, 240, 480, 600, 600]


def test_pause_is_no_shorter_than_the_endpoint_asks_for() -> None:
    breaker = Breaker(None, POLICY)
    for _ in range(10):
        asked = heard(OutcomeKind.THROTTLED, retry_after=timedelta(minutes=7))
        breaker.heard(asked)
    news = breaker.news()
    assert news is not None
    assert news.health.open_until == NOON + timedelta(minutes=7)


def test_one_probe_and_no_more_goes_when_the_pause_is_over() -> None:
    endpoint = an_open_one()
    until = endpoint.health.open_until
    assert until is not None
    endpoint.breaker.look(until - SECOND / 100)
    assert endpoint.breaker.most(MOST) == 0
    endpoint.breaker.look(until)
    assert (endpoint.breaker.most(MOST), endpoint.breaker.reads) == (1, True)
    endpoint.breaker.started()
    assert (endpoint.breaker.most(MOST), endpoint.breaker.reads) == (0, False)


def test_probe_that_was_not_sent_leaves_its_place_to_another() -> None:
    endpoint = an_open_one()
    endpoint.breaker.look(NOON + timedelta(hours=1))
    endpoint.breaker.started()
    endpoint.breaker.dropped()
    assert endpoint.breaker.most(MOST) == 1
    endpoint.breaker.started()
    endpoint.breaker.heard(heard(OutcomeKind.OWN_FAULT))
    assert endpoint.breaker.most(MOST) == 1


def test_clock_that_was_set_back_does_not_keep_it_open() -> None:
    endpoint = an_open_one()
    endpoint.breaker.look(NOON - timedelta(days=1))
    assert endpoint.breaker.phase is Phase.READY


def test_probe_that_is_taken_closes_it_and_it_begins_slowly() -> None:
    endpoint = an_open_one()
    endpoint.probe(GOOD)
    assert endpoint.health.condition is Condition.DEGRADED
    assert (endpoint.breaker.phase, endpoint.breaker.most(MOST)) == (Phase.CLOSED, 1)
    endpoint.answers(GOOD)
    assert endpoint.breaker.most(MOST) == 2


def test_five_successes_in_a_row_make_it_healthy_again() -> None:
    endpoint = an_open_one()
    endpoint.probe(GOOD)
    endpoint.answers(*[GOOD] * 3)
    assert endpoint.health.condition is Condition.DEGRADED
    endpoint.answers(GOOD)
    assert endpoint.health == Health(
        Condition.HEALTHY, since=endpoint.now, last_success_at=endpoint.now
    )
    assert endpoint.told[-1] is HealthEventKind.RECOVERED


def test_trouble_soon_after_a_probe_makes_the_next_pause_longer() -> None:
    endpoint = an_open_one()
    endpoint.probe(GOOD)
    endpoint.answers(*[BAD] * 9)  # of ten with the probe
    until = endpoint.health.open_until
    assert until == endpoint.now + timedelta(minutes=1)


def test_answers_to_what_was_under_way_when_it_opened_change_nothing() -> None:
    endpoint = an_open_one()
    before = endpoint.health.open_until
    endpoint.answers(GOOD, BAD, BAD)
    assert endpoint.breaker.phase is Phase.OPEN
    assert endpoint.health.open_until == before


def test_going_up_and_down_is_told_once_in_ten_minutes() -> None:
    endpoint = Endpoint()
    for _ in range(5):
        endpoint.answers(*[BAD] * 3, *[GOOD] * 40)
    assert endpoint.told.count(HealthEventKind.DEGRADED) == 1
    endpoint.answers(GOOD, every=timedelta(minutes=10))
    endpoint.answers(*[BAD] * 3)
    assert endpoint.told.count(HealthEventKind.DEGRADED) == 2


def test_being_turned_away_halves_what_may_be_under_way() -> None:
    endpoint = Endpoint()
    endpoint.answers(OutcomeKind.THROTTLED)
    assert endpoint.breaker.most(MOST) == MOST // 2


def test_five_days_and_twenty_tries_without_a_success_are_the_end() -> None:
    endpoint = an_open_one()
    while len([k for k in endpoint.told if k is HealthEventKind.DISABLED]) == 0:
        endpoint.probe(BAD)
    since = endpoint.health.failing_since
    assert since == NOON + SECOND
    assert endpoint.now - since >= timedelta(days=5)
    assert endpoint.breaker.is_gone
    assert endpoint.breaker.most(MOST) == 0


def test_who_is_given_up_is_not_probed_until_the_next_pause_is_over() -> None:
    endpoint = an_open_one()
    while HealthEventKind.DISABLED not in endpoint.told:
        endpoint.probe(BAD)
    news = endpoint.breaker.news()
    assert news is not None
    endpoint.breaker.noted(news)
    endpoint.breaker.look(endpoint.now + timedelta(minutes=7))
    assert endpoint.breaker.most(MOST) == 0
    endpoint.breaker.look(endpoint.now + timedelta(minutes=13))
    assert endpoint.breaker.most(MOST) == 1


def test_quiet_endpoint_is_not_given_up_for_few_tries() -> None:
    endpoint = Endpoint()
    endpoint.answers(*[BAD] * 9, every=timedelta(days=1))
    assert HealthEventKind.DISABLED not in endpoint.told


def test_one_success_starts_the_five_days_anew() -> None:
    endpoint = Endpoint()
    endpoint.answers(*[BAD] * 9, every=timedelta(hours=12))
    endpoint.answers(GOOD)
    endpoint.answers(*[BAD] * 9, every=timedelta(hours=12))
    assert endpoint.health.failures == 9
    assert HealthEventKind.DISABLED not in endpoint.told


def test_address_that_is_refused_again_and_again_is_given_up() -> None:
    blocked = OutcomeKind.BLOCKED
    endpoint = Endpoint()
    endpoint.answers(blocked, blocked, blocked)  # under way together
    assert endpoint.told == [HealthEventKind.OPEN]
    endpoint.probe(blocked)
    assert HealthEventKind.DISABLED not in endpoint.told
    endpoint.probe(blocked)
    assert endpoint.told[-1] is HealthEventKind.DISABLED


def test_next_owner_begins_where_the_last_one_left_off() -> None:
    endpoint = an_open_one()
    heir = Breaker(endpoint.health, POLICY)
    assert (heir.phase, heir.most(MOST)) == (Phase.OPEN, 0)
    assert heir.news() is None
    endpoint.probe(GOOD)
    heir = Breaker(endpoint.health, POLICY)
    assert (heir.phase, heir.most(MOST)) == (Phase.CLOSED, 1)


def test_what_is_told_is_not_told_again() -> None:
    endpoint = an_open_one()
    news = endpoint.breaker.news()
    assert news is not None
    endpoint.probe(BAD)
    endpoint.breaker.noted(news)
    later = endpoint.breaker.news()
    assert later is not None
    assert (later.edges, later.health.opened) == ((), 2)
    endpoint.breaker.noted(later)
    assert endpoint.breaker.news() is None


def test_successes_are_written_once_a_minute() -> None:
    endpoint = Endpoint()
    endpoint.answers(GOOD)
    news = endpoint.breaker.news()
    assert news is not None
    endpoint.breaker.noted(news)
    endpoint.answers(GOOD, every=timedelta(seconds=59))
    assert endpoint.breaker.news() is None
    endpoint.answers(GOOD)
    assert endpoint.breaker.news() is not None


def test_success_after_a_failure_is_written_at_once() -> None:
    saved = Health(Condition.HEALTHY, NOON, last_success_at=NOON)
    endpoint = Endpoint(replace(saved, failing_since=NOON, failures=1, last_error="x"))
    endpoint.answers(GOOD)
    assert endpoint.health.failing_since is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*OutcomeKind]),
            st.integers(0, 700),
            st.booleans(),
        ),
        max_size=120,
    )
)
def test_whatever_comes_the_breaker_stays_true_to_itself(
    story: list[tuple[OutcomeKind, int, bool]],
) -> None:
    breaker, now, probes = Breaker(None, POLICY), NOON, 0
    for kind, seconds, alone in story:
        now += seconds * SECOND
        breaker.look(now)
        allowed = breaker.most(MOST)
        assert 0 <= allowed <= MOST
        assert (allowed > 0) is breaker.reads
        if allowed and not breaker.is_gone:
            was_ready = breaker.phase is Phase.READY
            breaker.started()
            probes += was_ready
            assert (breaker.most(MOST) == 0) is was_ready
        breaker.heard(heard(kind, now, alone=alone))
        news = breaker.news()
        if news is None:
            continue
        health = news.health
        assert (health.failures == 0) is (health.failing_since is None)
        assert (health.condition is Condition.OPEN) is (
            breaker.phase in {Phase.OPEN, Phase.READY, Phase.PROBING}
            and health.open_until is not None
        ) or breaker.is_gone
        assert Breaker(health, POLICY).most(MOST) <= MOST
        kinds = [edge.kind for edge in news.edges]
        assert kinds.count(HealthEventKind.DISABLED) <= 1
