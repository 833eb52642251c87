# ruff: noqa: S608 - only enum codes and names of parameters are put in
"""Read the order log: which items wait for their first send.

Both statements look at a bounded number of log rows, whatever they find there, and say
which transactions they could not see.
"""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from unbind_broker.base.database import (
    BIG,
    BIGS,
    INT,
    INTS,
    UUIDS,
    Db,
    fetch_all,
    sql,
)
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import PlatformId
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.positions import Position
from unbind_broker.sending.frontier import Frontier, Snapshot


class Row(NamedTuple):
    """A log row and the platforms whose item of it waits."""

    position: Position
    platforms: Sequence[PlatformId]


class Tail(NamedTuple):
    """What one read for all lanes at the tail found ``after`` a frontier, in order.

    ``last`` is None where the read was complete.
    """

    after: Frontier
    rows: list[Row]
    last: Position | None
    snapshot: Snapshot


class Want(NamedTuple):
    """One platform's wish: what it has not read yet, looking at ``scan`` rows."""

    platform_id: PlatformId
    after: Frontier
    scan: int


class Behind(NamedTuple):
    """What one platform's wish found: nothing but ``waiting`` waits up to ``last``.

    ``last`` is None where the read was complete.
    """

    waiting: list[Position]
    last: Position | None
    snapshot: Snapshot

    @property
    def is_complete(self) -> bool:
        """Tell whether the read came to the end of what it could see."""
        return self.last is None


def _unread(gaps: str, xid: str, order_id: str, limit: str) -> str:
    """Give the first rows that a frontier leaves unread, in the order of the log."""
    return f"""
        SELECT late.xid, late.order_id
        FROM unnest({gaps}) AS gap (xid, order_id)
        CROSS JOIN LATERAL (
            SELECT o.xid, o.order_id FROM order_log o
            WHERE (o.xid, o.order_id) > (gap.xid, gap.order_id) AND o.xid <= gap.xid
            ORDER BY o.xid, o.order_id LIMIT {limit}
        ) late
        UNION ALL (
            SELECT o.xid, o.order_id FROM order_log o
            WHERE (o.xid, o.order_id) > ({xid}, {order_id})
            ORDER BY o.xid, o.order_id LIMIT {limit}
        )
        ORDER BY xid, order_id LIMIT {limit}
    """


_SNAPSHOT = """
    SELECT (pg_snapshot_xmax(seen)::text)::bigint AS ends,
        ARRAY(SELECT (xid::text)::bigint FROM pg_snapshot_xip(seen) xid) AS running
    FROM pg_current_snapshot() seen
"""
# Items are looked up row by row (LATERAL, with an aggregate or LIMIT in it): Postgres
# must not decide to read all of them because it expects many.
_WAITS = f"i.status = {ItemStatus.QUEUED.code} AND i.attempts = 0 AND i.follows IS NULL"

# The first row is the snapshot.
_TAIL = sql(
    f"""
    SELECT s.ends, s.running, NULL::bigint AS xid, NULL::uuid AS order_id,
        NULL::integer[] AS platforms
    FROM ({_SNAPSHOT}) s
    UNION ALL
    SELECT NULL, NULL, r.xid, r.order_id, waiting.platforms
    FROM ({_unread(":gap_xids, :gap_orders", ":xid", ":order_id", ":limit")}) r
    CROSS JOIN LATERAL (
        SELECT array_agg(i.platform_id) AS platforms
        FROM items i WHERE i.order_id = r.order_id AND {_WAITS}
    ) waiting
    ORDER BY xid NULLS FIRST, order_id
    """,
    xid=BIG,
    order_id=UUID_TYPE,
    gap_xids=BIGS,
    gap_orders=UUIDS,
    limit=INT,
)
_GAPS_OF_ONE = "(:gap_xids)[w.gap_1:w.gap_n], (:gap_orders)[w.gap_1:w.gap_n]"
_BEHIND = sql(
    f"""
    SELECT s.ends, s.running, w.platform_id, l.*
    FROM ({_SNAPSHOT}) s
    CROSS JOIN unnest(:platforms, :xids, :orders, :scans, :first_gaps, :last_gaps)
        AS w (platform_id, xid, order_id, scan, gap_1, gap_n)
    CROSS JOIN LATERAL (
        SELECT count(*) AS looked_at, max(r.xid) AS last_xid,
            (array_agg(r.order_id ORDER BY r.xid DESC, r.order_id DESC))[1]
                AS last_order,
            array_agg(r.xid ORDER BY r.xid, r.order_id)
                FILTER (WHERE i.waits) AS waiting_xids,
            array_agg(r.order_id ORDER BY r.xid, r.order_id)
                FILTER (WHERE i.waits) AS waiting_orders
        FROM ({_unread(_GAPS_OF_ONE, "w.xid", "w.order_id", "w.scan")}) r
        LEFT JOIN LATERAL (
            SELECT true AS waits FROM items i
            WHERE i.order_id = r.order_id AND i.platform_id = w.platform_id
                AND {_WAITS}
            LIMIT 1
        ) i ON true
    ) l
    """,
    platforms=INTS,
    xids=BIGS,
    orders=UUIDS,
    scans=INTS,
    first_gaps=INTS,
    last_gaps=INTS,
    gap_xids=BIGS,
    gap_orders=UUIDS,
)


async def read_tail(db: Db, after: Frontier, limit: int) -> Tail:
    """Read up to ``limit`` log rows that ``after`` leaves unread."""
    values = {
        "xid": after.front.xid,
        "order_id": after.front.order_id,
        "gap_xids": [gap.xid for gap in after.gaps],
        "gap_orders": [gap.order_id for gap in after.gaps],
        "limit": limit,
    }
    seen, *found = await fetch_all(db, _TAIL, values)
    rows = [Row(Position(row.xid, row.order_id), row.platforms or ()) for row in found]
    last = None if len(rows) < limit else rows[-1].position
    return Tail(after, rows, last, Snapshot(seen.ends, seen.running))


async def read_behind(db: Db, wants: Collection[Want]) -> dict[PlatformId, Behind]:
    """Read for each platform by itself what it has not read."""
    if not wants:
        return {}
    found = await fetch_all(db, _BEHIND, _columns(wants))
    scans = {want.platform_id: want.scan for want in wants}
    return {row.platform_id: _behind(row, scans[row.platform_id]) for row in found}


def _columns(wants: Collection[Want]) -> dict[str, object]:
    """Name all gaps one after the other, and for each platform which are its own."""
    gaps: list[Position] = []
    bounds = []
    for want in wants:
        bounds.append((len(gaps) + 1, len(gaps) + len(want.after.gaps)))
        gaps += want.after.gaps
    return {
        "platforms": [want.platform_id for want in wants],
        "xids": [want.after.front.xid for want in wants],
        "orders": [want.after.front.order_id for want in wants],
        "scans": [want.scan for want in wants],
        "first_gaps": [first for first, _ in bounds],
        "last_gaps": [last for _, last in bounds],
        "gap_xids": [gap.xid for gap in gaps],
        "gap_orders": [gap.order_id for gap in gaps],
    }


def _behind(row: Any, scan: int) -> Behind:
    places = zip(row.waiting_xids or (), row.waiting_orders or (), strict=True)
    last = None if row.looked_at < scan else Position(row.last_xid, row.last_order)
    waiting = [Position(*place) for place in places]
    return Behind(waiting, last, Snapshot(row.ends, row.running))
