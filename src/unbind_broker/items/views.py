# ruff: noqa: S608 - only enum codes are put into statements
"""An order as its carrier sees it: platforms one by one, sensitive ones only counted.

A present holder must not learn with which sensitive services a former holder dealt. So
in scope ``previous_owner`` those platforms are no items and are in no summary; all that
is told of them is how many were asked and how many are finished. They count as finished
as soon as they have taken the request or it has ended, because when and how they answer
would tell whether there was a binding.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NotRequired, TypedDict
from uuid import UUID

from unbind_broker.base.database import INT, UUIDS, Db, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import CarrierId
from unbind_broker.base.instants import show_instant, show_instant_or_null
from unbind_broker.base.sealing import Sealer
from unbind_broker.items.states import HolderAction, ItemStatus, Reason
from unbind_broker.orders.states import OrderKind, Scope
from unbind_broker.orders.views import (
    OrderFilter,
    OrderHead,
    ReadOrder,
    list_heads,
    read_head,
    show_order_id,
)

_NOT_IN_TIME = frozenset({ItemStatus.EXPIRED.code, ItemStatus.UNDELIVERABLE.code})


class Sensitive(TypedDict):
    """How many sensitive platforms were asked, and how many have taken it or ended."""

    total: int
    finished: int


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


class ListedOrder(OrderHead):
    """An order as lists show it, ready for JSON: without its items."""

    summary: dict[str, int]
    sensitive: Sensitive


class OrderView(ListedOrder):
    """An order, ready for JSON."""

    items: list[ItemView]


async def read_order(
    db: Db, carrier_id: CarrierId, order_id: UUID, sealer: Sealer
) -> OrderView | None:
    """Read one order of a carrier; None if it is not its own, or not there."""
    order = await read_head(db, carrier_id, order_id, sealer)
    if order is None:
        return None
    values = {"order": order_id, "carrier": carrier_id}
    rows = (await db.execute(_ITEMS, values)).all()
    counts: Counter[tuple[int, bool, bool]] = Counter()
    shown: list[ItemView] = []
    folds = _folds(order)
    for sensitive, waits, *columns in rows:
        counts[columns[_STATUS], sensitive, waits] += 1
        if not (sensitive and folds):
            shown.append(_item(order.deadline, *columns[:_BESIDES]))
            _add_work(shown[-1], *columns[_BESIDES:])
    summed = _summed(order, [(*key, items) for key, items in counts.items()])
    return OrderView(**summed, items=shown)


async def list_orders(
    db: Db,
    carrier_id: CarrierId,
    chosen: OrderFilter,
    page: tuple[UUID | None, int],
    sealer: Sealer,
) -> list[tuple[UUID, ListedOrder]]:
    """Read orders of a carrier, newest first, without their items."""
    found = await list_heads(db, carrier_id, chosen, page, sealer)
    counts = await count_items(db, [order.id for order in found])
    return [(order.id, _summed(order, counts[order.id])) for order in found]


async def count_items(
    db: Db, order_ids: Collection[UUID]
) -> defaultdict[UUID, list["ItemCount"]]:
    """Count the items of each order by what matters to its carrier."""
    rows = await db.execute(_COUNTS, {"orders": list(order_ids)})
    counts: defaultdict[UUID, list[ItemCount]] = defaultdict(list)
    for order_id, *count in rows:
        counts[order_id].append((count[0], count[1], count[2], count[3]))
    return counts


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
_WAITS = f"i.status = {ItemStatus.QUEUED.code} AND once.ended IS NULL"
_ENDED_ONCE = f"""
    LEFT JOIN LATERAL (
        SELECT true AS ended FROM undelivered u
        WHERE p.sensitive AND i.status = {ItemStatus.QUEUED.code}
            AND u.order_id = i.order_id AND u.platform_id = i.platform_id
        LIMIT 1
    ) once ON true"""
_ITEMS = sql(
    f"""
    SELECT p.sensitive, {_WAITS} AS waits,
        p.slug, p.name_zh, i.status, i.reason, i.detail, i.attempts,
        i.acknowledged_at, i.finished_at, i.bindings, i.removed, i.kept,
        i.restorable_until, i.action_url, i.late,
        i.holder_action, i.expected_at, i.cooling_off_until,
        v.raised_at, v.restore_id
    FROM items i
    JOIN platforms p ON p.id = i.platform_id
    {_ENDED_ONCE}
    LEFT JOIN LATERAL (
        SELECT w.raised_at,
            CASE WHEN w.carrier_id = :carrier THEN w.restore_id END AS restore_id
        FROM violations w
        WHERE i.status IN ({_REMOVED})
            AND w.order_id = coalesce(i.follows, i.order_id)
            AND w.platform_id = i.platform_id
        ORDER BY w.id DESC
        LIMIT 1
    ) v ON true
    WHERE i.order_id = :order
    ORDER BY p.slug""",
    order=UUID_TYPE,
    carrier=INT,
)
_STATUS = 2
_BESIDES = 14
_COUNTS = sql(
    f"""
    SELECT i.order_id, i.status, p.sensitive,
        {_WAITS} AS waits, count(*)
    FROM items i
    JOIN platforms p ON p.id = i.platform_id
    {_ENDED_ONCE}
    WHERE i.order_id = ANY(:orders)
    GROUP BY i.order_id, i.status, p.sensitive, waits""",
    orders=UUIDS,
)
_STATUSES = {status.code: status for status in ItemStatus}
_REASONS: dict[int | None, str | None] = {None: None}
_REASONS.update((reason.code, reason.value) for reason in Reason)


def _folds(order: ReadOrder) -> bool:
    return order.scope is Scope.PREVIOUS_OWNER


ItemCount = tuple[int, bool, bool, int]
"""A status, whether its platforms are sensitive, whether they are waited for, items."""


def _summed(order: ReadOrder, counts: Iterable[ItemCount]) -> ListedOrder:
    return ListedOrder(**order.head, **sum_up(counts, folds=_folds(order)))


class Sums(TypedDict):
    """How many items of an order stand where."""

    summary: dict[str, int]
    sensitive: Sensitive


def sum_up(counts: Iterable[ItemCount], *, folds: bool) -> Sums:
    """Add up how many items of each kind are in which status.

    ``folds`` says that sensitive platforms are not told apart: scope
    ``previous_owner``.
    """
    named: Counter[int] = Counter()
    folded = Sensitive(total=0, finished=0)
    for code, sensitive, waits, count in counts:
        if sensitive and folds:
            folded["total"] += count
            folded["finished"] += count * (not waits)
        else:
            named[code] += count
    present = {
        status.value: named[code] for code, status in _STATUSES.items() if named[code]
    }
    return Sums(summary={"total": named.total(), **present}, sensitive=folded)


def _item(  # noqa: PLR0913, PLR0917 - the columns of `_ITEMS`, hundreds of times
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
        status=_STATUSES[status].value,
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
