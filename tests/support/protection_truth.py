"""What is really so: who holds each number, who bound what, who removed it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from tests.support.clock import NOON
from unbind_broker.base.instants import show_instant
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.orders.states import OrderKind
from unbind_broker.orders.views import show_order_id
from unbind_broker.sending.payloads import OutgoingItem

SHANGHAI = ZoneInfo("Asia/Shanghai")
TODAY = NOON.astimezone(SHANGHAI).date()
NUMBERS = (PhoneNumber("+8613800001234"), PhoneNumber("+8613800004321"))
PUSHED = ("weibo", "zhihu")
SENSITIVE, PULLED = "jiayuan", "tieba"
ALL = (*PUSHED, SENSITIVE, PULLED)
FORMER, PRESENT = TODAY - timedelta(days=400), TODAY - timedelta(days=60)
DAYS = (
    FORMER,
    FORMER + timedelta(days=1),
    PRESENT - timedelta(days=1),
    PRESENT,
    PRESENT + timedelta(days=1),
    TODAY - timedelta(days=10),
    TODAY,
)
"""Right and wrong beginnings; of each number the holders began on ``FORMER`` and on
``PRESENT``, as long as nobody new comes."""


def day_of(at: datetime) -> date:
    return at.astimezone(SHANGHAI).date()


def midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, SHANGHAI).astimezone(UTC)


@dataclass(eq=False)
class Binding:
    """A number at an account, made by whoever held the number then."""

    number: PhoneNumber
    bound_at: datetime
    holder_since: date
    attached: bool = True


@dataclass(eq=False)
class Request:
    """What a platform was sent, and what it means to say of it.

    ``said`` is its last final line; ``removed`` what it detached for it; ``wrongly``
    that it did not keep to the interval.
    """

    order_id: UUID
    kind: OrderKind
    number: PhoneNumber
    bound_from: datetime | None
    bound_before: datetime
    restores: UUID | None
    said: dict[str, Any] | None = None
    removed: list[Binding] = field(default_factory=list)
    wrongly: bool = False

    @property
    def public_id(self) -> str:
        return show_order_id(self.kind, self.order_id)

    def covers(self, at: datetime) -> bool:
        begun = self.bound_from is None or at >= self.bound_from
        return begun and at < self.bound_before


@dataclass(frozen=True)
class Removal:
    """A removal that the broker recorded, as far as it is true."""

    last_bound_at: datetime
    bindings: tuple[Binding, ...]
    wrongly: bool
    present_since: date


@dataclass
class Truth:
    """The numbers' holders, and for each platform its bindings and requests."""

    holders: dict[PhoneNumber, list[date]] = field(
        default_factory=lambda: {one: [FORMER, PRESENT] for one in NUMBERS}
    )
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    requests: dict[str, dict[UUID, Request]] = field(default_factory=dict)
    removals: dict[tuple[str, UUID], Removal] = field(default_factory=dict)

    def settle_in(self, platform: str) -> None:
        """Give a platform accounts on both sides of every border, to the second."""
        self.requests[platform] = {}
        self.bindings[platform] = [
            Binding(number, at, since)
            for number in NUMBERS
            for since, at in (
                (FORMER, midnight(FORMER)),
                (FORMER, midnight(PRESENT) - timedelta(seconds=1)),
                (PRESENT, midnight(PRESENT)),
                (PRESENT, midnight(TODAY)),
            )
        ]

    def bind(self, platform: str, number: PhoneNumber, at: datetime) -> None:
        since = self.holders[number][-1]
        self.bindings[platform].append(Binding(number, at, since))

    def move_in(self, number: PhoneNumber, day: date) -> None:
        """Let somebody new hold the number from that day on."""
        if day > self.holders[number][-1]:
            self.holders[number].append(day)

    def arrive(self, platform: str, item: OutgoingItem) -> Request:
        """Let a platform know what it is asked; it may know it already."""
        assert item.number is not None
        request = Request(
            item.order_id,
            item.kind,
            item.number,
            item.bound_from,
            item.bound_before,
            item.restores,
        )
        return self.requests[platform].setdefault(item.order_id, request)

    def act(self, platform: str, request: Request, how: str) -> dict[str, Any]:
        """Let a platform do what it was asked, and say so.

        ``how``: ``rightly``, ``partly``, ``wrongly`` (beyond the interval), or the
        reason of a refusal.
        """
        line = {"id": request.public_id, **self._outcome(platform, request, how)}
        request.said = line
        return line

    def _outcome(self, platform: str, request: Request, how: str) -> dict[str, Any]:
        if how not in {"rightly", "partly", "wrongly"}:
            return {"outcome": "refused", "reason": how}
        if request.kind is OrderKind.RESTORE:
            return self._reattach(platform, request)
        own = [
            one
            for one in self.bindings[platform]
            if one.number == request.number and one.attached
        ]
        inside = [one for one in own if request.covers(one.bound_at)]
        if request.kind is OrderKind.QUERY:
            return _found(own if how == "wrongly" else inside)
        return self._remove(request, own, inside, how)

    def _remove(
        self,
        request: Request,
        own: Sequence[Binding],
        inside: Sequence[Binding],
        how: str,
    ) -> dict[str, Any]:
        chosen = list(own if how == "wrongly" else inside)
        kept = 0
        if how == "partly" and len(chosen) > 1:
            chosen, kept = chosen[:1], len(chosen) - 1
        if not chosen:
            return {"outcome": "not_bound"}
        for one in chosen:
            one.attached = False
        request.removed, request.wrongly = chosen, how == "wrongly"
        line = {
            "outcome": "partly_unbound" if kept else "unbound",
            "removed": len(chosen),
            "last_bound_at": show_instant(max(one.bound_at for one in chosen)),
            "restorable_until": show_instant(NOON + timedelta(days=30)),
        }
        return {**line, "kept": kept, "reason": "legal_hold"} if kept else line

    def _reattach(self, platform: str, request: Request) -> dict[str, Any]:
        undone = request.restores and self.requests[platform].get(request.restores)
        if not undone or not undone.removed:
            return {"outcome": "not_bound"}
        for one in undone.removed:
            one.attached = True
        return {"outcome": "restored"}

    def recorded(self, platform: str, line: Mapping[str, Any], order_id: UUID) -> None:
        """Remember that the broker took a final line as it stands."""
        request = self.requests[platform].get(order_id)
        key = (platform, order_id)
        self.removals.pop(key, None)
        if request is None or line != request.said or "removed" not in line:
            return
        self.removals[key] = Removal(
            datetime.fromisoformat(line["last_bound_at"]),
            tuple(request.removed),
            request.wrongly,
            self.holders[request.number][-1],
        )


def _found(bindings: Sequence[Binding]) -> dict[str, Any]:
    if not bindings:
        return {"outcome": "not_bound"}
    last = max(one.bound_at for one in bindings)
    return {
        "outcome": "bound",
        "bindings": len(bindings),
        "last_bound_at": show_instant(last),
    }
