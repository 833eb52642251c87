# ruff: noqa: S608 - only enum codes are put into statements
"""Destroy what finished orders hold of people.

That there were such orders, and what came of them, stays.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from unbind_broker.base.coded_enum import codes_of
from unbind_broker.base.database import INSTANT, INT, UUIDS, Db, fetch_all, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import uuid7_floor
from unbind_broker.orders.states import OPEN

_OPEN_CODES = codes_of(OPEN)


async def find_finished(
    db: Db, before: datetime, behind: UUID, limit: int
) -> tuple[list[UUID], UUID | None]:
    """Look at up to ``limit`` orders made ``before``, in the order of their ids.

    Returns those of them that are finished and still hold a number, and the id behind
    which to look on; None: there are no more.
    """
    values = {"behind": behind, "end": uuid7_floor(before), "limit": limit}
    rows = await fetch_all(db, _LOOK, values)
    finished = [row.id for row in rows if row.finished]
    return finished, rows[-1].id if len(rows) >= limit else None


async def destroy(db: Db, now: datetime, orders: Collection[UUID]) -> int:
    """Destroy number, consent, attestation, reference, trace, and platforms' words.

    Open orders are left alone. Returns how many it destroyed.
    """
    if not orders:
        return 0
    values = {"orders": list(orders), "now": now}
    destroyed = list((await db.execute(_DESTROY, values)).scalars())
    await db.execute(_SILENCE, {"orders": destroyed})
    return len(destroyed)


_LOOK = sql(
    f"""
    SELECT id, status NOT IN ({_OPEN_CODES}) AND destroyed_at IS NULL AS finished
    FROM orders
    WHERE id > :behind AND id < :end
    ORDER BY id
    LIMIT :limit""",
    behind=UUID_TYPE,
    end=UUID_TYPE,
    limit=INT,
)
_DESTROY = sql(
    f"""
    WITH locked AS (
        SELECT id FROM orders
        WHERE id = ANY(:orders) AND status NOT IN ({_OPEN_CODES})
            AND destroyed_at IS NULL
        ORDER BY id
        FOR NO KEY UPDATE
    )
    UPDATE orders o SET destroyed_at = :now, number_sealed = NULL,
        number_index = NULL, attestation_sealed = NULL, consent_method = NULL,
        consent_at = NULL, reference = NULL, traceparent = NULL
    FROM locked l
    WHERE o.id = l.id AND o.id = ANY(:orders)
    RETURNING o.id""",
    orders=UUIDS,
    now=INSTANT,
)
# A platform may still be at work on it, unseen; its words go with the next report.
_SILENCE = sql(
    """
    WITH locked AS (
        SELECT order_id, platform_id FROM items
        WHERE order_id = ANY(:orders)
            AND (detail IS NOT NULL OR action_url IS NOT NULL)
        ORDER BY order_id, platform_id
        FOR NO KEY UPDATE
    )
    UPDATE items i SET detail = NULL, action_url = NULL
    FROM locked l
    WHERE i.order_id = l.order_id AND i.platform_id = l.platform_id""",
    orders=UUIDS,
)
