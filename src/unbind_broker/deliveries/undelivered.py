"""Which items became undeliverable, when and why.

Something may replace the status and leave the row: then it says only that the item was
undeliverable once. For the carriers of folded items that is their end, whatever comes:
see ``orders.settling`` and ``items.views``.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.types import TypeEngine

from unbind_broker.base.database import (
    INSTANT,
    INT,
    INTS,
    TEXT,
    UUIDS,
    Db,
    fetch_all,
    sql,
)
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import PlatformId
from unbind_broker.deliveries.outcomes import Cause
from unbind_broker.items.item import ItemKey, key_arrays
from unbind_broker.items.states import ItemStatus

ITEM_REQUEUED = "item.requeued"
"""The fact of an order some items of which go out again, on what occasion."""


async def note(db: Db, now: datetime, keys: Collection[ItemKey], cause: Cause) -> None:
    """Write down that these items have just become undeliverable."""
    if keys:
        values = {**key_arrays(sorted(keys)), "now": now, "cause": cause.code}
        await db.execute(_NOTE, values)


async def forget(db: Db, keys: Collection[ItemKey]) -> None:
    """Delete the rows of items that are undeliverable no longer."""
    if keys:
        await db.execute(_FORGET, key_arrays(keys))


async def keep(db: Db, now: datetime, keys: Collection[ItemKey]) -> None:
    """See to it that these folded items, which go out again, have their rows still."""
    if keys:
        values = {**key_arrays(sorted(keys)), "now": now, "cause": Cause.REFUSED.code}
        await db.execute(_KEEP, values)


async def share(db: Db, order_id: UUID, leaders: Collection[ItemKey]) -> None:
    """Give rows to items of an order that wait with leaders that have them.

    These were finished for their carriers before, and so are those that follow them.
    """
    if leaders:
        await db.execute(_SHARE, {**key_arrays(leaders), "order": order_id})


async def requeued_on(
    db: Db, platform_id: PlatformId | None, order_ids: Collection[UUID]
) -> dict[UUID, UUID]:
    """Give the last occasion on which a platform's items were requeued, if ever."""
    values = {
        "orders": list(order_ids),
        "platform": platform_id,
        "action": ITEM_REQUEUED,
    }
    rows = await fetch_all(db, _REQUEUED_ON, values)
    return {row.order_id: row.occasion for row in rows}


_INSERT = """
    INSERT INTO undelivered (order_id, platform_id, at, cause)
    SELECT order_id, platform_id, :now, :cause
    FROM unnest(:orders, :platforms) AS n (order_id, platform_id)
    ON CONFLICT (order_id, platform_id)"""
_COLUMNS: dict[str, TypeEngine[Any]] = {
    "orders": UUIDS,
    "platforms": INTS,
    "now": INSTANT,
    "cause": INT,
}
_NOTE = sql(
    f"{_INSERT} DO UPDATE SET at = excluded.at, cause = excluded.cause", **_COLUMNS
)
_KEEP = sql(f"{_INSERT} DO NOTHING", **_COLUMNS)
_FORGET = sql(
    """
    DELETE FROM undelivered u
    USING unnest(:orders, :platforms) AS n (order_id, platform_id)
    WHERE u.order_id = n.order_id AND u.platform_id = n.platform_id""",
    orders=UUIDS,
    platforms=INTS,
)
# Leaders are looked up one by one: Postgres must not read all rows that came meanwhile.
_SHARE = sql(
    f"""
    INSERT INTO undelivered (order_id, platform_id, at, cause)
    SELECT i.order_id, i.platform_id, u.at, u.cause
    FROM unnest(:orders, :platforms) AS n (order_id, platform_id)
    CROSS JOIN LATERAL (
        SELECT at, cause FROM undelivered
        WHERE order_id = n.order_id AND platform_id = n.platform_id
        LIMIT 1
    ) u
    JOIN items i ON i.order_id = :order AND i.platform_id = n.platform_id
        AND i.follows = n.order_id AND i.status = {ItemStatus.QUEUED.code}
    ON CONFLICT (order_id, platform_id) DO NOTHING""",  # noqa: S608 - an enum code
    orders=UUIDS,
    platforms=INTS,
    order=UUID_TYPE,
)
# The offset keeps Postgres at looking up what happened to each order.
_REQUEUED_ON = sql(
    """
    SELECT n.order_id, requeued.occasion
    FROM unnest(:orders) AS n (order_id)
    CROSS JOIN LATERAL (
        SELECT CAST(f.facts ->> 'occasion' AS uuid) AS occasion
        FROM (
            SELECT id, facts FROM audit_events
            WHERE order_id = n.order_id AND action = :action
            OFFSET 0
        ) f
        WHERE f.facts -> 'platforms' @> (
            SELECT to_jsonb(slug) FROM platforms WHERE id = :platform)
        ORDER BY f.id DESC
        LIMIT 1
    ) requeued
    """,
    orders=UUIDS,
    platform=INT,
    action=TEXT,
)
