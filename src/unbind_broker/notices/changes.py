# ruff: noqa: S608 - only enum codes are put into statements
"""Note which orders look different to their carriers, for news that is gathered.

One row for each transaction that changed items, however many: it is only ever added,
so nobody waits for anybody, and who gathers deletes what it has read, so that nothing
is skipped however late it commits.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from unbind_broker.base.database import INSTANT, UUIDS, Db, sql
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.posted_to import POSTED_TO

WANTS_UPDATES = f"""(
    e.carrier_id IS NOT NULL AND {POSTED_TO} AND (
        e.event_types IS NULL OR '{EventType.ORDER_UPDATED}' = ANY(e.event_types))
)"""
"""A condition for endpoints ``e``: their carriers are told of what is gathered."""


async def note_changed(db: Db, now: datetime, order_ids: Collection[UUID]) -> None:
    """Note these orders, unless nobody wants to hear of it.

    Name none of which only a folded item changed after it was taken: news of it would
    tell when a sensitive platform answers.
    """
    if order_ids:
        await db.execute(_NOTE, {"now": now, "orders": sorted(order_ids)})


_NOTE = sql(
    f"""
    INSERT INTO order_changes (at, order_ids)
    SELECT :now, :orders WHERE EXISTS (SELECT FROM endpoints e WHERE {WANTS_UPDATES})
    """,
    now=INSTANT,
    orders=UUIDS,
)
