"""What goes into one request."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from uuid import UUID

from unbind_broker.base.ids import Prefix, format_id
from unbind_broker.deliveries.queue import REQUEST_EVENTS
from unbind_broker.endpoints.events import NOTICES, EventType
from unbind_broker.orders.positions import Position
from unbind_broker.sending.payloads import Key, Outgoing

_FIRST = "first"


@dataclass(frozen=True, eq=False)
class Work:
    """One thing to send in a lane's hands: an item, that it was cancelled, a notice.

    ``attempt`` counts the steps of the retry plan that are used up. ``position`` is
    where the order log names it; None if it came from ``deliveries``. ``taken_at`` is
    the second of the monotonic clock at which it was read. ``occasion`` and ``replay``
    are those of its row in ``deliveries``. ``due_at`` is since when it might have gone.
    """

    content: Outgoing
    attempt: int
    position: Position | None
    taken_at: float
    occasion: UUID | None = None
    replay: bool = False
    due_at: datetime | None = None

    @property
    def key(self) -> Key:
        """Tell it apart from what else is in the lane's hands."""
        return self.content.key


@dataclass(frozen=True, eq=False)
class Batch:
    """What is sent, and if it fails sent again, together; of one occasion."""

    event: EventType
    works: Sequence[Work]

    @property
    def is_request(self) -> bool:
        """Tell whether platforms are asked for items: only that changes items."""
        return self.event in REQUEST_EVENTS

    @property
    def needs_open_items(self) -> bool:
        """Tell whether there is nothing to be said once its items are final."""
        return self.is_request or self.event is EventType.UNBIND_REMINDER

    @property
    def is_about_taken(self) -> bool:
        """Tell whether it is said though its items were taken."""
        return self.is_replay or not self.is_request

    @property
    def occasion(self) -> UUID | None:
        """Tell on which occasion it is sent; None on the first."""
        return self.works[0].occasion

    @property
    def is_replay(self) -> bool:
        """Tell whether it goes out because its receiver asked for it once more."""
        return self.works[0].replay

    @cached_property
    def keys(self) -> tuple[Key, ...]:
        """Tell its works apart from what else is in the lane's hands."""
        return tuple(work.key for work in self.works)

    @cached_property
    def subject_ids(self) -> tuple[UUID, ...]:
        """Give the orders, or the notice, that it is about."""
        return tuple(work.content.subject_id for work in self.works)


def webhook_id(
    event: EventType, subject_ids: Collection[UUID], occasion: UUID | None = None
) -> str:
    """Name a request: the same for the same items and occasion, on every retry.

    A notice has a name already, by which the carrier's feed shows it.
    """
    if event in NOTICES:
        (notice_id,) = subject_ids
        return format_id(Prefix.EVENT, notice_id)
    return f"msg_{digest(event, occasion, subject_ids).hex()}"


def digest(
    event: EventType, occasion: UUID | None, subject_ids: Collection[UUID]
) -> bytes:
    """Hash what a request is about, whatever the order of its items."""
    word = _FIRST if occasion is None else occasion.hex
    hashed = hashlib.sha256(f"{event}\n{word}\n".encode())
    for subject_id in sorted(subject_ids):
        hashed.update(subject_id.bytes)
    return hashed.digest()
