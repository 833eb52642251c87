# ruff: noqa: S608 - only enum codes and conditions are put into statements
"""Queue reminders: of items that a platform has taken and not finished.

``deadlines.reminding`` finds out when. Its table belongs to a package above this one,
so it is named in plain SQL.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from enum import Enum
from uuid import UUID

from unbind_broker.base.coded_enum import codes_of
from unbind_broker.base.database import INSTANT, INTS, UUIDS, Db, fetch_all, sql
from unbind_broker.deliveries.queue import Subject
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.posted_to import POSTED_TO
from unbind_broker.items.states import OPEN, ItemStatus
from unbind_broker.orders.states import OrderKind

WAITING_FOR_RESULT = (
    f"i.status IN ({codes_of(OPEN - {ItemStatus.QUEUED})}) AND i.follows IS NULL"
)
"""A condition for items ``i``: their platform has taken them, and owes a result."""


HALF, NEARLY_OVER, DONE = 1, 2, 3
"""What is due next for an order. Its row stays until the order is over, so that one
that is released from a hold is not reminded of twice."""

SHARES = {HALF: 0.5, NEARLY_OVER: 0.9, DONE: 1.0}
"""Of the time between the order's start and its deadline."""

STARTS_AT = "greatest(o.created_at, o.held_until)"
"""When the platforms of an order ``o`` could first work."""


def due_of(share: object) -> str:
    """Give the instant of a share of an order's time, in SQL."""
    return f"{STARTS_AT} + (o.deadline - {STARTS_AT}) * {share}"


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


async def replaced(db: Db, occasions: Mapping[Subject, UUID | None]) -> set[Subject]:
    """Tell which of these reminders gave way to later ones while they were sent.

    Locks their rows: what became of the earlier one says nothing about the later.
    """
    if not occasions:
        return set()
    named = sorted(occasions)
    values = {
        "endpoints": [one.endpoint_id for one in named],
        "orders": [one.subject_id for one in named],
        "occasions": [occasions[one] for one in named],
    }
    rows = await fetch_all(db, _REPLACED, values)
    return {
        Subject(row.endpoint_id, EventType.UNBIND_REMINDER, row.order_id)
        for row in rows
    }


async def remind_of_again(db: Db, now: datetime, order_ids: Collection[UUID]) -> None:
    """Put orders under the clock that are open once more; queries are left out.

    What is past by ``now`` is not reminded of: they go out only now.
    """
    if order_ids:
        await db.execute(_AGAIN, {"orders": sorted(order_ids), "now": now})


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
_REPLACED = sql(
    f"""
    SELECT d.endpoint_id, d.order_id
    FROM unnest(:endpoints, :orders, :occasions)
        AS n (endpoint_id, order_id, occasion)
    CROSS JOIN LATERAL (
        SELECT endpoint_id, order_id, occasion FROM deliveries
        WHERE endpoint_id = n.endpoint_id
            AND event = {EventType.UNBIND_REMINDER.code} AND order_id = n.order_id
        FOR UPDATE
    ) d
    WHERE d.occasion IS DISTINCT FROM n.occasion""",
    endpoints=INTS,
    orders=UUIDS,
    occasions=UUIDS,
)
_MARKS = ", ".join(f"({mark}, {SHARES[mark]})" for mark in (HALF, NEARLY_OVER))
_AGAIN = sql(
    f"""
    INSERT INTO order_reminders (order_id, due_at, mark)
    SELECT o.id, next.due_at, next.mark
    FROM unnest(:orders) AS n (order_id)
    CROSS JOIN LATERAL (SELECT * FROM orders WHERE id = n.order_id OFFSET 0) o
    CROSS JOIN LATERAL (
        SELECT mark, {due_of("share")} AS due_at
        FROM (VALUES {_MARKS}) AS marks (mark, share)
        WHERE {due_of("share")} > :now
        ORDER BY mark
        LIMIT 1
    ) next
    WHERE o.kind <> {OrderKind.QUERY.code}
    ON CONFLICT (order_id) DO NOTHING""",
    orders=UUIDS,
    now=INSTANT,
)
