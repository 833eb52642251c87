# ruff: noqa: S608 - only enum codes are put into statements
"""Find open items that nobody would ever send, and let them be sent after all.

An item that is queued follows another one, or its order is held; or else it lies ahead
of its endpoint's cursor in the order log, untried unless its platform fetches, or has a
row in ``deliveries``: where it is posted, not one that was taken in for a platform that
fetched, and is due at its deadline. An item that was taken waits for its result. One
statement sees all of it in one snapshot: what is in flight is never mistaken for lost.
Made-up platforms, which read no log, are left out.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import BIG, INSTANT, UUIDS, Db, fetch_all, sql
from unbind_broker.base.ids import EndpointId
from unbind_broker.deliveries.queue import REQUEST_OF_ORDER
from unbind_broker.endpoints.posted_to import POSTED_TO
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.states import OrderStatus
from unbind_broker.platforms.tables import World


@dataclass(frozen=True)
class Walked:
    """What the walks over all open orders found; ``last_at`` None: none has ended.

    ``looked_at`` and ``repaired_last`` are the last walk's, in orders and in items.
    """

    last_at: datetime | None = None
    looked_at: int = 0
    repaired_last: int = 0
    repaired_total: int = 0


async def mend_unsendable(
    db: Db, now: datetime, order_ids: Collection[UUID]
) -> Counter[EndpointId]:
    """Give items of these orders that nobody would send a row due at once.

    Counts them by their endpoints. A row too many would do no harm: whoever sends tells
    by the item whether it waits, and what it has in hand already.
    """
    values = {"orders": list(order_ids), "now": now}
    rows = await fetch_all(db, _MEND, values)
    repaired = Counter(EndpointId(row.endpoint_id) for row in rows)
    if repaired:
        await db.execute(_COUNT, {"repaired": repaired.total()})
        facts = {
            "items": repaired.total(),
            "orders": len({row.order_id for row in rows}),
            "endpoints": sorted(repaired),
        }
        await record(db, now, Fact("broker", "invariant.repaired", facts=facts))
    return repaired


async def end_walk(db: Db, now: datetime, looked_at: int, repaired: int) -> None:
    """Note that a walk has looked at every order that was open."""
    values = {"now": now, "looked_at": looked_at, "repaired": repaired}
    await db.execute(_END, values)


async def last_walk(db: Db) -> Walked:
    """Read what the walks found."""
    rows = await fetch_all(db, _LAST, {})
    return Walked(*rows[0]) if rows else Walked()


# What is parked until its deadline was tried, or is parked in the last seconds before
# it; what is asked once more has an occasion, and a replay is one.
_TAKEN_IN = """(
    d.attempt = 0 AND d.occasion IS NULL AND NOT d.replay
    AND d.due_at > :now + interval '1 minute')"""
# Everything is looked up row by row (LATERAL with OFFSET, an aggregate or LIMIT in it):
# Postgres must not decide to read a whole table because it expects many.
_MEND = sql(
    f"""
    INSERT INTO deliveries AS d (endpoint_id, due_at, event, order_id, attempt)
    SELECT e.id, :now, o.event, o.id, i.attempts
    FROM unnest(:orders) AS n (order_id)
    CROSS JOIN LATERAL (
        SELECT o.id, o.deadline, {REQUEST_OF_ORDER} AS event FROM orders o
        WHERE o.id = n.order_id AND o.status = {OrderStatus.IN_PROGRESS.code}
            AND o.deadline > :now
        OFFSET 0
    ) o
    CROSS JOIN LATERAL (
        SELECT max(xid) AS xid FROM order_log WHERE order_id = o.id
    ) logged
    CROSS JOIN LATERAL (
        SELECT i.platform_id, i.attempts FROM items i
        WHERE i.order_id = o.id AND i.status = {ItemStatus.QUEUED.code}
            AND i.follows IS NULL
        OFFSET 0
    ) i
    JOIN platforms p ON p.id = i.platform_id AND p.world <> {World.REHEARSED.code}
    JOIN endpoints e ON e.platform_id = p.id AND e.verified_at IS NOT NULL
    JOIN endpoint_leases l ON l.endpoint_id = e.id
    LEFT JOIN LATERAL (
        SELECT {POSTED_TO} AND d.due_at >= o.deadline AND {_TAKEN_IN} AS too_late
        FROM deliveries d
        WHERE d.endpoint_id = e.id AND d.event = o.event AND d.order_id = o.id
        LIMIT 1
    ) due ON true
    WHERE due.too_late IS NOT FALSE
        AND ((i.attempts > 0 AND {POSTED_TO}) OR logged.xid IS NULL
            OR (logged.xid, o.id) <= (l.cursor_xid, l.cursor_order_id))
    ORDER BY e.id, o.event, o.id
    ON CONFLICT ON CONSTRAINT deliveries_subject
    DO UPDATE SET due_at = excluded.due_at WHERE {_TAKEN_IN}
    RETURNING d.endpoint_id, d.order_id""",
    orders=UUIDS,
    now=INSTANT,
)
_MARK = "INSERT INTO upkeep_marks AS m (name, at, looked_at, last, total)"
_COUNT = sql(
    f"""{_MARK} VALUES ('invariant', NULL, 0, 0, :repaired)
    ON CONFLICT (name) DO UPDATE SET total = m.total + excluded.total""",
    repaired=BIG,
)
_END = sql(
    f"""{_MARK} VALUES ('invariant', :now, :looked_at, :repaired, 0)
    ON CONFLICT (name) DO UPDATE SET at = excluded.at,
        looked_at = excluded.looked_at, last = excluded.last""",
    now=INSTANT,
    looked_at=BIG,
    repaired=BIG,
)
_LAST = sql(
    "SELECT at, looked_at, last, total FROM upkeep_marks WHERE name = 'invariant'"
)
