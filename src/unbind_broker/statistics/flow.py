# ruff: noqa: S608 - only names of conditions are put into the statement
"""How many orders and items come in, minute by minute, read at a bounded cost."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from unbind_broker.base.database import INT, UUIDS, Db, fetch_all, sql
from unbind_broker.base.ids import uuid7_floor, uuid7_time
from unbind_broker.platforms.tables import World

MINUTES = 60
MOST_OF_A_MINUTE = 1_000
"""So many orders, and so many items, are read of each minute."""
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Minute:
    """What was accepted in the minute that began ``at``.

    Where there was more than is read, the rest is reckoned from how long the first
    ``MOST_OF_A_MINUTE`` took, and from how many items those orders have: ``estimated``.
    """

    at: datetime
    orders: int
    items: int
    estimated: bool


async def read_minutes(
    db: Db, now: datetime, most: int = MOST_OF_A_MINUTE
) -> tuple[Minute, ...]:
    """Count the last ``MINUTES`` minutes, the oldest first, the last one running.

    Rehearsals are left out.
    """
    running = now.replace(second=0, microsecond=0)
    starts = [running - place * _MINUTE for place in reversed(range(MINUTES))]
    values = {
        "floors": [uuid7_floor(at) for at in starts],
        "ends": [uuid7_floor(at + _MINUTE) for at in starts],
        "most": most,
    }
    rows = await fetch_all(db, _MINUTES, values)
    spans = [min(now - at, _MINUTE) for at in starts]
    return tuple(
        _minute(at, span, row, most)
        for at, span, row in zip(starts, spans, rows, strict=True)
    )


def _minute(at: datetime, span: timedelta, row: Any, most: int) -> Minute:
    orders, items = float(row.orders), float(row.items)
    if row.read == most:
        took = max(uuid7_time(row.last) - at, timedelta(milliseconds=1))
        orders *= max(1.0, span / took)
    if row.items_read == most and row.items_of:
        items *= max(1.0, orders / row.items_of)
    estimated = most in (row.read, row.items_read)
    return Minute(at, round(orders), round(items), estimated)


REAL = """carrier_id <> ALL(
    ARRAY(SELECT id FROM carriers WHERE sandbox_of IS NOT NULL))"""
"""A condition for orders: they are no rehearsals."""

_MINUTES = sql(
    f"""
    SELECT o.orders, o.read, o.last, i.items, i.items_of, i.items_read
    FROM unnest(:floors, :ends) WITH ORDINALITY AS m (floor, ends, place)
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE {REAL}) AS orders, count(*) AS read,
            (array_agg(id ORDER BY id DESC))[1] AS last
        FROM (
            SELECT id, carrier_id FROM orders
            WHERE id >= m.floor AND id < m.ends
            ORDER BY id LIMIT :most
        ) first_ones
    ) o
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(n) FILTER (WHERE is_real), 0) AS items,
            count(*) FILTER (WHERE is_real) AS items_of,
            coalesce(sum(n), 0) AS items_read
        FROM (
            SELECT r.order_id, count(*) AS n, bool_and(p.is_real) AS is_real
            FROM (
                SELECT order_id, platform_id FROM items
                WHERE order_id >= m.floor AND order_id < m.ends
                ORDER BY order_id, platform_id LIMIT :most
            ) r
            JOIN (
                SELECT id, world = {World.REAL.code} AS is_real FROM platforms
            ) p ON p.id = r.platform_id
            GROUP BY r.order_id
        ) by_order
    ) i
    ORDER BY m.place""",
    floors=UUIDS,
    ends=UUIDS,
    most=INT,
)
