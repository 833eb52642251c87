from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.callbacks.test_demands import CUTOFF, MADE, QUERY, RESTORE, UNBIND, report
from unbind_broker.base.ids import Prefix
from unbind_broker.callbacks.demands import Question
from unbind_broker.callbacks.judging import (
    Conflict,
    Duplicate,
    NeverAsked,
    Recorded,
    Rejected,
    judge,
)
from unbind_broker.callbacks.report import Report
from unbind_broker.items.item import Item, ItemKey
from unbind_broker.items.states import (
    ENDED_BY_US,
    OUTCOMES,
    HolderAction,
    ItemStatus,
    Reason,
)
from unbind_broker.orders.states import OrderKind

KEY = ItemKey(UUID(int=1), 7)
NOW = MADE + timedelta(hours=1)
QUESTIONS = {
    OrderKind.QUERY: QUERY,
    OrderKind.UNBIND: UNBIND,
    OrderKind.RESTORE: RESTORE,
}


def line_for(question: Question, outcome: ItemStatus, **fields: Any) -> Report:
    return report(outcome, **fields)._replace(prefix=question.prefix)


def standing(status: ItemStatus) -> Item:
    """An item at ``status`` as the report that a platform would send leaves it."""
    return Item(
        key=KEY,
        status=status,
        acknowledged_at=None if status is ItemStatus.QUEUED else MADE,
        finished_at=MADE if status.is_final else None,
    )


def expected_of(
    kind: OrderKind, status: ItemStatus, outcome: ItemStatus, *, amend: bool
) -> type[object]:
    """The contract's table in other words, told for bare items and full reports."""
    own_result = status.is_final and status not in ENDED_BY_US
    bare = {ItemStatus.IN_PROGRESS, ItemStatus.NOT_BOUND, ItemStatus.RESTORED}
    if outcome not in OUTCOMES[kind] or outcome is ItemStatus.CLOSED:
        expected: type[object] = Rejected
    elif outcome is ItemStatus.ACKNOWLEDGED:
        expected = Recorded if status is ItemStatus.QUEUED else Duplicate
    elif outcome is status and outcome in bare:
        expected = Duplicate
    elif not outcome.is_final:
        expected = Conflict if status.is_final else Recorded
    else:
        expected = Conflict if own_result and not amend else Recorded
    return expected


@pytest.mark.parametrize(
    ("kind", "status", "outcome", "amend"),
    list(product(OrderKind, ItemStatus, ItemStatus, (False, True))),
)
def test_every_report_on_every_item_has_its_verdict(
    kind: OrderKind, status: ItemStatus, outcome: ItemStatus, *, amend: bool
) -> None:
    question = QUESTIONS[kind]
    line = line_for(question, outcome, amend=amend)
    verdict = judge(NOW, question, standing(status), line)
    assert type(verdict) is expected_of(kind, status, outcome, amend=amend)
    if isinstance(verdict, Recorded):
        assert verdict.item.status is outcome
        assert verdict.item.acknowledged_at is not None
        assert (verdict.item.finished_at is not None) is outcome.is_final
        assert verdict.item.late is (status in ENDED_BY_US and outcome.is_final)


def test_the_same_result_again_is_a_duplicate() -> None:
    for kind, question in QUESTIONS.items():
        for outcome in OUTCOMES[kind] - {ItemStatus.CLOSED}:
            line = line_for(question, outcome)
            first = judge(NOW, question, standing(ItemStatus.QUEUED), line)
            assert isinstance(first, Recorded)
            for again in (line, line._replace(amend=True)):
                later = NOW + timedelta(days=90)
                assert judge(later, question, first.item, again) == Duplicate()


def test_a_result_with_another_content_is_a_conflict() -> None:
    first = judge(
        NOW, UNBIND, standing(ItemStatus.QUEUED), report(ItemStatus.UNBOUND, removed=1)
    )
    assert isinstance(first, Recorded)
    other = judge(NOW, UNBIND, first.item, report(ItemStatus.UNBOUND, removed=2))
    assert isinstance(other, Conflict)
    assert other.standing == first.item


def test_an_amendment_keeps_what_it_replaces() -> None:
    item = standing(ItemStatus.NOT_BOUND)
    line = report(ItemStatus.UNBOUND, amend=True)
    verdict = judge(NOW, UNBIND, item, line)
    assert isinstance(verdict, Recorded)
    assert verdict.amended == item
    assert not verdict.item.late


def test_an_amendment_after_the_deadline_leaves_a_timely_result_timely() -> None:
    after = UNBIND.deadline + timedelta(days=1)
    line = report(ItemStatus.UNBOUND, amend=True)
    for late in (False, True):
        item = standing(ItemStatus.NOT_BOUND)._replace(late=late)
        verdict = judge(after, UNBIND, item, line)
        assert isinstance(verdict, Recorded)
        assert verdict.item.late is late


def test_a_result_is_late_once_the_deadline_has_passed() -> None:
    item = standing(ItemStatus.ACKNOWLEDGED)
    line = report(ItemStatus.NOT_BOUND)
    for moment, late in (
        (UNBIND.deadline, False),
        (UNBIND.deadline + timedelta(microseconds=1), True),
    ):
        verdict = judge(moment, UNBIND, item, line)
        assert isinstance(verdict, Recorded)
        assert verdict.item.late is late


def test_a_result_proves_that_the_item_was_taken() -> None:
    line = report(ItemStatus.NOT_BOUND)
    verdict = judge(NOW, UNBIND, standing(ItemStatus.QUEUED), line)
    assert isinstance(verdict, Recorded)
    assert verdict.item.acknowledged_at == NOW
    taken = judge(NOW, UNBIND, standing(ItemStatus.ACKNOWLEDGED), line)
    assert isinstance(taken, Recorded)
    assert taken.item.acknowledged_at == MADE


def test_a_later_step_replaces_an_earlier_one() -> None:
    first = report(ItemStatus.IN_PROGRESS, expected_at=NOW + timedelta(days=1))
    moved = judge(NOW, UNBIND, standing(ItemStatus.QUEUED), first)
    assert isinstance(moved, Recorded)
    assert judge(NOW, UNBIND, moved.item, first) == Duplicate()
    second = report(ItemStatus.IN_PROGRESS, expected_at=NOW + timedelta(days=2))
    again = judge(NOW, UNBIND, moved.item, second)
    assert isinstance(again, Recorded)
    needs = report(ItemStatus.ACTION_REQUIRED, action=HolderAction.VERIFY_CODE)
    asked = judge(NOW, UNBIND, again.item, needs)
    assert isinstance(asked, Recorded)
    assert asked.item.expected_at is None
    done = judge(NOW, UNBIND, asked.item, report(ItemStatus.UNBOUND))
    assert isinstance(done, Recorded)
    assert done.item.holder_action is None


@pytest.mark.parametrize(
    ("bound_at", "outside"),
    [(CUTOFF - timedelta(days=1), False), (CUTOFF, True)],
)
def test_a_removal_outside_the_interval_is_recorded_and_flagged(
    bound_at: Any, *, outside: bool
) -> None:
    line = report(ItemStatus.UNBOUND, last_bound_at=bound_at)
    verdict = judge(NOW, UNBIND, standing(ItemStatus.QUEUED), line)
    assert isinstance(verdict, Recorded)
    assert verdict.outside is outside


def test_nobody_can_know_an_order_that_is_held() -> None:
    line = report(ItemStatus.NOT_BOUND)
    held = replace(UNBIND, held=True)
    assert judge(NOW, held, standing(ItemStatus.QUEUED), line) == NeverAsked()


def test_an_order_is_not_reported_as_a_query() -> None:
    line = report(ItemStatus.NOT_BOUND)._replace(prefix=Prefix.QUERY)
    assert judge(NOW, UNBIND, standing(ItemStatus.QUEUED), line) == NeverAsked()


reports = st.builds(
    report,
    st.sampled_from(sorted(OUTCOMES[OrderKind.UNBIND])),
    amend=st.booleans(),
    detail=st.sampled_from([None, "words"]),
    reason=st.sampled_from([Reason.LEGAL_HOLD, Reason.OTHER]),
)


@given(st.sampled_from(sorted(ItemStatus)), st.lists(reports, max_size=8))
def test_no_sequence_of_reports_reopens_an_item_or_changes_a_result_unasked(
    begin: ItemStatus, lines: list[Report]
) -> None:
    item = standing(begin)
    for line in lines:
        verdict = judge(NOW, UNBIND, item, line)
        if not isinstance(verdict, Recorded):
            continue
        if item.status.is_final:
            assert verdict.item.status.is_final
            assert line.amend or item.status in ENDED_BY_US
        assert verdict.item.status is not ItemStatus.QUEUED
        assert verdict.item.status not in ENDED_BY_US
        item = verdict.item
