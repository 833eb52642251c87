# ruff: noqa: S608 - only enum codes are put into statements
"""Read the order log: which items wait for their first send.

Both statements look at a bounded number of log rows, whatever they find there, and say
below which transaction id nothing can appear any more.
"""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple
from uuid import UUID

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
from unbind_broker.sending.positions import Position, start_of


class Row(NamedTuple):
    """A log row and the platforms whose item of it waits."""

    position: Position
    platforms: Sequence[PlatformId]


class Tail(NamedTuple):
    """What lies beyond the tail; the next read begins at the ``horizon`` or before."""

    rows: list[Row]
    horizon: Position
    is_complete: bool


class Want(NamedTuple):
    """One platform's wish: what lies ``after``, looking at ``scan`` rows."""

    platform_id: PlatformId
    after: Position
    scan: int


class Behind(NamedTuple):
    """What one platform's wish found.

    Nothing but ``waiting`` waits up to ``reached``, where the next read may begin.
    """

    waiting: list[Position]
    reached: Position
    is_complete: bool


# Items are looked up row by row (LATERAL, with an aggregate or LIMIT in it): Postgres
# must not decide to read all of them because it expects many.
_HORIZON = "(pg_snapshot_xmin(pg_current_snapshot())::text)::bigint"
_WAITS = f"i.status = {ItemStatus.QUEUED.code} AND i.attempts = 0 AND i.follows IS NULL"

_TAIL = sql(
    f"""
    SELECT h.horizon, l.xid, l.order_id, l.platforms
    FROM (SELECT {_HORIZON} AS horizon) h
    LEFT JOIN (
        SELECT r.xid, r.order_id, waiting.platforms
        FROM (
            SELECT xid, order_id FROM order_log
            WHERE (xid, order_id) > (:xid, :order_id) AND order_id <> ALL(:dealt)
            ORDER BY xid, order_id
            LIMIT :limit
        ) r
        CROSS JOIN LATERAL (
            SELECT array_agg(i.platform_id) AS platforms
            FROM items i WHERE i.order_id = r.order_id AND {_WAITS}
        ) waiting
    ) l ON true
    ORDER BY l.xid, l.order_id
    """,
    xid=BIG,
    order_id=UUID_TYPE,
    dealt=UUIDS,
    limit=INT,
)
_BEHIND = sql(
    f"""
    SELECT {_HORIZON} AS horizon, w.platform_id, l.*
    FROM unnest(:platforms, :xids, :orders, :scans)
        AS w (platform_id, xid, order_id, scan)
    CROSS JOIN LATERAL (
        SELECT count(*) AS looked_at, max(r.xid) AS last_xid,
            (array_agg(r.order_id ORDER BY r.xid DESC, r.order_id DESC))[1]
                AS last_order,
            array_agg(r.xid ORDER BY r.xid, r.order_id)
                FILTER (WHERE i.waits) AS waiting_xids,
            array_agg(r.order_id ORDER BY r.xid, r.order_id)
                FILTER (WHERE i.waits) AS waiting_orders
        FROM (
            SELECT o.xid, o.order_id FROM order_log o
            WHERE (o.xid, o.order_id) > (w.xid, w.order_id)
            ORDER BY o.xid, o.order_id
            LIMIT w.scan
        ) r
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
)


async def read_tail(
    db: Db, after: Position, dealt: Collection[UUID], limit: int
) -> Tail:
    """Read up to ``limit`` log rows behind ``after``, leaving out ``dealt``."""
    found = await fetch_all(
        db,
        _TAIL,
        {
            "xid": after.xid,
            "order_id": after.order_id,
            "dealt": list(dealt),
            "limit": limit,
        },
    )
    rows = [
        Row(Position(row.xid, row.order_id), row.platforms or ())
        for row in found
        if row.order_id is not None
    ]
    return Tail(rows, start_of(found[0].horizon), len(rows) < limit)


async def read_behind(db: Db, wants: Collection[Want]) -> dict[PlatformId, Behind]:
    """Read for each platform by itself from where it stands."""
    if not wants:
        return {}
    found = await fetch_all(
        db,
        _BEHIND,
        {
            "platforms": [want.platform_id for want in wants],
            "xids": [want.after.xid for want in wants],
            "orders": [want.after.order_id for want in wants],
            "scans": [want.scan for want in wants],
        },
    )
    scans = {want.platform_id: want.scan for want in wants}
    return {row.platform_id: _behind(row, scans[row.platform_id]) for row in found}


def _behind(row: Any, scan: int) -> Behind:
    places = zip(row.waiting_xids or (), row.waiting_orders or (), strict=True)
    is_complete = row.looked_at < scan
    horizon = start_of(row.horizon)
    last = horizon if is_complete else Position(row.last_xid, row.last_order)
    return Behind(
        [Position(*place) for place in places], min(last, horizon), is_complete
    )
