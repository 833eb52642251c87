"""What follows from finished exchanges for each of their items. Pure."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import assert_never

from unbind_broker.base.ids import EndpointId
from unbind_broker.deliveries.decision import (
    Dead,
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
    """What to write down; an item is in one of the lists of keys at most."""

    acknowledged: list[ItemKey] = field(default_factory=list)
    counted: list[ItemKey] = field(default_factory=list)
    dead: list[ItemKey] = field(default_factory=list)
    again: list[Due] = field(default_factory=list)
    no_more: list[Subject] = field(default_factory=list)
    gone: set[EndpointId] = field(default_factory=set)

    def add(self, finished: Finished, plans: Plans) -> None:
        """Decide about every item of an exchange."""
        works = finished.batch.works
        plan = plans.of(finished.batch.event)
        steps = max(work.attempt for work in works) + 1
        for place, work in enumerate(works):
            tried = Tried(steps, len(works), work.item.deadline)
            outcome = finished.exchange.outcome
            decision = decide(outcome, tried, finished.ended_at, plan, finished.jitter)
            key = ItemKey(work.order_id, finished.platform_id)
            subject = _subject(finished, work)
            match decision:
                case Done():
                    self.acknowledged.append(key)
                    self.no_more.append(subject)
                case RetryAt() | Park():
                    self._again(key, subject, decision)
                case DisableEndpoint():
                    self._again(key, subject, decision.then)
                    self.gone.add(subject.endpoint_id)
                case Halve():
                    at = _half_at(finished.ended_at, place, len(works))
                    self.counted.append(key)
                    self.again.append(Due(subject, at, work.attempt))
                case Dead():
                    self.dead.append(key)
                    self.no_more.append(subject)
                case _:
                    assert_never(decision)

    def _again(self, key: ItemKey, subject: Subject, then: RetryAt | Park) -> None:
        at = then.at if isinstance(then, RetryAt) else then.until
        self.again.append(Due(subject, at, then.attempt))
        if then.counted:
            self.counted.append(key)


def _subject(finished: Finished, work: Work) -> Subject:
    return Subject(finished.lane.endpoint_id, finished.batch.event, work.order_id)


def _half_at(now: datetime, place: int, together: int) -> datetime:
    return now if place * 2 < together else now + BETWEEN_HALVES
