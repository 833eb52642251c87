"""What follows for each item of an exchange."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sending.parts import (
    a_batch,
    a_cancel,
    a_lane,
    a_notice,
    a_target,
    a_work,
    an_item,
    ended,
)
from tests.support.clock import NOON
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.deliveries.queue import REQUEST_EVENTS
from unbind_broker.endpoints.events import ENDPOINT_EVENTS, NOTICES, EventType
from unbind_broker.items.item import ItemKey
from unbind_broker.orders.states import OrderKind
from unbind_broker.sending.finished import Finished
from unbind_broker.sending.payloads import OutgoingCancel, OutgoingNotice
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
    assert [one.subject_id for one in found.no_more] == list(finished.batch.subject_ids)
    assert (found.counted, found.dead, found.again, found.gone) == ([], [], [], {})


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
    assert found.gone == {finished.lane.endpoint_id: finished.url}
    assert len(found.again) == 2
    assert found.counted == keys(finished)


@pytest.mark.parametrize("kind", [OutcomeKind.OWN_FAULT, OutcomeKind.BLOCKED])
def test_what_never_left_is_not_counted(kind: OutcomeKind) -> None:
    found = verdict(ended(a_batch(2), kind))
    assert found.counted == []
    assert len(found.again) == 2


OTHERS = st.sampled_from(
    [
        event
        for event in EventType
        if event not in REQUEST_EVENTS and event not in ENDPOINT_EVENTS
    ]
)


@given(OTHERS, st.sampled_from(OutcomeKind), st.integers(0, 9), st.integers(1, 3))
def test_nothing_but_requests_touches_items(
    event: EventType, kind: OutcomeKind, attempt: int, size: int
) -> None:
    contents = [a_notice()] if event in NOTICES else [a_cancel() for _ in range(size)]
    works = [a_work(None, item=one, attempt=attempt) for one in contents]
    found = verdict(ended(a_batch(works=works, event=event), kind))
    assert (found.acknowledged, found.counted, found.dead) == ([], [], [])
    settled = {*found.no_more, *(due.subject for due in found.again)}
    assert {one.subject_id for one in settled} == {one.subject_id for one in contents}
    assert {one.event for one in settled} == {event}


@pytest.mark.parametrize("kind", [OutcomeKind.ACCEPTED, OutcomeKind.PAYLOAD_REFUSED])
def test_notice_that_is_taken_or_refused_is_sent_no_more(kind: OutcomeKind) -> None:
    notice = a_notice()
    batch = a_batch(works=[a_work(None, item=notice)], event=notice.event)
    found = verdict(ended(batch, kind))
    assert [one.subject_id for one in found.no_more] == [notice.notice_id]
    assert found.again == []


@pytest.mark.parametrize("content", [a_cancel(), a_notice()], ids=["cancel", "notice"])
def test_what_is_no_request_is_repeated_by_the_plan_for_orders(
    content: OutgoingCancel | OutgoingNotice,
) -> None:
    event = EventType.UNBIND_CANCELLED
    works = [a_work(None, item=content)]
    found = verdict(ended(a_batch(works=works, event=event), OutcomeKind.FAILED))
    (due,) = found.again
    assert timedelta(minutes=29) < due.due_at - NOON <= timedelta(hours=1)
    assert due.attempt == 1


def test_carriers_endpoint_that_is_gone_is_disabled_as_well() -> None:
    lane = a_lane(a_target(platform_id=None))
    notice = a_notice()
    batch = a_batch(works=[a_work(None, item=notice)], event=notice.event)
    found = verdict(ended(batch, OutcomeKind.GONE, lane=lane))
    assert set(found.gone) == {lane.endpoint_id}
    assert len(found.again) == 1
