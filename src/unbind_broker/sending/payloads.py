"""The bytes of every webhook. What is signed is what is sent."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from uuid import UUID

from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.base.instants import show_instant
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.endpoints.events import EventType
from unbind_broker.orders.states import Action, OrderKind, Scope


@dataclass(frozen=True)
class OutgoingItem:
    """An item as every platform gets it; the same for all of them.

    ``number`` is None where it was sealed by a key that this process does not have.
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

    @cached_property
    def public_id(self) -> str:
        """Give the id that platforms answer with."""
        query = self.kind is OrderKind.QUERY
        return format_id(Prefix.QUERY if query else Prefix.ORDER, self.order_id)

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
            }
        )


def item_payload(
    event: EventType, now: datetime, items: Sequence[OutgoingItem]
) -> bytes:
    """Write a request for items."""
    head = f'{{"type":"{event}","timestamp":"{show_instant(now)}","data":{{"items":['
    return head.encode() + b",".join(item.encoded for item in items) + b"]}}"


def verification_payload(now: datetime, challenge: str) -> bytes:
    """Write the challenge that an endpoint answers to be verified."""
    return _payload(EventType.ENDPOINT_VERIFICATION, now, {"challenge": challenge})


def test_payload(now: datetime) -> bytes:
    """Write a webhook that asks for nothing."""
    return _payload(EventType.ENDPOINT_TEST, now, {})


def _payload(event: EventType, now: datetime, data: Mapping[str, object]) -> bytes:
    return _encode({"type": event, "timestamp": show_instant(now), "data": data})


def _border(at: datetime) -> str:
    """Write an interval's border to the microsecond: it decides about bindings."""
    if not at.microsecond:
        return show_instant(at)
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"


def _encode(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
