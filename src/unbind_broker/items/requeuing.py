# ruff: noqa: S608 - only enum codes and column names are put into the statement
"""Queue items again that became undeliverable."""

from collections.abc import Mapping

from unbind_broker.base.database import BOOLEANS, INTS, UUIDS, Db, fetch_all, sql
from unbind_broker.items.item import ItemKey, key_arrays
from unbind_broker.items.joining import TOLD
from unbind_broker.items.states import ItemStatus


async def requeue(db: Db, folded: Mapping[ItemKey, bool]) -> list[ItemKey]:
    """Queue undeliverable items, which the caller has locked; return those it queued.

    Attempts count on. An item that followed another one stands for itself. The folded
    ones keep ``finished_at``: for their carrier they have ended, and go on doing so.
    """
    keys = list(folded)
    values = {**key_arrays(keys), "folded": [folded[key] for key in keys]}
    return [ItemKey(*row) for row in await fetch_all(db, _REQUEUE, values)]


_REQUEUE = sql(
    f"""
    UPDATE items i SET status = {ItemStatus.QUEUED.code}, late = false, follows = NULL,
        finished_at = CASE WHEN n.folded THEN i.finished_at END,
        {", ".join(f"{column} = NULL" for column in TOLD)}
    FROM unnest(:orders, :platforms, :folded) AS n (order_id, platform_id, folded)
    WHERE i.order_id = n.order_id AND i.platform_id = n.platform_id
        AND i.status = {ItemStatus.UNDELIVERABLE.code}
    RETURNING i.order_id, i.platform_id""",
    orders=UUIDS,
    platforms=INTS,
    folded=BOOLEANS,
)
