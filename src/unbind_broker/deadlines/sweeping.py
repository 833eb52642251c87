# ruff: noqa: S608 - only enum codes are put into statements
"""Settle what a crash between an item's step and its order's step left behind."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from unbind_broker.base.coded_enum import codes_of
from unbind_broker.base.database import INSTANT, INT, Db, fetch_all, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import FIRST_INSTANT
from unbind_broker.deliveries.joining import mend_astray
from unbind_broker.notices.changes import note_changed
from unbind_broker.notices.ending import settle
from unbind_broker.orders.states import OPEN

MOST_FOUND = 20_000
"""Hundreds of thousands of orders share one deadline, and finding some of them reads
all of these: so many are found at once, and then worked through in steps."""


@dataclass(frozen=True)
class SweepPosition:
    """How far a sweep over the open orders has come, by their deadlines."""

    deadline: datetime = FIRST_INSTANT
    order_id: UUID = field(default=UUID(int=0))


async def sweep_unsettled(
    db: Db, now: datetime, order_ids: Collection[UUID]
) -> list[UUID]:
    """Complete those of these open orders that are done, and return them.

    Items in them that follow what has ended get what they were left without.
    """
    settled = await settle(db, now, order_ids)
    await note_changed(db, now, await mend_astray(db, now, order_ids))
    return settled


async def find_open(
    db: Db, position: SweepPosition | None, limit: int
) -> tuple[list[UUID], SweepPosition | None]:
    """Find the next ``limit`` open orders, and say behind which to go on, if at all.

    Begin with no position; a walk that comes back with none has seen all.
    """
    start = position or SweepPosition()
    values = {"deadline": start.deadline, "order": start.order_id, "limit": limit}
    rows = await fetch_all(db, _NEXT, values)
    following = None
    if len(rows) >= limit:
        following = SweepPosition(rows[-1].deadline, rows[-1].id)
    return [row.id for row in rows], following


_NEXT = sql(
    f"""
    SELECT id, deadline FROM orders
    WHERE status IN ({codes_of(OPEN)})
        AND deadline >= :deadline AND (deadline, id) > (:deadline, :order)
    ORDER BY deadline, id
    LIMIT :limit""",
    deadline=INSTANT,
    order=UUID_TYPE,
    limit=INT,
)
