"""What a line must hold, given what was asked. Pure."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote, urlsplit

from unbind_broker.base.ids import Prefix
from unbind_broker.base.numbers import holds_number
from unbind_broker.callbacks.report import Report
from unbind_broker.items.states import OUTCOMES, ItemStatus, Reason
from unbind_broker.orders.states import Action, OrderKind

# No backslash: browsers take it for a slash, so that another host would be called.
_PLAIN_URL = re.compile(r"[!#-;=?-\[\]_a-z~]+", re.ASCII)
_MOST_DECODINGS = 5

REMOVALS = frozenset({ItemStatus.UNBOUND, ItemStatus.PARTLY_UNBOUND, ItemStatus.CLOSED})
NEEDS_BOUND_AT = REMOVALS | {ItemStatus.BOUND}
NEEDS_REASON = frozenset({ItemStatus.REFUSED, ItemStatus.PARTLY_UNBOUND})
NEEDS_COUNTS: dict[ItemStatus, tuple[str, ...]] = {
    ItemStatus.BOUND: ("bindings",),
    ItemStatus.UNBOUND: ("removed",),
    ItemStatus.PARTLY_UNBOUND: ("removed", "kept"),
}
"""Counts that must be at least one where they are told."""
_NEEDS_EVERY_COUNT = frozenset({ItemStatus.PARTLY_UNBOUND})
_NONE_OF = (
    ({ItemStatus.UNBOUND}, "kept", "with something kept is partly_unbound"),
    ({ItemStatus.NOT_BOUND}, "bindings", "has no bindings"),
    (
        {
            ItemStatus.BOUND,
            ItemStatus.NOT_BOUND,
            ItemStatus.REFUSED,
            ItemStatus.RESTORED,
        },
        "removed",
        "removes nothing",
    ),
)
"""Counts that contradict an outcome unless they are zero."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What a platform was asked, as far as it bears on its answers.

    ``held`` says that nothing was sent to anybody yet; an order that the brake holds
    was under way before.
    """

    kind: OrderKind
    action: Action | None
    bound_from: datetime | None
    bound_before: datetime
    deadline: datetime
    held: bool
    domains: Collection[str]

    @property
    def prefix(self) -> Prefix:
        """Tell which prefix its ids have."""
        return Prefix.QUERY if self.kind is OrderKind.QUERY else Prefix.ORDER

    def covers(self, bound_at: datetime) -> bool:
        """Tell whether a binding made then is in the interval."""
        begun = self.bound_from is None or bound_at >= self.bound_from
        return begun and bound_at < self.bound_before


@dataclass(frozen=True)
class Fault:
    """Why a line is rejected."""

    code: str
    detail: str


def fault_of(question: Question, report: Report) -> Fault | None:
    """Find the first thing that a line lacks or gets wrong."""
    return (
        _outcome_fault(question, report)
        or _bound_at_fault(question, report)
        or _reason_fault(report)
        or _count_fault(report)
        or _action_fault(report)
        or _url_fault(question, report)
    )


def _outcome_fault(question: Question, report: Report) -> Fault | None:
    code = "outcome-not-possible"
    if report.outcome not in OUTCOMES[question.kind]:
        return Fault(code, f"{report.outcome} is no outcome of {question.kind} items")
    if (
        report.outcome is ItemStatus.CLOSED
        and question.action is not Action.CLOSE_ACCOUNT
    ):
        return Fault(code, f"closed: this item asked to {question.action} only")
    return None


def _reason_fault(report: Report) -> Fault | None:
    if report.outcome not in NEEDS_REASON:
        return None
    if report.reason is None:
        return Fault("reason-missing", f"{report.outcome} needs a reason")
    if report.reason is Reason.OTHER and report.detail is None:
        return Fault("detail-missing", "reason other needs a detail")
    return None


def _count_fault(report: Report) -> Fault | None:
    for name in NEEDS_COUNTS.get(report.outcome, ()):
        count = getattr(report, name)
        if count is None and report.outcome in _NEEDS_EVERY_COUNT:
            return Fault("count-missing", f"{report.outcome} needs {name}")
        if count is not None and count < 1:
            return _contradiction(f"{report.outcome}: {name} must be at least 1")
    for outcomes, name, words in _NONE_OF:
        if report.outcome in outcomes and getattr(report, name):
            return _contradiction(f"{report.outcome} {words}")
    return None


def _contradiction(detail: str) -> Fault:
    return Fault("count-contradicts", detail)


def _bound_at_fault(question: Question, report: Report) -> Fault | None:
    if report.outcome not in NEEDS_BOUND_AT:
        return None
    if report.last_bound_at is None:
        return Fault("bound-at-missing", f"{report.outcome} needs last_bound_at")
    outside = not question.covers(report.last_bound_at)
    if outside and report.outcome is ItemStatus.BOUND:
        return Fault(
            "bound-outside-interval",
            "last_bound_at is outside [bound_from, bound_before): not to be reported",
        )
    return None


def _action_fault(report: Report) -> Fault | None:
    if report.outcome is ItemStatus.ACTION_REQUIRED and report.action is None:
        return Fault("action-missing", "action_required needs an action")
    return None


def _url_fault(question: Question, report: Report) -> Fault | None:
    if report.action_url is None or _is_own_url(report.action_url, question.domains):
        return None
    return Fault(
        "action-url-refused",
        "action_url must be https, without user name, port or phone number, on a "
        "domain registered for this platform or below it",
    )


def _is_own_url(url: str, domains: Collection[str]) -> bool:
    if not _PLAIN_URL.fullmatch(url) or _hides_number(url):
        return False
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    if parts.scheme != "https" or not host or "@" in parts.netloc or port is not None:
        return False
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)


def _hides_number(url: str) -> bool:
    """Look for a number however its digits are written and encoded.

    What is still encoded after a few rounds hides something, and counts as one.
    """
    for _ in range(_MOST_DECODINGS):
        if holds_number(url):
            return True
        decoded = unquote(url)
        if decoded == url:
            return False
        url = decoded
    return True
