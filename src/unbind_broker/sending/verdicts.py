"""What follows from finished exchanges for each thing that was sent. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from unbind_broker.base.ids import EndpointId
from unbind_broker.deliveries.decision import (
    Dead,
    Decision,
    DisableEndpoint,
    Done,
    Halve,
    Park,
    RetryAt,
    Tried,
    decide,
)
from unbind_broker.deliveries.queue import Due, Subject
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.item import ItemKey
from unbind_broker.sending.batches import Work
from unbind_broker.sending.finished import Finished

BETWEEN_HALVES = timedelta(milliseconds=1)
"""Two times of one batch's halves: what is due at one time is sent together."""


@dataclass(frozen=True)
class Plans:
    """The delays before the second try, the third …; the last repeats."""

    queries: tuple[timedelta, ...]
    orders: tuple[timedelta, ...]

    def of(self, event: EventType) -> tuple[timedelta, ...]:
        """Give the plan by which a webhook of this type is repeated."""
        return self.queries if event is EventType.QUERY_REQUESTED else self.orders


@dataclass
class Verdicts:
    """What to write down; an item is in one of the lists of keys at most.

    Only requests put items there: that a platform has, or has not, taken anything else
    says nothing about an item. Nor does the refusal of a replay end one: it was taken
    before. ``reminded`` says on which occasion reminders were sent.
    """

    acknowledged: list[ItemKey] = field(default_factory=list)
    counted: list[ItemKey] = field(default_factory=list)
    dead: list[ItemKey] = field(default_factory=list)
    again: list[Due] = field(default_factory=list)
    no_more: list[Subject] = field(default_factory=list)
    reminded: dict[Subject, UUID | None] = field(default_factory=dict)
    gone: dict[EndpointId, str] = field(default_factory=dict)

    def add(self, finished: Finished, plans: Plans) -> None:
        """Decide about everything that was sent in an exchange."""
        works, steps = finished.batch.works, steps_used(finished)
        plan = plans.of(finished.batch.event)
        if finished.batch.event is EventType.UNBIND_REMINDER:
            self.reminded |= {_subject(finished, one): one.occasion for one in works}
        for place, work in enumerate(works):
            decision = _decide(finished, work, steps, plan)
            if isinstance(decision, Done):
                # Whoever answers 2xx has taken all of it, whatever was tried.
                self.acknowledged += _item_keys(finished, works)
                self.no_more += [_subject(finished, one) for one in works]
                return
            keys, subject = _item_keys(finished, [work]), _subject(finished, work)
            match decision:
                case RetryAt() | Park():
                    self._again(keys, work, subject, decision)
                case DisableEndpoint():
                    self._again(keys, work, subject, decision.then)
                    self.gone[subject.endpoint_id] = finished.url
                case Halve():
                    at = _half_at(finished.ended_at, place, len(works))
                    self.counted += keys
                    self.again.append(_row(work, subject, at, work.attempt))
                case Dead():
                    (self.counted if work.replay else self.dead).extend(keys)
                    self.no_more.append(subject)
                case _:
                    assert_never(decision)

    def _again(
        self,
        keys: list[ItemKey],
        work: Work,
        subject: Subject,
        then: RetryAt | Park,
    ) -> None:
        at = then.at if isinstance(then, RetryAt) else then.until
        self.again.append(_row(work, subject, at, then.attempt))
        if then.counted:
            self.counted += keys


def steps_used(finished: Finished) -> int:
    """Count the steps of the plan that are used up, this exchange included."""
    return max(work.attempt for work in finished.batch.works) + 1


def first_decision(finished: Finished, plans: Plans) -> Decision:
    """Say what follows for the first thing that was sent; mostly it does for all."""
    plan = plans.of(finished.batch.event)
    return _decide(finished, finished.batch.works[0], steps_used(finished), plan)


def _decide(
    finished: Finished, work: Work, steps: int, plan: tuple[timedelta, ...]
) -> Decision:
    tried = Tried(steps, len(finished.batch.works), work.content.deadline)
    outcome = finished.exchange.outcome
    return decide(outcome, tried, finished.ended_at, plan, finished.jitter)


def _item_keys(finished: Finished, works: Sequence[Work]) -> list[ItemKey]:
    """Name the items that a request was about; nothing else touches one."""
    platform_id = finished.platform_id
    if not finished.batch.is_request or platform_id is None:
        return []
    return [ItemKey(work.content.subject_id, platform_id) for work in works]


def _subject(finished: Finished, work: Work) -> Subject:
    content, batch = work.content, finished.batch
    return Subject(finished.lane.endpoint_id, batch.event, content.subject_id)


def _row(work: Work, subject: Subject, at: datetime, attempt: int) -> Due:
    return Due(subject, at, attempt, work.occasion, work.replay)


def _half_at(now: datetime, place: int, together: int) -> datetime:
    return now if place * 2 < together else now + BETWEEN_HALVES
