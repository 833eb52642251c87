"""What follows for each item of an exchange."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sending.parts import a_batch, a_work, an_item, ended
from tests.support.clock import NOON
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.item import ItemKey
from unbind_broker.orders.states import OrderKind
from unbind_broker.sending.finished import Finished
from unbind_broker.sending.verdicts import Plans, Verdicts

PLANS = Plans(queries=(timedelta(seconds=1),), orders=(timedelta(hours=1),) * 4)


def verdict(*finished: Finished) -> Verdicts:
    verdicts = Verdicts()
    for one in finished:
        verdicts.add(one, PLANS)
    return verdicts


def keys(finished: Finished) -> list[ItemKey]:
    platform_id = finished.platform_id
    assert platform_id is not None
    return [ItemKey(one, platform_id) for one in finished.batch.subject_ids]


def test_accepted_items_are_acknowledged_and_not_sent_again() -> None:
    finished = ended(a_batch(3), OutcomeKind.ACCEPTED)
    found = verdict(finished)
    assert found.acknowledged == keys(finished)
    assert [one.order_id for one in found.no_more] == list(finished.batch.subject_ids)
    assert (found.counted, found.dead, found.again, found.gone) == ([], [], [], set())


def test_failed_batch_keeps_one_time() -> None:
    works = [a_work(attempt=attempt) for attempt in (0, 3, 1)]
    found = verdict(ended(a_batch(works=works), OutcomeKind.FAILED))
    assert len({due.due_at for due in found.again}) == 1
    assert {due.attempt for due in found.again} == {4}
    assert len(found.counted) == 3


def test_item_that_runs_out_of_time_waits_for_its_deadline_alone() -> None:
    soon = NOON + timedelta(minutes=1)
    works = [a_work(item=an_item(deadline=soon)), a_work(), a_work()]
    found = verdict(ended(a_batch(works=works), OutcomeKind.FAILED))
    assert found.again[0].due_at == soon
    assert found.again[1].due_at == found.again[2].due_at > soon


def test_queries_have_their_own_plan() -> None:
    query = a_work(item=an_item(kind=OrderKind.QUERY))
    batch = a_batch(works=[query], event=EventType.QUERY_REQUESTED)
    found = verdict(
        ended(batch, OutcomeKind.FAILED), ended(a_batch(1), OutcomeKind.FAILED)
    )
    waits = [due.due_at - NOON for due in found.again]
    assert waits[0] <= timedelta(seconds=1)
    assert waits[1] > timedelta(minutes=29)


@given(st.integers(2, 500))
def test_refused_batch_becomes_two_that_are_due_at_once(size: int) -> None:
    finished = ended(a_batch(size), OutcomeKind.PAYLOAD_REFUSED)
    found = verdict(finished)
    times = [due.due_at for due in found.again]
    first = times.count(times[0])
    assert len(set(times)) == 2
    assert abs(size - 2 * first) <= 1
    assert all(before <= after for before, after in pairwise(times))
    assert max(times) - NOON < timedelta(seconds=1)
    assert {due.attempt for due in found.again} == {0}
    assert found.counted == keys(finished)


def test_item_refused_alone_is_dead() -> None:
    finished = ended(a_batch(1), OutcomeKind.PAYLOAD_REFUSED)
    found = verdict(finished)
    assert found.dead == keys(finished)
    assert len(found.no_more) == 1
    assert found.again == []


def test_gone_endpoint_is_to_be_disabled_and_its_items_stay_due() -> None:
    finished = ended(a_batch(2), OutcomeKind.GONE)
    found = verdict(finished)
    assert found.gone == {finished.lane.endpoint_id}
    assert len(found.again) == 2
    assert found.counted == keys(finished)


@pytest.mark.parametrize("kind", [OutcomeKind.OWN_FAULT, OutcomeKind.BLOCKED])
def test_what_never_left_is_not_counted(kind: OutcomeKind) -> None:
    found = verdict(ended(a_batch(2), kind))
    assert found.counted == []
    assert len(found.again) == 2
