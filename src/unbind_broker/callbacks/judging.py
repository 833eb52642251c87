"""What a line of a report makes of an item. Pure.

==================  ===========================================================
item stands at      a line makes of it
==================  ===========================================================
open                the outcome, late once the deadline has passed; the same
                    interim state once more is a duplicate
ended by us         the outcome, late: expired, undeliverable and cancelled
                    give way to what the platform did
final               nothing: the first result stands. The same one again is a
                    duplicate, another one a conflict, unless it says ``amend``
==================  ===========================================================

``acknowledged`` takes a queued item; whatever else it meets, it tells nothing new and
is a duplicate. ``in_progress`` and ``action_required`` reopen nothing: for an item that
has ended they are a conflict, with ``amend`` or without.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from unbind_broker.callbacks.demands import REMOVALS, Fault, Question, fault_of
from unbind_broker.callbacks.report import Report
from unbind_broker.items.item import Item
from unbind_broker.items.states import ENDED_BY_US, ItemStatus


class Recorded(NamedTuple):
    """The line changed the item.

    ``outside`` says that something was removed that was not in the interval;
    ``amended`` holds the platform's own earlier result that it replaced.
    """

    item: Item
    outside: bool = False
    amended: Item | None = None

    @property
    def violates(self) -> bool:
        """Tell whether a violation is to be raised: once for each claim."""
        repeated = self.amended is not None and _claim(self.amended) == _claim(
            self.item
        )
        return self.outside and not repeated


@dataclass(frozen=True)
class Duplicate:
    """The line tells nothing new."""


@dataclass(frozen=True)
class Conflict:
    """The line contradicts what stands."""

    standing: Item
    detail: str


@dataclass(frozen=True)
class Rejected:
    """The line is wrong by itself."""

    fault: Fault


@dataclass(frozen=True)
class NeverAsked:
    """The platform cannot know this item."""


Verdict = Recorded | Duplicate | Conflict | Rejected | NeverAsked


def judge(now: datetime, question: Question, item: Item, report: Report) -> Verdict:
    """Decide what ``report`` makes of ``item``, which ``question`` asked for."""
    if question.held or report.prefix is not question.prefix:
        return NeverAsked()
    fault = fault_of(question, report)
    if fault is not None:
        return Rejected(fault)
    if report.outcome is ItemStatus.ACKNOWLEDGED:
        return _take(now, item)
    if not report.outcome.is_final:
        return _progress(now, item, report)
    return _finish(now, question, item, report)


def is_violation(question: Question, item: Item) -> bool:
    """Tell a removal that touched what nobody asked to touch."""
    if item.status not in REMOVALS or item.last_bound_at is None:
        return False
    return not question.covers(item.last_bound_at)


def _take(now: datetime, item: Item) -> Verdict:
    if item.status is not ItemStatus.QUEUED:
        return Duplicate()
    taken = item._replace(status=ItemStatus.ACKNOWLEDGED, acknowledged_at=now)
    return Recorded(taken)


def _progress(now: datetime, item: Item, report: Report) -> Verdict:
    if item.status.is_final:
        return Conflict(item, f"this item is {item.status} already")
    moved = _told(now, item, report)
    return Duplicate() if moved == item else Recorded(moved)


def _finish(now: datetime, question: Question, item: Item, report: Report) -> Verdict:
    ended_by_us = item.status in ENDED_BY_US
    own_result = item if item.status.is_final and not ended_by_us else None
    late = item.late or ended_by_us or now > question.deadline
    finished = _told(now, item, report, late=late, finished_at=now)
    if own_result is not None:
        if _says_the_same(own_result, finished):
            return Duplicate()
        if not report.amend:
            return Conflict(
                item, f"this item is {item.status} already; amend corrects it"
            )
        finished = finished._replace(late=item.late)
    return Recorded(finished, is_violation(question, finished), own_result)


def _told(
    now: datetime,
    item: Item,
    report: Report,
    *,
    late: bool | None = None,
    finished_at: datetime | None = None,
) -> Item:
    """Write the report's words into the item; being told of it means it was taken."""
    return Item(
        key=item.key,
        status=report.outcome,
        late=item.late if late is None else late,
        reason=report.reason,
        holder_action=report.action,
        bindings=report.bindings,
        removed=report.removed,
        kept=report.kept,
        acknowledged_at=item.acknowledged_at or now,
        finished_at=finished_at,
        last_bound_at=report.last_bound_at,
        restorable_until=report.restorable_until,
        expected_at=report.expected_at,
        cooling_off_until=report.cooling_off_until,
        action_url=report.action_url,
        detail=report.detail,
    )


def _says_the_same(earlier: Item, later: Item) -> bool:
    return (
        later._replace(
            late=earlier.late,
            acknowledged_at=earlier.acknowledged_at,
            finished_at=earlier.finished_at,
        )
        == earlier
    )


def _claim(item: Item) -> tuple[ItemStatus, int | None, datetime | None]:
    """Give what a platform says that it removed."""
    return item.status, item.removed, item.last_bound_at
