# ruff: noqa: S608 - only enum codes and conditions are put into statements
"""Queue reminders: of items that a platform has taken and not finished."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from uuid import UUID

from unbind_broker.base.coded_enum import codes_of
from unbind_broker.base.database import INSTANT, UUIDS, Db, sql
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.posted_to import POSTED_TO
from unbind_broker.items.states import OPEN, ItemStatus

WAITING_FOR_RESULT = (
    f"i.status IN ({codes_of(OPEN - {ItemStatus.QUEUED})}) AND i.follows IS NULL"
)
"""A condition for items ``i``: their platform has taken them, and owes a result."""


class Occasion(Enum):
    """At which part of its time an item is reminded of; each has a webhook id."""

    HALF = UUID(int=50)
    NEARLY_OVER = UUID(int=90)


async def announce_reminders(
    db: Db, now: datetime, orders: Mapping[UUID, Occasion]
) -> None:
    """Let platforms be reminded of these orders' items, where they want it.

    One that waits to be sent still gives way to the later one. Platforms that fetch see
    what is open whenever they ask.
    """
    if orders:
        named = sorted(orders)
        occasions = [orders[one].value for one in named]
        await db.execute(_REMIND, {"orders": named, "occasions": occasions, "now": now})


_WORD = EventType.UNBIND_REMINDER.value
_REMIND = sql(
    f"""
    INSERT INTO deliveries (endpoint_id, due_at, event, order_id, attempt, occasion)
    SELECT e.id, :now, {EventType.UNBIND_REMINDER.code}, i.order_id, 0, n.occasion
    FROM unnest(:orders, :occasions) AS n (order_id, occasion)
    CROSS JOIN LATERAL (
        SELECT i.order_id, i.platform_id FROM items i
        WHERE i.order_id = n.order_id AND {WAITING_FOR_RESULT}
        OFFSET 0
    ) i
    JOIN endpoints e ON e.platform_id = i.platform_id AND {POSTED_TO}
        AND (e.event_types IS NULL OR '{_WORD}' = ANY(e.event_types))
    ORDER BY e.id, i.order_id
    ON CONFLICT ON CONSTRAINT deliveries_subject DO UPDATE
        SET due_at = excluded.due_at, attempt = 0, occasion = excluded.occasion""",
    orders=UUIDS,
    occasions=UUIDS,
    now=INSTANT,
)
