"""What a worker counts of each request that it has sent."""

from dataclasses import replace
from datetime import timedelta

from tests.sending.parts import a_batch, a_target, a_work, ended
from tests.support.clock import NOON
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.endpoints.events import EventType
from unbind_broker.sending.tallies import MOST_SLUGS, OTHERS, SendingTallies

TARGET = replace(a_target(), slug="weibo")


def test_each_result_is_counted_for_its_platform() -> None:
    tallies = SendingTallies()
    for kind in OutcomeKind:
        exchange = ended(a_batch(3), kind).exchange
        tallies.exchanged(TARGET, a_batch(3), exchange, NOON)
    assert tallies.of_platforms == {("weibo", kind): 1 for kind in OutcomeKind}
    sent = [kind for kind in OutcomeKind if ended(a_batch(), kind).exchange.disclosed]
    assert tallies.sent[EventType.UNBIND_REQUESTED] == 3 * len(sent)
    assert sum(tallies.took.counts) == len(sent)


def test_carriers_and_rehearsals_are_counted_apart() -> None:
    tallies = SendingTallies()
    exchange = ended(a_batch()).exchange
    carriers = replace(a_target(platform_id=None), slug="china-mobile")
    tallies.exchanged(carriers, a_batch(), exchange, NOON)
    rehearsing = replace(TARGET, rehearses=True)
    tallies.exchanged(rehearsing, a_batch(), exchange, NOON)
    assert tallies.of_platforms == {}
    assert tallies.of_notices == {OutcomeKind.ACCEPTED: 1}
    assert tallies.of_rehearsals == {OutcomeKind.ACCEPTED: 1}
    assert tallies.sent.total() == 1


def test_what_waited_is_counted_from_when_it_was_due() -> None:
    tallies = SendingTallies()
    dues = (None, NOON, NOON - timedelta(seconds=3), NOON + timedelta(seconds=1))
    works = [replace(a_work(), due_at=due) for due in dues]
    batch = a_batch(works=works)
    tallies.exchanged(TARGET, batch, ended(batch).exchange, NOON)
    waited = tallies.waited[EventType.UNBIND_REQUESTED]
    assert sum(waited.counts) == 3
    assert waited.total == 3.0


def test_platforms_beyond_the_bound_are_counted_together() -> None:
    tallies = SendingTallies()
    exchange = ended(a_batch()).exchange
    for place in range(MOST_SLUGS + 5):
        target = replace(TARGET, slug=f"platform-{place}")
        tallies.exchanged(target, a_batch(), exchange, NOON)
    assert len(tallies.of_platforms) == MOST_SLUGS + 1
    assert tallies.of_platforms[OTHERS, OutcomeKind.ACCEPTED] == 5
