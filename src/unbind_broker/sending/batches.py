"""What goes into one request."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from unbind_broker.endpoints.events import EventType
from unbind_broker.sending.payloads import OutgoingItem
from unbind_broker.sending.positions import Position

FIRST = "first"
"""The occasion on which an item is asked for; a requeue would be another one."""


@dataclass(frozen=True, eq=False)
class Work:
    """One item in a lane's hands.

    ``attempt`` counts the steps of the retry plan that are used up. ``position`` is
    where the order log names it; None if it came from ``deliveries``. ``taken_at`` is
    the second of the monotonic clock at which it was read.
    """

    item: OutgoingItem
    attempt: int
    position: Position | None
    taken_at: float

    @property
    def order_id(self) -> UUID:
        """Give the order whose item it is."""
        return self.item.order_id


@dataclass(frozen=True, eq=False)
class Batch:
    """Items that are sent, and if they fail sent again, together."""

    event: EventType
    works: Sequence[Work]

    @property
    def order_ids(self) -> tuple[UUID, ...]:
        """Give the orders whose items are in it."""
        return tuple(work.order_id for work in self.works)


def webhook_id(
    event: EventType, order_ids: Collection[UUID], occasion: str = FIRST
) -> str:
    """Name a request: the same for the same items and occasion, on every retry."""
    return f"msg_{digest(event, occasion, order_ids).hex()}"


def digest(event: EventType, occasion: str, order_ids: Collection[UUID]) -> bytes:
    """Hash what a request is about, whatever the order of its items."""
    hashed = hashlib.sha256(f"{event}\n{occasion}\n".encode())
    for order_id in sorted(order_ids):
        hashed.update(order_id.bytes)
    return hashed.digest()
