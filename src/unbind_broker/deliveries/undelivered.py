"""Which items became undeliverable, when and why.

Something may replace the status and leave the row: then it says only that the item was
undeliverable once. For the carriers of folded items that is their end, whatever comes:
see ``orders.settling`` and ``items.views``.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy.types import TypeEngine

from unbind_broker.base.database import INSTANT, INT, INTS, UUIDS, Db, sql
from unbind_broker.deliveries.outcomes import Cause
from unbind_broker.items.item import ItemKey, key_arrays


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
