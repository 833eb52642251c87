# ruff: noqa: S608 - only enum codes are put into statements
"""An order as its carrier sees it: platforms one by one, sensitive ones only counted.

A present holder must not learn with which sensitive services a former holder dealt. So
in scope ``previous_owner`` those platforms are no items and are in no summary; all that
is told of them is how many were asked and how many are finished. They count as finished
as soon as they have taken the request or it has ended, because when and how they answer
would tell whether there was a binding.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import TypedDict
from uuid import UUID

from unbind_broker.base.database import INT, UUIDS, Db, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import CarrierId
from unbind_broker.base.numbers import PhoneNumber
from unbind_broker.base.sealing import Sealer
from unbind_broker.items.adding import NewItem
from unbind_broker.items.item_views import (
    ENDED_ONCE,
    ITEM_COLUMNS,
    STATUS,
    STATUSES,
    WAITS,
    ItemView,
    show_item,
    show_new_items,
    violation_as_seen_by,
)
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.order import Order
from unbind_broker.orders.states import Scope
from unbind_broker.orders.views import (
    OrderFilter,
    OrderHead,
    ReadOrder,
    head_of,
    list_heads,
    read_head,
)


class Sensitive(TypedDict):
    """How many sensitive platforms were asked, and how many have taken it or ended."""

    total: int
    finished: int


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
        counts[columns[STATUS], sensitive, waits] += 1
        if not (sensitive and folds):
            shown.append(show_item(order.deadline, columns))
    summed = _summed(order, [(*key, items) for key, items in counts.items()])
    return OrderView(**summed, items=shown)


def show_new(
    order: Order, carrier_slug: str, number: PhoneNumber, items: Sequence[NewItem]
) -> OrderView:
    """Show what ``read_order`` would read of an order that was just written down."""
    head = head_of(order, carrier_slug, number)
    folds = _folds(head)
    told = [(one.slug, one.name_zh) for one in items if not (one.sensitive and folds)]
    counts = Counter(one.sensitive for one in items)
    queued = ItemStatus.QUEUED.code
    summed = [(queued, sensitive, True, many) for sensitive, many in counts.items()]
    return OrderView(**_summed(head, summed), items=show_new_items(told))


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


_ITEMS = sql(
    f"""
    SELECT p.sensitive, {WAITS} AS waits, {ITEM_COLUMNS}
    FROM items i
    JOIN platforms p ON p.id = i.platform_id
    {ENDED_ONCE}
    {violation_as_seen_by(":carrier")}
    WHERE i.order_id = :order
    ORDER BY p.slug""",
    order=UUID_TYPE,
    carrier=INT,
)
_COUNTS = sql(
    f"""
    SELECT i.order_id, i.status, p.sensitive,
        {WAITS} AS waits, count(*)
    FROM items i
    JOIN platforms p ON p.id = i.platform_id
    {ENDED_ONCE}
    WHERE i.order_id = ANY(:orders)
    GROUP BY i.order_id, i.status, p.sensitive, waits""",
    orders=UUIDS,
)


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
        status.value: named[code] for code, status in STATUSES.items() if named[code]
    }
    return Sums(summary={"total": named.total(), **present}, sensitive=folded)
