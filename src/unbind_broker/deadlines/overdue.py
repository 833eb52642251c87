# ruff: noqa: S608 - only enum codes are put into the statement
"""Tell carriers which platforms let an order's deadline pass."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from unbind_broker.base.database import INTS, UUIDS, Db, fetch_all, sql
from unbind_broker.base.instants import show_instant
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.item import ItemKey, key_arrays
from unbind_broker.notices.telling import News, tell_all
from unbind_broker.orders.states import OrderKind, Scope
from unbind_broker.orders.views import show_order_id


async def tell_overdue(db: Db, now: datetime, ended: Collection[ItemKey]) -> None:
    """Tell the carriers of these items, which their deadline has just ended.

    One notice for each order, in which folded items do not count: whether they were
    answered is not told. Queries are left out, whose minutes pass for somebody nearly
    every time; their end is told in the next moment.
    """
    if ended:
        rows = await fetch_all(db, _OVERDUE, key_arrays(ended))
        await tell_all(db, now, [_news(row) for row in rows])


def _news(row: Any) -> News:
    data = {
        "order_id": show_order_id(OrderKind.from_code(row.kind), row.id),
        "reference": row.reference,
        "deadline": show_instant(row.deadline),
        "platforms": row.platforms,
    }
    return News(row.carrier_id, EventType.ORDER_OVERDUE, row.id, data)


_OVERDUE = sql(
    f"""
    SELECT o.id, o.carrier_id, o.kind, o.reference, o.deadline,
        array_agg(p.slug ORDER BY p.slug) AS platforms
    FROM unnest(:orders, :platforms) AS n (order_id, platform_id)
    JOIN orders o ON o.id = n.order_id
    JOIN platforms p ON p.id = n.platform_id
    WHERE o.kind <> {OrderKind.QUERY.code} AND NOT o.hidden
        AND NOT (p.sensitive AND o.scope = {Scope.PREVIOUS_OWNER.code})
    GROUP BY o.id, o.carrier_id, o.kind, o.reference, o.deadline
    ORDER BY o.id""",
    orders=UUIDS,
    platforms=INTS,
)
