"""One line of a platform's report, read."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from unbind_broker.base.ids import Prefix
from unbind_broker.items.states import HolderAction, ItemStatus, Reason


class Report(NamedTuple):
    """What a platform says of one item."""

    id: str
    prefix: Prefix
    order_id: UUID
    outcome: ItemStatus
    reason: Reason | None = None
    detail: str | None = None
    bindings: int | None = None
    removed: int | None = None
    kept: int | None = None
    last_bound_at: datetime | None = None
    restorable_until: datetime | None = None
    expected_at: datetime | None = None
    cooling_off_until: datetime | None = None
    action: HolderAction | None = None
    action_url: str | None = None
    amend: bool = False


@dataclass(frozen=True)
class UnknownId:
    """A line about something that was never asked of anyone."""

    id: str


@dataclass(frozen=True)
class Unreadable:
    """A line that cannot be judged; ``code`` and ``detail`` say why."""

    id: str | None
    code: str
    detail: str
