"""Note which orders look different to their carriers, for news that is gathered.

Each call adds one row, however many orders it names: nobody waits for anybody, and who
gathers deletes what it has read, so that nothing is skipped however late it commits.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from unbind_broker.base.database import INSTANT, UUIDS, Db, sql


async def note_changed(db: Db, now: datetime, order_ids: Collection[UUID]) -> None:
    """Note these orders.

    Name none of which only a folded item changed after it was taken: news of it would
    tell when a sensitive platform answers.
    """
    if order_ids:
        await db.execute(_NOTE, {"now": now, "orders": sorted(order_ids)})


_NOTE = sql(
    "INSERT INTO order_changes (at, order_ids) VALUES (:now, :orders)",
    now=INSTANT,
    orders=UUIDS,
)
