"""Where an order and its parts stand, kept up to date by what changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from unbind_broker.items.item_views import ItemView
from unbind_broker.items.views import Sensitive
from unbind_broker.orders.states import OrderStatus

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

    ``items`` are in the order of the slugs, ``marks`` say in short what each shows;
    ``folded`` says of each sensitive platform whether it has taken the request, or
    ended.
    """

    order_id: UUID
    now: OrderNow
    items: dict[str, ItemView] = field(default_factory=dict)
    marks: dict[str, int] = field(default_factory=dict)
    folded: dict[str, bool] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        """Tell whether nothing more is to come, as far as its carrier may know."""
        return self.now.status in _OVER

    @property
    def is_overdue(self) -> bool:
        """Tell whether a platform that is shown did not answer in time."""
        return any(item["overdue"] for item in self.items.values())

    @property
    def sensitive(self) -> Sensitive:
        """Count what is folded."""
        return Sensitive(total=len(self.folded), finished=sum(self.folded.values()))

    def show(self, items: Mapping[str, tuple[ItemView, int]]) -> None:
        """Take over items as they are shown now, with their marks."""
        new = items.keys() - self.items.keys()
        for slug, (item, mark) in items.items():
            self.items[slug], self.marks[slug] = item, mark
            self.folded.pop(slug, None)
        if new:
            self.items = dict(sorted(self.items.items()))

    def fold(self, slug: str, *, finished: bool) -> None:
        """Count a sensitive platform instead of showing it."""
        self.items.pop(slug, None)
        self.folded[slug] = finished
