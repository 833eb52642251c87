"""A query that its carrier asked a moment ago is not asked again.

The new one has an id, a consent and a reference of its own, but each of its items
follows the earlier one's, and has at once what that has, whatever it is. So do those of
sensitive platforms: here it does not depend on their answers whether they are joined,
and the new query shows of them what the earlier one shows. Both end at one deadline.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from unbind_broker.base.database import INT, INTS, UUIDS, Db, fetch_all, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import FIRST_INSTANT, OrderId, PlatformId
from unbind_broker.items.item import ItemKey
from unbind_broker.orders.order import Order
from unbind_broker.orders.states import OPEN, OrderKind, OrderStatus
from unbind_broker.platforms.receiving import RECEIVERS, RECEIVES, in_world_of


@dataclass(frozen=True)
class EarlierOrder:
    """Another order about the same number, as far as a repetition needs it.

    ``equal`` says that it is about the same bindings, and wants the same.
    """

    id: UUID
    kind: OrderKind
    status: OrderStatus
    carrier_id: int
    hidden: bool
    repeats: UUID | None
    created_at: datetime
    deadline: datetime
    deadline_provisional: bool
    bound_before: datetime
    told_at: datetime | None
    completed_at: datetime | None
    equal: bool

    @property
    def seen_open(self) -> bool:
        """Tell whether its carrier sees it as open."""
        return self.status in OPEN and self.told_at is None and not self.hidden

    @property
    def is_repetition(self) -> bool:
        """Tell whether it is a query that repeats another one."""
        return self.kind is OrderKind.QUERY and self.repeats is not None

    @property
    def is_cancelled(self) -> bool:
        """Tell whether its carrier sees it as cancelled, not as completed before."""
        return self.status is OrderStatus.CANCELLED and not (
            self.told_at is not None
            and self.completed_at is not None
            and self.told_at < self.completed_at
        )


@dataclass(frozen=True)
class Repeated:
    """The query that is repeated, and whose items the new one's follow."""

    query: EarlierOrder
    leaders: Sequence[ItemKey]

    def carried_over(self, order: Order) -> Order:
        """Let the new query have the interval and the deadline of the earlier one."""
        query = self.query
        return replace(
            order,
            query_id=OrderId(query.id),
            bound_before=query.bound_before,
            deadline=query.deadline,
            deadline_provisional=query.deadline_provisional,
        )


async def find_repeated(
    db: Db,
    order: Order,
    platforms: Sequence[PlatformId] | None,
    others: Sequence[EarlierOrder],
    validity: timedelta,
) -> Repeated | None:
    """Find the query that a new one repeats, and lock its items.

    The caller holds the number's lock.
    """
    query = choose_repeated(order, others, validity)
    if query is None:
        return None
    values = {
        "roots": [one.id for one in others if one.equal and one.repeats is None],
        "query": query.id,
        "carrier": order.carrier_id,
        "chosen": None if platforms is None else list(platforms),
    }
    rows = await fetch_all(db, _LOCK_WANTED, values)
    if not rows or any(row.leader is None for row in rows):
        return None
    return Repeated(query, [ItemKey(row.leader, row.platform_id) for row in rows])


def choose_repeated(
    order: Order, others: Sequence[EarlierOrder], validity: timedelta
) -> EarlierOrder | None:
    """Choose the newest equal query of the same carrier that is still valid. Pure.

    It is not after anything was asked to change at platforms. One that repeats another
    itself makes nothing younger. Nothing here may depend on what platforms answered.
    """
    if order.kind is not OrderKind.QUERY or order.recheck:
        return None
    own = [
        one for one in others if one.carrier_id == order.carrier_id and not one.hidden
    ]
    changes = (one.created_at for one in own if one.kind is not OrderKind.QUERY)
    since = max(changes, default=FIRST_INSTANT)
    valid = [
        one
        for one in own
        if one.equal
        and not one.is_repetition
        and one.created_at > since
        and order.created_at - one.created_at < validity
        and not one.is_cancelled
        and OrderStatus.HELD not in {one.status, order.status}
    ]
    return max(valid, key=lambda one: (one.created_at, one.id), default=None)


def earlier_order(row: Any) -> EarlierOrder:
    """Read a row whose columns are named like the fields, enums as codes."""
    values = dict(row._mapping)  # noqa: SLF001 - a row's documented way to its names
    return EarlierOrder(
        **{
            **values,
            "kind": OrderKind.from_code(row.kind),
            "status": OrderStatus.from_code(row.status),
        }
    )


# One row for each platform that would be asked now, with the locked item that leads
# there: the earlier query's, or the one that this follows. Without one the platform was
# not asked then. What was suspended since is left out, as from every new query.
_LOCK_WANTED = sql(
    f"""
    WITH locked AS (
        SELECT i.order_id, i.platform_id, i.follows
        FROM items i
        WHERE i.order_id = ANY(:roots) AND (i.order_id = :query OR i.followed)
        ORDER BY i.order_id, i.platform_id
        FOR NO KEY UPDATE
    )
    SELECT p.id AS platform_id, l.order_id AS leader
    FROM {RECEIVERS}
    LEFT JOIN locked own ON own.platform_id = p.id AND own.order_id = :query
    LEFT JOIN locked l ON l.platform_id = p.id
        AND l.order_id = coalesce(own.follows, own.order_id)
    WHERE {RECEIVES} AND {in_world_of(":carrier")}
        AND (p.id = ANY(:chosen) OR :chosen IS NULL)
    ORDER BY p.id""",  # noqa: S608 - only enum codes are put into the statement
    roots=UUIDS,
    query=UUID_TYPE,
    carrier=INT,
    chosen=INTS,
)
