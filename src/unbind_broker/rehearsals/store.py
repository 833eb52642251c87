# ruff: noqa: S608 - only enum codes and pieces of statements are put into them
"""Rows behind what made-up platforms are asked, and have still to tell."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from unbind_broker.base.database import (
    INSTANT,
    INSTANTS,
    INT,
    INTS,
    UUIDS,
    Db,
    fetch_all,
    sql,
)
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import EndpointId, PlatformId, uuid7_floor
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.braking import STOPPED_UNSEEN
from unbind_broker.orders.states import Action, OrderKind, OrderStatus


class AskedRow(NamedTuple):
    """An item with what its platform is asked; the number is sealed."""

    key: ItemKey
    status: ItemStatus
    kind: OrderKind
    action: Action | None
    number_sealed: bytes
    bound_from: datetime | None
    bound_before: datetime
    deadline: datetime


class Called(NamedTuple):
    """That an item was called back, waiting to be fetched."""

    endpoint: EndpointId
    key: ItemKey


async def take_queued(
    db: Db,
    now: datetime,
    platforms: Collection[PlatformId],
    longest: timedelta,
    limit: int,
) -> list[AskedRow]:
    """Count an attempt of items that wait for these platforms, and read them.

    Orders older than ``longest`` are left to their deadline.
    """
    values = {
        "platforms": list(platforms),
        "since": uuid7_floor(now - longest),
        "now": now,
        "limit": limit,
    }
    return [_asked(row) for row in await fetch_all(db, _TAKE_QUEUED, values)]


async def take_due(db: Db, now: datetime, limit: int) -> list[AskedRow]:
    """Take off the list what is due about items, and read what was asked.

    Items that were called back meanwhile, and numbers that are gone, are left out.
    """
    rows = await fetch_all(db, _TAKE_DUE, {"now": now, "limit": limit})
    return [_asked(row) for row in rows]


async def put_off(db: Db, due: Mapping[tuple[UUID, PlatformId], datetime]) -> None:
    """Note when a platform has something more to tell about a subject."""
    if due:
        ordered = sorted(due)
        values = {
            "subjects": [subject for subject, _ in ordered],
            "platforms": [platform for _, platform in ordered],
            "dues": [due[one] for one in ordered],
        }
        await db.execute(_PUT_OFF, values)


async def find_called_back(
    db: Db, endpoints: Collection[EndpointId], limit: int
) -> list[Called]:
    """Read what was called back and has not been fetched."""
    values = {"endpoints": list(endpoints), "limit": limit}
    rows = await fetch_all(db, _CALLED_BACK, values)
    return [
        Called(row.endpoint_id, ItemKey(row.order_id, row.platform_id)) for row in rows
    ]


def _asked(row: Any) -> AskedRow:
    return AskedRow(
        key=ItemKey(row.order_id, row.platform_id),
        status=ItemStatus.from_code(row.status),
        kind=OrderKind.from_code(row.kind),
        action=None if row.action is None else Action.from_code(row.action),
        number_sealed=row.number_sealed,
        bound_from=row.bound_from,
        bound_before=row.bound_before,
        deadline=row.deadline,
    )


_QUESTION = """
    o.kind, o.action, o.number_sealed, o.bound_from, o.bound_before, o.deadline"""
_OF_TWINS = f"""
    SELECT o.id FROM carriers c
    CROSS JOIN LATERAL (
        SELECT o.id FROM orders o
        WHERE o.carrier_id = c.id AND o.id >= :since
            AND o.status = {OrderStatus.IN_PROGRESS.code} AND o.deadline > :now
            AND CASE WHEN o.told_at IS NULL THEN true ELSE NOT {STOPPED_UNSEEN} END
        ORDER BY o.id
        OFFSET 0
    ) o
    WHERE c.sandbox_of IS NOT NULL"""
_TAKE_QUEUED = sql(
    f"""
    WITH locked AS (
        SELECT i.order_id, i.platform_id
        FROM ({_OF_TWINS}) o
        JOIN items i ON i.order_id = o.id AND i.platform_id = ANY(:platforms)
        WHERE i.status = {ItemStatus.QUEUED.code} AND i.follows IS NULL
        ORDER BY i.order_id, i.platform_id
        LIMIT :limit
        FOR NO KEY UPDATE OF i SKIP LOCKED
    ), counted AS (
        UPDATE items i SET attempts = least(i.attempts + 1, 32767)
        FROM locked l
        WHERE i.order_id = l.order_id AND i.platform_id = l.platform_id
        RETURNING i.order_id, i.platform_id, i.status
    )
    SELECT i.order_id, i.platform_id, i.status, {_QUESTION}
    FROM counted i
    JOIN orders o ON o.id = i.order_id
    WHERE o.number_sealed IS NOT NULL
    ORDER BY i.order_id, i.platform_id""",
    platforms=INTS,
    since=UUID_TYPE,
    now=INSTANT,
    limit=INT,
)
_TAKE_DUE = sql(
    f"""
    WITH due AS (
        DELETE FROM rehearsed_reports r
        WHERE (r.subject_id, r.platform_id) IN (
            SELECT d.subject_id, d.platform_id
            FROM rehearsed_reports d
            WHERE d.due_at <= :now AND NOT EXISTS (
                SELECT FROM clearance_waves w WHERE w.notice_id = d.subject_id)
            ORDER BY d.due_at
            LIMIT :limit
        )
        RETURNING r.subject_id, r.platform_id
    )
    SELECT i.order_id, i.platform_id, i.status, {_QUESTION}
    FROM due d
    JOIN items i ON i.order_id = d.subject_id AND i.platform_id = d.platform_id
    JOIN orders o ON o.id = i.order_id
    WHERE i.status <> {ItemStatus.CANCELLED.code} AND o.number_sealed IS NOT NULL
    ORDER BY i.order_id, i.platform_id""",
    now=INSTANT,
    limit=INT,
)
_PUT_OFF = sql(
    """
    INSERT INTO rehearsed_reports (subject_id, platform_id, due_at)
    SELECT * FROM unnest(:subjects, :platforms, :dues)
    ON CONFLICT (subject_id, platform_id) DO UPDATE SET due_at = excluded.due_at""",
    subjects=UUIDS,
    platforms=INTS,
    dues=INSTANTS,
)
_CALLED_BACK = sql(
    f"""
    SELECT d.endpoint_id, d.order_id, e.platform_id
    FROM deliveries d
    JOIN endpoints e ON e.id = d.endpoint_id
    WHERE d.endpoint_id = ANY(:endpoints)
        AND d.event = {EventType.UNBIND_CANCELLED.code}
    ORDER BY d.order_id, e.platform_id
    LIMIT :limit""",
    endpoints=INTS,
    limit=INT,
)
