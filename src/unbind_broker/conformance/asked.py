"""One thing that the endpoint was asked, and all that it said of it."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from unbind_broker.base.ids import OrderId, new_uuid7
from unbind_broker.base.magic_numbers import CUTOFF, OWNER_SINCE, Block
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.callbacks.demands import REMOVALS, Question
from unbind_broker.callbacks.judging import Conflict, Verdict
from unbind_broker.callbacks.report import Report
from unbind_broker.items.item import Item, ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.states import Action, OrderKind, Scope
from unbind_broker.sending.payloads import OutgoingItem

CARRIER = "conformance"
_TIMES = {
    OrderKind.QUERY: timedelta(minutes=10),
    OrderKind.UNBIND: timedelta(days=7),
    OrderKind.RESTORE: timedelta(days=7),
}


class Way(Enum):
    """How a line came."""

    ANSWER = 1  # in the 2xx
    REPORT = 2  # by POST /v1/results


@dataclass(frozen=True)
class Heard:
    """One line about an item, and what the broker would make of it."""

    report: Report
    verdict: Verdict
    way: Way


@dataclass(eq=False)
class Asked:
    """One item. ``must_not`` says that it was sent in a way that is to be refused.

    ``repeated`` items were sent more than once.
    """

    outgoing: OutgoingItem
    question: Question
    item: Item
    must_not: bool = False
    repeated: bool = False
    result: Report | None = None
    rejected: str | None = None
    sent_at: float = 0.0
    heard: list[Heard] = field(default_factory=list)
    spoken: asyncio.Event = field(default_factory=asyncio.Event)
    settled: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def id(self) -> str:
        """Give the id that it has outside."""
        return self.outgoing.public_id

    @property
    def contradictions(self) -> list[Heard]:
        """Give the lines that say something else than its result."""
        return [one for one in self.heard if isinstance(one.verdict, Conflict)]

    @property
    def removals(self) -> list[Heard]:
        """Give the lines that say that something was detached."""
        return [one for one in self.heard if one.report.outcome in REMOVALS]

    def said(self, *outcomes: ItemStatus) -> bool:
        """Tell whether a line told one of these outcomes."""
        return any(one.report.outcome in outcomes for one in self.heard)


def ask_for(
    now: datetime,
    kind: OrderKind,
    number: PhoneNumber,
    scope: Scope,
    action: Action | None,
    domains: Collection[str],
) -> Asked:
    """Make an item as the broker would send it."""
    order_id = OrderId(new_uuid7(now))
    bound_from, bound_before = interval(scope, now)
    deadline = now + _TIMES[kind]
    outgoing = OutgoingItem(
        order_id=order_id,
        kind=kind,
        number=number,
        scope=scope,
        action=action,
        owner_since=OWNER_SINCE,
        bound_from=bound_from,
        bound_before=bound_before,
        carrier=CARRIER,
        created_at=now,
        deadline=deadline,
    )
    question = Question(
        kind=kind,
        action=action,
        bound_from=bound_from,
        bound_before=bound_before,
        deadline=deadline,
        held=False,
        domains=domains,
    )
    item = Item(key=ItemKey(order_id, 0), status=ItemStatus.QUEUED)
    return Asked(outgoing, question, item)


def interval(scope: Scope, now: datetime) -> tuple[datetime | None, datetime]:
    """Say which bindings are meant, as ``bound_from`` and ``bound_before``."""
    return (None, CUTOFF) if scope is Scope.PREVIOUS_OWNER else (CUTOFF, now)


def span(block: Block) -> str:
    """Name a block as the guide does, by the last digits of its numbers."""
    return f"{block.first:04} – {block.first + block.size - 1:04}"
