"""Where an order and its parts stand, kept up to date by what changes."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from unbind_broker.items.item_views import ItemView, show_item
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.views import Sensitive
from unbind_broker.orders.states import OrderStatus

QUEUED = 0
_DIGEST_BITS = 19
ACKNOWLEDGED = ItemStatus.ACKNOWLEDGED.code << _DIGEST_BITS
_CODES = {status.value: status.code for status in ItemStatus}
_OVER = frozenset({OrderStatus.COMPLETED.value, OrderStatus.CANCELLED.value})


class OrderNow(NamedTuple):
    """An order as its carrier sees it, without its items; instants as they are shown.

    ``completed_at`` is when its carrier was told, or could have been.
    """

    status: str
    created_at: str
    held_until: str | None
    held_for: str | None
    deadline: str
    completed_at: str | None


@dataclass
class Course:
    """An order under way, as its carrier sees it.

    ``marks`` say in short what each item shows, in the order of the slugs; ``folded``
    says of each sensitive platform whether it has taken the request, or ended. Items
    are kept as they were read: thousands of orders may be watched at a time, and most
    of their items are never looked at again.
    """

    order_id: UUID
    now: OrderNow
    deadline: datetime
    marks: dict[str, int] = field(default_factory=dict)
    folded: dict[str, bool] = field(default_factory=dict)
    _read: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    _overdue: set[str] = field(default_factory=set)

    @property
    def is_over(self) -> bool:
        """Tell whether nothing more is to come, as far as its carrier may know."""
        return self.now.status in _OVER

    @property
    def is_overdue(self) -> bool:
        """Tell whether a platform that is shown did not answer in time."""
        return bool(self._overdue)

    @property
    def sensitive(self) -> Sensitive:
        """Count what is folded."""
        return Sensitive(total=len(self.folded), finished=sum(self.folded.values()))

    def item(self, slug: str) -> ItemView:
        """Show a platform's part."""
        return show_item(self.deadline, self._read[slug])

    def show(self, items: Iterable[Sequence[Any]]) -> bool:
        """Take over items, which are columns of ``ITEM_COLUMNS``; tell if any is new.

        One that was read before costs next to nothing.
        """
        shown = len(self.marks)
        changed = [one for one in map(tuple, items) if self._read.get(one[0]) != one]
        for columns in changed:
            slug = columns[0]
            item = show_item(self.deadline, columns)
            self._read[slug], self.marks[slug] = columns, mark_of(item)
            self.folded.pop(slug, None)
            (self._overdue.add if item["overdue"] else self._overdue.discard)(slug)
        if len(self.marks) > shown:
            self.marks = dict(sorted(self.marks.items()))
        return bool(changed)

    def fold(self, slug: str, *, finished: bool) -> bool:
        """Count a sensitive platform instead of showing it; tell if that is new."""
        if self.folded.get(slug) is finished:
            return False
        self.folded[slug] = finished
        for shown in (self.marks, self._read):
            shown.pop(slug, None)
        self._overdue.discard(slug)
        return True


def mark_of(item: ItemView) -> int:
    """Say in 24 bits what an item shows: its status, and a digest of the rest.

    How often it was sent is left out: that is no event.
    """
    code = _CODES[item["status"]]
    if code == ItemStatus.QUEUED.code:
        return QUEUED
    if code == ItemStatus.ACKNOWLEDGED.code:
        return ACKNOWLEDGED
    said = {**item, "attempts": 0}
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).digest()
    below = int.from_bytes(digest[:3], "big") >> (24 - _DIGEST_BITS)
    return code << _DIGEST_BITS | below
