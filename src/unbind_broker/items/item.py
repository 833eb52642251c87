"""One platform's part of an order, as far as it can change."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from unbind_broker.items.states import HolderAction, ItemStatus, Reason


class ItemKey(NamedTuple):
    """Name one platform's part of one order."""

    order_id: UUID
    platform_id: int


def key_arrays(keys: Collection[ItemKey]) -> dict[str, object]:
    """Give keys as statements take them: ``:orders`` and ``:platforms``, in step."""
    return {
        "orders": [key.order_id for key in keys],
        "platforms": [key.platform_id for key in keys],
    }


class Item(NamedTuple):
    """What is known of an item. ``attempts`` is left to those who send."""

    key: ItemKey
    status: ItemStatus
    late: bool = False
    reason: Reason | None = None
    holder_action: HolderAction | None = None
    bindings: int | None = None
    removed: int | None = None
    kept: int | None = None
    acknowledged_at: datetime | None = None
    finished_at: datetime | None = None
    last_bound_at: datetime | None = None
    restorable_until: datetime | None = None
    expected_at: datetime | None = None
    cooling_off_until: datetime | None = None
    action_url: str | None = None
    detail: str | None = None
