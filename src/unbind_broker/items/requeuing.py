# ruff: noqa: S608 - only enum codes and column names are put into the statement
"""Queue items again that became undeliverable."""

from collections.abc import Collection

from unbind_broker.base.database import INTS, UUIDS, Db, fetch_all, sql
from unbind_broker.items.item import ItemKey, key_arrays
from unbind_broker.items.joining import TOLD
from unbind_broker.items.states import ItemStatus


async def requeue(db: Db, keys: Collection[ItemKey]) -> list[ItemKey]:
    """Queue undeliverable items, which the caller has locked; return those it queued.

    Attempts count on. An item that followed another one stands for itself.
    """
    rows = await fetch_all(db, _REQUEUE, key_arrays(keys))
    return [ItemKey(*row) for row in rows]


_REQUEUE = sql(
    f"""
    UPDATE items i SET status = {ItemStatus.QUEUED.code}, finished_at = NULL,
        late = false, follows = NULL, {", ".join(f"{column} = NULL" for column in TOLD)}
    FROM unnest(:orders, :platforms) AS n (order_id, platform_id)
    WHERE i.order_id = n.order_id AND i.platform_id = n.platform_id
        AND i.status = {ItemStatus.UNDELIVERABLE.code}
    RETURNING i.order_id, i.platform_id""",
    orders=UUIDS,
    platforms=INTS,
)
