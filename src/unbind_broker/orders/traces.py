"""What placed orders, where that was traced."""

from collections.abc import Collection
from itertools import islice
from uuid import UUID

from unbind_broker.base.database import UUIDS, Db, sql
from unbind_broker.base.tracing import MOST_LINKS, TraceContext, read_traceparent

_TRACED = sql(
    """
    SELECT DISTINCT traceparent FROM orders
    WHERE id = ANY(:orders) AND traceparent IS NOT NULL
    """,
    orders=UUIDS,
)


async def traces_of(db: Db, order_ids: Collection[UUID]) -> list[TraceContext]:
    """Give what placed these orders, the first ``MOST_LINKS`` of them."""
    asked = list(islice(order_ids, MOST_LINKS))
    if not asked:
        return []
    found = (await db.execute(_TRACED, {"orders": asked})).scalars()
    return [one for one in map(read_traceparent, found) if one is not None]
