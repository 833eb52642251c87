# ruff: noqa: S608 - only enum codes are put into the statement
"""How many items are undeliverable, by platform and cause (a read model)."""

from dataclasses import dataclass
from datetime import datetime

from unbind_broker.base.database import INT, Db, fetch_all, sql
from unbind_broker.deliveries.outcomes import Cause
from unbind_broker.items.states import ItemStatus

MOST_COUNTED = 20_000
"""So many of the newest are counted: those of the newest orders."""


@dataclass(frozen=True)
class UndeliveredCount:
    """The undeliverable items of one platform that ended for one cause."""

    platform: str
    cause: Cause
    items: int
    first_at: datetime
    last_at: datetime


async def count_undelivered(db: Db) -> list[UndeliveredCount]:
    """Count undeliverable items by platform and cause, the most first."""
    rows = await fetch_all(db, COUNTS, {"most": MOST_COUNTED})
    return [
        UndeliveredCount(
            row.platform, Cause.from_code(row.cause), row.items, row.first, row.last
        )
        for row in rows
    ]


COUNTS = sql(
    f"""
    SELECT (SELECT slug FROM platforms WHERE id = u.platform_id) AS platform, u.cause,
        count(*) AS items, min(u.at) AS first, max(u.at) AS last
    FROM (
        SELECT * FROM undelivered ORDER BY order_id DESC, platform_id DESC LIMIT :most
    ) u
    CROSS JOIN LATERAL (
        SELECT status FROM items
        WHERE order_id = u.order_id AND platform_id = u.platform_id
        OFFSET 0
    ) i
    WHERE i.status = {ItemStatus.UNDELIVERABLE.code}
    GROUP BY u.platform_id, u.cause
    ORDER BY items DESC, platform""",
    most=INT,
)
