from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from unbind_broker.base.ids import Prefix
from unbind_broker.callbacks.demands import NEEDS_BOUND_AT, Question, fault_of
from unbind_broker.callbacks.report import Report
from unbind_broker.items.states import OUTCOMES, HolderAction, ItemStatus, Reason
from unbind_broker.orders.states import Action, OrderKind

CUTOFF = datetime(2025, 2, 28, 16, tzinfo=UTC)
MADE = datetime(2026, 11, 20, 4, tzinfo=UTC)
UNBIND = Question(
    kind=OrderKind.UNBIND,
    action=Action.DETACH,
    bound_from=None,
    bound_before=CUTOFF,
    deadline=MADE + timedelta(days=7),
    held=False,
    domains=("weibo.com", "weibo.cn"),
)
QUERY = replace(UNBIND, kind=OrderKind.QUERY, action=None)
RESTORE = replace(UNBIND, kind=OrderKind.RESTORE)
CLOSE = replace(
    UNBIND, action=Action.CLOSE_ACCOUNT, bound_from=CUTOFF, bound_before=MADE
)
FULL: dict[ItemStatus, dict[str, Any]] = {
    ItemStatus.ACTION_REQUIRED: {"action": HolderAction.CONFIRM_IN_APP},
    ItemStatus.BOUND: {"bindings": 1, "last_bound_at": CUTOFF - timedelta(days=1)},
    ItemStatus.UNBOUND: {"removed": 1, "last_bound_at": CUTOFF - timedelta(days=1)},
    ItemStatus.PARTLY_UNBOUND: {
        "removed": 1,
        "kept": 1,
        "reason": Reason.LEGAL_HOLD,
        "last_bound_at": CUTOFF - timedelta(days=1),
    },
    ItemStatus.CLOSED: {"last_bound_at": CUTOFF},
    ItemStatus.REFUSED: {"reason": Reason.LEGAL_HOLD},
}
"""What each outcome needs, and nothing more."""


def report(outcome: ItemStatus, **fields: Any) -> Report:
    """A complete line, with some fields changed."""
    return Report(
        id="ord_x",
        prefix=Prefix.ORDER,
        order_id=UUID(int=1),
        outcome=outcome,
        **{**FULL.get(outcome, {}), **fields},
    )


def code(question: Question, line: Report) -> str | None:
    fault = fault_of(question, line)
    return None if fault is None else fault.code


@pytest.mark.parametrize("outcome", list(ItemStatus))
@pytest.mark.parametrize("question", [QUERY, UNBIND, RESTORE, CLOSE])
def test_an_outcome_fits_the_kind_of_the_order(
    question: Question, outcome: ItemStatus
) -> None:
    possible = outcome in OUTCOMES[question.kind]
    if outcome is ItemStatus.CLOSED:
        possible = question is CLOSE
    expected = None if possible else "outcome-not-possible"
    assert code(question, report(outcome)) == expected


@pytest.mark.parametrize(
    ("outcome", "field", "expected"),
    [
        (ItemStatus.ACTION_REQUIRED, "action", "action-missing"),
        (ItemStatus.PARTLY_UNBOUND, "removed", "count-missing"),
        (ItemStatus.PARTLY_UNBOUND, "kept", "count-missing"),
        (ItemStatus.PARTLY_UNBOUND, "reason", "reason-missing"),
        (ItemStatus.REFUSED, "reason", "reason-missing"),
        *(
            (outcome, "last_bound_at", "bound-at-missing")
            for outcome in sorted(NEEDS_BOUND_AT)
        ),
    ],
)
def test_what_an_outcome_needs_is_asked_for(
    outcome: ItemStatus, field: str, expected: str
) -> None:
    question = {ItemStatus.BOUND: QUERY, ItemStatus.CLOSED: CLOSE}.get(outcome, UNBIND)
    assert code(question, report(outcome)) is None
    assert code(question, report(outcome, **{field: None})) == expected


def test_an_unknown_count_does_not_keep_a_result_from_standing() -> None:
    assert code(QUERY, report(ItemStatus.BOUND, bindings=None)) is None
    assert code(UNBIND, report(ItemStatus.UNBOUND, removed=None)) is None


def test_a_missing_last_bound_at_is_told_first() -> None:
    bare = report(ItemStatus.UNBOUND, removed=None, last_bound_at=None)
    assert code(UNBIND, bare) == "bound-at-missing"


@pytest.mark.parametrize(
    ("question", "line"),
    [
        (QUERY, report(ItemStatus.BOUND, bindings=0)),
        (QUERY, report(ItemStatus.BOUND, removed=1)),
        (UNBIND, report(ItemStatus.UNBOUND, removed=0)),
        (UNBIND, report(ItemStatus.UNBOUND, kept=1)),
        (UNBIND, report(ItemStatus.PARTLY_UNBOUND, removed=0)),
        (UNBIND, report(ItemStatus.PARTLY_UNBOUND, kept=0)),
        (UNBIND, report(ItemStatus.NOT_BOUND, bindings=1)),
        (UNBIND, report(ItemStatus.NOT_BOUND, removed=1)),
        (UNBIND, report(ItemStatus.REFUSED, removed=1)),
        (RESTORE, report(ItemStatus.RESTORED, removed=1)),
    ],
)
def test_counts_do_not_contradict_the_outcome(question: Question, line: Report) -> None:
    assert code(question, line) == "count-contradicts"


def test_zero_contradicts_nothing() -> None:
    nothing = report(ItemStatus.NOT_BOUND, bindings=0, removed=0, kept=0)
    assert code(UNBIND, nothing) is None
    assert code(UNBIND, report(ItemStatus.UNBOUND, kept=0)) is None


def test_another_reason_needs_words() -> None:
    silent = report(ItemStatus.REFUSED, reason=Reason.OTHER)
    assert code(UNBIND, silent) == "detail-missing"
    assert code(UNBIND, silent._replace(detail="words")) is None


INSTANT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("question", "bound_at", "inside"),
    [
        (QUERY, CUTOFF - INSTANT, True),
        (QUERY, CUTOFF, False),
        (CLOSE, CUTOFF, True),
        (CLOSE, CUTOFF - INSTANT, False),
        (CLOSE, MADE - INSTANT, True),
        (CLOSE, MADE, False),
    ],
)
def test_an_interval_holds_its_beginning_and_not_its_end(
    question: Question, bound_at: datetime, *, inside: bool
) -> None:
    assert question.covers(bound_at) is inside
    asked = replace(question, kind=OrderKind.QUERY, action=None)
    line = report(ItemStatus.BOUND, last_bound_at=bound_at)
    assert code(asked, line) == (None if inside else "bound-outside-interval")


def test_a_removal_outside_the_interval_is_taken_note_of() -> None:
    line = report(ItemStatus.UNBOUND, last_bound_at=CUTOFF + timedelta(days=30))
    assert code(UNBIND, line) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://weibo.com",
        "https://weibo.com/a/b?c=d#e",
        "https://m.weibo.com/x",
        "https://WEIBO.com/x",
        "HTTPS://a.b.weibo.cn/",
        "https://weibo.com/20261121000013800001234",
    ],
)
def test_the_holder_is_sent_to_the_platforms_own_pages(url: str) -> None:
    line = report(ItemStatus.ACTION_REQUIRED, action_url=url)
    assert code(UNBIND, line) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "weibo.com",
        "//weibo.com/",
        "http://weibo.com/",
        "javascript:alert(1)//weibo.com",
        "https://evil.com/weibo.com",
        "https://evilweibo.com/",
        "https://weibo.com.evil.com/",
        "https://weibo.com@evil.com/",
        "https://user@weibo.com/",
        "https://evil.com\\@weibo.com/",
        "https://weibo.com:8443/",
        "https://weibo.com:x/",
        "https://[weibo.com/",
        "https://weibo.com /",
        "https://weibo.com/\n",
        'https://weibo.com/"onload=',
        "https://weibo。com/",
        "https://com/",
        "https:///x",
        "https://weibo.com/13800001234",
        "https://weibo.com/?n=%2B8613800001234&x",
        "https://weibo.com/?n=%313800001234",
    ],
)
@pytest.mark.parametrize("outcome", [ItemStatus.ACTION_REQUIRED, ItemStatus.NOT_BOUND])
def test_the_holder_is_sent_nowhere_else(outcome: ItemStatus, url: str) -> None:
    line = report(outcome, action_url=url)
    assert code(UNBIND, line) == "action-url-refused"
