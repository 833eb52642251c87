# ruff: noqa: S608 - only enum codes are put into statements
"""One platform's part as the carrier of its order sees it.

``i`` is an item in these pieces of statements, ``p`` its platform.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NotRequired, TypedDict
from uuid import UUID

from unbind_broker.base.ids import FIRST_INSTANT
from unbind_broker.base.instants import show_instant, show_instant_or_null
from unbind_broker.items.states import HolderAction, ItemStatus, Reason
from unbind_broker.orders.states import OrderKind
from unbind_broker.orders.views import show_order_id

_NOT_IN_TIME = frozenset({ItemStatus.EXPIRED.code, ItemStatus.UNDELIVERABLE.code})


class ViolationView(TypedDict):
    """That the platform removed what was outside the interval, and how it is undone.

    ``restore_order_id`` is null where it is another carrier's order, or none.
    """

    raised_at: str
    restore_order_id: str | None


class ItemView(TypedDict):
    """One platform's part, ready for JSON.

    What a platform at work told besides is there only while it stands.
    """

    platform: str
    platform_name: str
    status: str
    reason: str | None
    detail: str | None
    attempts: int
    acknowledged_at: str | None
    finished_at: str | None
    bindings: int | None
    removed: int | None
    kept: int | None
    restorable_until: str | None
    action_url: str | None
    late: bool
    overdue: bool
    action: NotRequired[str]
    expected_at: NotRequired[str]
    cooling_off_until: NotRequired[str]
    violation: NotRequired[ViolationView]


def show_item(deadline: datetime, columns: Sequence[Any]) -> ItemView:
    """Show one platform's part, whose ``columns`` are those of ``ITEM_COLUMNS``."""
    item = _item(deadline, *columns[:_BESIDES])
    _add_work(item, *columns[_BESIDES:])
    return item


def show_new_items(platforms: Iterable[tuple[str, str]]) -> list[ItemView]:
    """Show items that were just made, by the slugs and names of their platforms."""
    shown: list[ItemView] = []
    for slug, name in platforms:
        item = _NEW.copy()
        item["platform"], item["platform_name"] = slug, name
        shown.append(item)
    return shown


# Codes are read as they are stored: an order has hundreds of items, and naming each
# column's type costs more than all the rest.
# `violations` and `undelivered` belong to packages above this one, so they are named in
# plain SQL.
_REMOVED = ", ".join(
    str(status.code)
    for status in (ItemStatus.UNBOUND, ItemStatus.PARTLY_UNBOUND, ItemStatus.CLOSED)
)
# A sensitive item that was requeued has ended before, and stays finished for its
# carrier. LIMIT keeps Postgres at looking its row up, and only where one is queued.
WAITS = f"i.status = {ItemStatus.QUEUED.code} AND once.ended IS NULL"
ENDED_ONCE = f"""
    LEFT JOIN LATERAL (
        SELECT true AS ended FROM undelivered u
        WHERE p.sensitive AND i.status = {ItemStatus.QUEUED.code}
            AND u.order_id = i.order_id AND u.platform_id = i.platform_id
        LIMIT 1
    ) once ON true"""
ITEM_COLUMNS = """
        p.slug, p.name_zh, i.status, i.reason, i.detail, i.attempts,
        i.acknowledged_at, i.finished_at, i.bindings, i.removed, i.kept,
        i.restorable_until, i.action_url, i.late,
        i.holder_action, i.expected_at, i.cooling_off_until,
        v.raised_at, v.restore_id"""


def violation_as_seen_by(carrier: str) -> str:
    """Join the last violation ``v`` of an item ``i``, as ``carrier`` may read it."""
    return f"""
    LEFT JOIN LATERAL (
        SELECT w.raised_at,
            CASE WHEN w.carrier_id = {carrier} THEN w.restore_id END AS restore_id
        FROM violations w
        WHERE i.status IN ({_REMOVED})
            AND w.order_id = coalesce(i.follows, i.order_id)
            AND w.platform_id = i.platform_id
        ORDER BY w.id DESC
        LIMIT 1
    ) v ON true"""


STATUS = 2
"""The place of the status among ``ITEM_COLUMNS``."""
_BESIDES = 14
STATUSES = {status.code: status for status in ItemStatus}
_REASONS: dict[int | None, str | None] = {None: None}
_REASONS.update((reason.code, reason.value) for reason in Reason)


def _item(  # noqa: PLR0913, PLR0917 - the columns of `ITEM_COLUMNS`, hundreds of times
    deadline: datetime,
    slug: str,
    name: str,
    status: int,
    reason: int | None,
    detail: str | None,
    attempts: int,
    acknowledged_at: datetime | None,
    finished_at: datetime | None,
    bindings: int | None,
    removed: int | None,
    kept: int | None,
    restorable_until: datetime | None,
    action_url: str | None,
    late: bool,  # noqa: FBT001 - a column
) -> ItemView:
    return ItemView(
        platform=slug,
        platform_name=name,
        status=STATUSES[status].value,
        reason=_REASONS[reason],
        detail=detail,
        attempts=attempts,
        acknowledged_at=show_instant_or_null(acknowledged_at),
        finished_at=show_instant_or_null(finished_at),
        bindings=bindings,
        removed=removed,
        kept=kept,
        restorable_until=show_instant_or_null(restorable_until),
        action_url=action_url,
        late=late,
        overdue=(late or status in _NOT_IN_TIME)
        and (finished_at is None or finished_at >= deadline),
    )


_NEW = _item(
    FIRST_INSTANT,
    slug="",
    name="",
    status=ItemStatus.QUEUED.code,
    reason=None,
    detail=None,
    attempts=0,
    acknowledged_at=None,
    finished_at=None,
    bindings=None,
    removed=None,
    kept=None,
    restorable_until=None,
    action_url=None,
    late=False,
)


def _add_work(
    item: ItemView,
    action: int | None,
    expected_at: datetime | None,
    cooling_off_until: datetime | None,
    violated_at: datetime | None,
    restore_id: UUID | None,
) -> None:
    """Add what the holder must do, when it will be done, and what went wrong."""
    if action is not None:
        item["action"] = HolderAction.from_code(action).value
    if expected_at is not None:
        item["expected_at"] = show_instant(expected_at)
    if cooling_off_until is not None:
        item["cooling_off_until"] = show_instant(cooling_off_until)
    if violated_at is not None:
        item["violation"] = ViolationView(
            raised_at=show_instant(violated_at),
            restore_order_id=None
            if restore_id is None
            else show_order_id(OrderKind.RESTORE, restore_id),
        )
