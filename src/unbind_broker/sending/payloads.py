"""The bytes of every webhook. What is signed is what is sent."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property
from typing import ClassVar
from uuid import UUID

from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.base.instants import show_instant, show_instant_or_null
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.base.tracing import TraceContext
from unbind_broker.deliveries.queue import TOLD_OF_ITEMS
from unbind_broker.endpoints.events import NOTICES, EventType
from unbind_broker.items.states import Reason
from unbind_broker.orders.states import Action, OrderKind, Scope
from unbind_broker.orders.views import show_order_id

Key = UUID | tuple[EventType, UUID]
"""What tells apart everything that may be on its way to one endpoint. A request is
known by its order, because an order has one kind; what else is said of an order is
known by its type too."""


def key_of(event: EventType, subject_id: UUID) -> Key:
    """Tell what a webhook is about apart from what else goes to the same endpoint."""
    return (event, subject_id) if event in TOLD_OF_ITEMS else subject_id


@dataclass(frozen=True)
class OutgoingItem:
    """An item as platforms get it; the same for all of them, but for ``known_as``.

    ``number`` is None where it, or the attestation that must go with it, was sealed by
    a key that this process does not have. ``restores`` names what is undone, an order
    or, with ``of_clearance``, a clearance; ``known_as`` names the order for platforms
    that know it as another one, which it joined. ``starts_at`` is when it could be sent
    at the earliest, if that is known, ``trace`` what placed the order.
    """

    order_id: UUID
    kind: OrderKind
    number: PhoneNumber | None
    scope: Scope
    action: Action | None
    owner_since: date
    bound_from: datetime | None
    bound_before: datetime
    carrier: str
    created_at: datetime
    deadline: datetime
    attestation: str | None = field(default=None, repr=False)
    restores: UUID | None = None
    of_clearance: bool = False
    starts_at: datetime | None = field(default=None, compare=False)
    trace: TraceContext | None = field(default=None, compare=False)
    known_as: Mapping[int, UUID] = field(default_factory=dict, compare=False)

    def to_platform(self, platform_id: int) -> "OutgoingItem":
        """Give the item as this platform gets it."""
        known = self.known_as.get(platform_id)
        return self if known is None else replace(self, restores=known, known_as={})

    @property
    def subject_id(self) -> UUID:
        """Give the id by which requests and their repetitions name it."""
        return self.order_id

    @property
    def key(self) -> Key:
        """Tell it apart from what else goes to the same endpoint."""
        return self.order_id

    @property
    def is_readable(self) -> bool:
        """Tell whether it can be sent by this process."""
        return self.number is not None

    @cached_property
    def public_id(self) -> str:
        """Give the id that platforms answer with."""
        return show_order_id(self.kind, self.order_id)

    @property
    def _undone(self) -> dict[str, object]:
        """Name what is undone, in restore orders only."""
        if self.restores is None:
            return {}
        prefix = Prefix.CLEARANCE if self.of_clearance else Prefix.ORDER
        return {"restores": format_id(prefix, self.restores)}

    @cached_property
    def encoded(self) -> bytes:
        """Write the item once for all platforms. It holds the whole number."""
        if self.number is None:
            raise ValueError(f"the number of {self.public_id} cannot be read")
        return _encode(
            {
                "id": self.public_id,
                "number": self.number.e164,
                "scope": self.scope,
                "action": self.action,
                "owner_since": self.owner_since.isoformat(),
                "bound_from": None
                if self.bound_from is None
                else _border(self.bound_from),
                "bound_before": _border(self.bound_before),
                "carrier": self.carrier,
                "created_at": show_instant(self.created_at),
                "deadline": show_instant(self.deadline),
                "attestation": self.attestation,
                **self._undone,
            }
        )


@dataclass(frozen=True)
class OutgoingCancel:
    """That an item was called back, as its platform is told.

    ``reason`` is None where a result that came in late has replaced it. It is repeated
    until ``deadline``.
    """

    order_id: UUID
    kind: OrderKind
    reason: Reason | None
    cancelled_at: datetime
    deadline: datetime
    trace: TraceContext | None = None

    is_readable: ClassVar[bool] = True

    @property
    def subject_id(self) -> UUID:
        """Give the id by which requests and their repetitions name it."""
        return self.order_id

    @property
    def key(self) -> Key:
        """Tell it apart from the request that it calls back."""
        return key_of(EventType.UNBIND_CANCELLED, self.order_id)

    @cached_property
    def encoded(self) -> bytes:
        """Write it; it holds no number."""
        return _encode(
            {
                "id": show_order_id(self.kind, self.order_id),
                "reason": self.reason,
                "cancelled_at": show_instant(self.cancelled_at),
            }
        )


@dataclass(frozen=True)
class OutgoingReminder:
    """That a platform owes the result of an item which it has taken.

    It is repeated until ``deadline``, which is the order's own.
    """

    order_id: UUID
    kind: OrderKind
    acknowledged_at: datetime | None
    deadline: datetime
    trace: TraceContext | None = None

    is_readable: ClassVar[bool] = True

    @property
    def subject_id(self) -> UUID:
        """Give the id by which requests and their repetitions name it."""
        return self.order_id

    @property
    def key(self) -> Key:
        """Tell it apart from the request that it reminds of."""
        return key_of(EventType.UNBIND_REMINDER, self.order_id)

    @cached_property
    def encoded(self) -> bytes:
        """Write it; it holds no number."""
        return _encode(
            {
                "id": show_order_id(self.kind, self.order_id),
                "acknowledged_at": show_instant_or_null(self.acknowledged_at),
                "deadline": show_instant(self.deadline),
            }
        )


@dataclass(frozen=True)
class OutgoingNotice:
    """What a carrier is told, as the bytes ``data`` that were stored when it happened.

    Platforms are told of waves of clearances like this too.

    It is repeated until ``deadline``.
    """

    notice_id: UUID
    event: EventType
    at: datetime
    data: bytes = field(repr=False)
    deadline: datetime

    is_readable: ClassVar[bool] = True
    trace: ClassVar[TraceContext | None] = None

    @property
    def subject_id(self) -> UUID:
        """Give the id by which requests and their repetitions name it."""
        return self.notice_id

    @property
    def key(self) -> Key:
        """Tell it apart from what else goes to the same endpoint."""
        return self.notice_id


Outgoing = OutgoingItem | OutgoingCancel | OutgoingReminder | OutgoingNotice
"""Everything that a worker sends by itself."""


def most_together(event: EventType, max_batch: int) -> int:
    """Say how many go into one request: notices, and waves, go one by one."""
    alone = event in NOTICES or event is EventType.CLEARANCE_PUBLISHED
    return 1 if alone else max_batch


def payload(event: EventType, now: datetime, contents: Sequence[Outgoing]) -> bytes:
    """Write a request. A notice tells when it happened, all others when they go out."""
    encoded = []
    for content in contents:
        if isinstance(content, OutgoingNotice):
            return _notice_payload(content)
        encoded.append(content.encoded)
    return _head(event, now) + b'{"items":[' + b",".join(encoded) + b"]}}"


def verification_payload(now: datetime, challenge: str) -> bytes:
    """Write the challenge that an endpoint answers to be verified."""
    return _payload(EventType.ENDPOINT_VERIFICATION, now, {"challenge": challenge})


def test_payload(now: datetime) -> bytes:
    """Write a webhook that asks for nothing."""
    return _payload(EventType.ENDPOINT_TEST, now, {})


def _notice_payload(notice: OutgoingNotice) -> bytes:
    return _head(notice.event, notice.at) + notice.data + b"}"


def _head(event: EventType, at: datetime) -> bytes:
    return f'{{"type":"{event}","timestamp":"{show_instant(at)}","data":'.encode()


def _payload(event: EventType, now: datetime, data: Mapping[str, object]) -> bytes:
    return _encode({"type": event, "timestamp": show_instant(now), "data": data})


def _border(at: datetime) -> str:
    """Write an interval's border to the microsecond: it decides about bindings."""
    if not at.microsecond:
        return show_instant(at)
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"


def _encode(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
