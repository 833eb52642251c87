"""What the delivery machine expects of every item: a dictionary beside the system."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from tests.support.clock import NOON
from tests.support.delivery_network import Line
from unbind_broker.base.instants import show_instant
from unbind_broker.callbacks.results import LineStatus
from unbind_broker.items.states import ENDED_BY_US, ItemStatus
from unbind_broker.orders.states import OrderKind

INTERIMS = frozenset({ItemStatus.IN_PROGRESS, ItemStatus.ACTION_REQUIRED})
BEFORE, SINCE = "2024-05-01T00:00:00Z", "2025-06-01T00:00:00Z"
"""Bound by the former holder, and by the present one."""
FINALS: dict[OrderKind, tuple[ItemStatus, ...]] = {
    OrderKind.QUERY: (ItemStatus.BOUND, ItemStatus.NOT_BOUND, ItemStatus.REFUSED),
    OrderKind.UNBIND: (
        ItemStatus.UNBOUND,
        ItemStatus.NOT_BOUND,
        ItemStatus.PARTLY_UNBOUND,
        ItemStatus.REFUSED,
    ),
    OrderKind.RESTORE: (ItemStatus.RESTORED, ItemStatus.NOT_BOUND, ItemStatus.REFUSED),
}


@dataclass
class Part:
    """One item as it should stand."""

    status: ItemStatus = ItemStatus.QUEUED
    requeued: int = 0
    is_replayed: bool = False
    changes: list[ItemStatus] = field(default_factory=list)

    def become(self, status: ItemStatus) -> None:
        self.status = status
        self.changes.append(status)


@dataclass
class Ordered:
    """An order, and its items by platform."""

    order_id: UUID
    kind: OrderKind
    deadline: datetime
    is_own: bool
    is_held: bool
    parts: dict[str, Part]
    is_cancelled: bool = False
    is_undone: bool = False

    @property
    def is_final(self) -> bool:
        return all(part.status.is_final for part in self.parts.values())


def a_line(public_id: str, order: Ordered, status: ItemStatus) -> Line:
    """What a platform says of an item: always the same words for one status."""
    line: Line = {"id": public_id, "outcome": status.value}
    bound: Line = {"last_bound_at": SINCE if order.is_own else BEFORE}
    match status:
        case ItemStatus.BOUND:
            line |= {"bindings": 1, **bound}
        case ItemStatus.UNBOUND:
            until = show_instant(NOON + timedelta(days=60))
            line |= {"removed": 1, "restorable_until": until, **bound}
        case ItemStatus.PARTLY_UNBOUND:
            line |= {"removed": 1, "kept": 1, "reason": "legal_hold", **bound}
        case ItemStatus.REFUSED:
            line |= {"reason": "legal_hold"}
        case ItemStatus.ACTION_REQUIRED:
            line |= {"action": "confirm_in_app"}
        case _:
            pass
    return line


@dataclass
class Model:
    orders: dict[str, Ordered] = field(default_factory=dict)
    reported: set[tuple[str, str]] = field(default_factory=set)
    """Platform and item of every line that was applied."""

    def part(self, slug: str, public_id: str) -> Part | None:
        order = self.orders.get(public_id)
        return None if order is None else order.parts.get(slug)

    def waits(self, slug: str, public_id: str) -> bool:
        """Tell whether an item may be sent now."""
        part = self.part(slug, public_id)
        if part is None or self.orders[public_id].is_held:
            return False
        replayed = part.is_replayed and not part.status.is_final
        return part.status is ItemStatus.QUEUED or replayed

    def occasion(self, slug: str, public_id: str) -> int:
        part = self.part(slug, public_id)
        return 0 if part is None else part.requeued

    def take(self, slug: str, ids: Iterable[str]) -> None:
        """Note what a recorded 2xx means."""
        for one in ids:
            part = self.part(slug, one)
            if part is not None and part.status is ItemStatus.QUEUED:
                part.become(ItemStatus.ACKNOWLEDGED)

    def refuse(self, slug: str, public_id: str) -> None:
        """Note that an item was refused alone, and that this was recorded."""
        part = self.part(slug, public_id)
        if part is not None and part.status is ItemStatus.QUEUED:
            part.become(ItemStatus.UNDELIVERABLE)

    def apply(self, slug: str, line: Line) -> LineStatus:
        """Note a line of results, and say what it must be answered."""
        order, part = self.orders[line["id"]], self.part(slug, line["id"])
        if part is None or order.is_held:
            return LineStatus.UNKNOWN
        status = next(one for one in ItemStatus if one.value == line["outcome"])
        answer = _answer(part, status, amend=bool(line.get("amend")))
        if answer is LineStatus.RECORDED:
            part.become(status)
            self.reported.add((slug, line["id"]))
        return answer

    def may_be_requeued(self, slug: str, public_id: str, now: datetime) -> bool | None:
        """Tell whether an item may be sent again; None: that is not foreseen here."""
        order, part = self.orders[public_id], self.part(slug, public_id)
        if part is None or part.status is not ItemStatus.UNDELIVERABLE:
            return False
        if order.deadline <= now or order.is_cancelled:
            return False
        return None if order.is_undone else True

    def requeue(self, slug: str, public_id: str) -> None:
        part = self.orders[public_id].parts[slug]
        part.requeued += 1
        part.become(ItemStatus.QUEUED)

    def replay(self, slug: str) -> None:
        """Let whatever a platform has not finished be sent to it again."""
        for order in self.orders.values():
            if slug in order.parts and not order.parts[slug].status.is_final:
                order.parts[slug].is_replayed = True

    def cancel(self, public_id: str) -> None:
        order = self.orders[public_id]
        order.is_cancelled, order.is_held = True, False
        for part in order.parts.values():
            if not part.status.is_final:
                part.become(ItemStatus.CANCELLED)

    def expire(self, now: datetime) -> None:
        for order in self.orders.values():
            if order.deadline > now:
                continue
            order.is_held = False
            for part in order.parts.values():
                if part.status is ItemStatus.QUEUED:
                    part.become(ItemStatus.UNDELIVERABLE)
                elif not part.status.is_final:
                    part.become(ItemStatus.EXPIRED)


def _answer(part: Part, status: ItemStatus, *, amend: bool) -> LineStatus:
    stands = part.status
    if status is ItemStatus.ACKNOWLEDGED:
        fresh = stands is ItemStatus.QUEUED
        return LineStatus.RECORDED if fresh else LineStatus.DUPLICATE
    if status in INTERIMS and stands.is_final:
        return LineStatus.CONFLICT
    if stands is status:
        return LineStatus.DUPLICATE
    if not stands.is_final or stands in ENDED_BY_US or amend:
        return LineStatus.RECORDED
    return LineStatus.CONFLICT
