# ruff: noqa: S608 - only enum codes are put into statements
"""The rows of ``deliveries``: items to be sent again, notices to be sent, and when."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from unbind_broker.base.coded_enum import codes_of
from unbind_broker.base.database import (
    BIGS,
    BOOLEANS,
    INSTANT,
    INSTANTS,
    INTS,
    SMALLS,
    UUIDS,
    Db,
    fetch_all,
    sql,
)
from unbind_broker.base.ids import EndpointId
from unbind_broker.endpoints.events import NOTICES, EventType
from unbind_broker.items.item import ItemKey, key_arrays
from unbind_broker.items.states import OPEN as OPEN_ITEMS
from unbind_broker.items.states import ItemStatus
from unbind_broker.orders.braking import STOPPED_UNSEEN
from unbind_broker.orders.states import OrderKind, OrderStatus

REQUESTS: dict[OrderKind, EventType] = {
    OrderKind.QUERY: EventType.QUERY_REQUESTED,
    OrderKind.UNBIND: EventType.UNBIND_REQUESTED,
    OrderKind.RESTORE: EventType.RESTORE_REQUESTED,
}
"""Which webhook asks a platform for an order of each kind."""

REQUEST_EVENTS = frozenset(REQUESTS.values())

TOLD_OF_ITEMS = (EventType.UNBIND_CANCELLED, EventType.UNBIND_REMINDER)
"""What platforms are told of items that they were asked for before."""

_REQUESTS = ", ".join(str(event.code) for event in REQUESTS.values())
_SENT = ", ".join(
    str(event.code)
    for event in (
        *REQUESTS.values(),
        *TOLD_OF_ITEMS,
        EventType.CLEARANCE_PUBLISHED,
        *sorted(NOTICES),
    )
)
_QUEUED = ItemStatus.QUEUED.code
_TAKEN = codes_of(OPEN_ITEMS - {ItemStatus.QUEUED})

STILL_WANTED = f"(i.status = {_QUEUED} OR (r.replay AND i.status IN ({_TAKEN})))"
"""A condition for an item ``i`` and what asks for it, ``r``: a request is sent while
its item waits; a replay also when the item was taken."""

REQUEST_OF_ORDER = f"""(
    CASE o.kind
        {" ".join(f"WHEN {k.code} THEN {e.code}" for k, e in REQUESTS.items())}
    END)::smallint"""
"""Which webhook asks for an order ``o``: ``REQUESTS``, in a statement."""


class Subject(NamedTuple):
    """Name what a row is about: an order, or a carrier's notice."""

    endpoint_id: EndpointId
    event: EventType
    subject_id: UUID


class Due(NamedTuple):
    """A row: ``attempt`` counts the steps of the retry plan that are used up.

    ``occasion`` is None for the first request and its retries; a requeue is another
    one, and changes the ``webhook-id``. A ``replay`` is sent although the platform has
    taken the item, because the platform asked for it.
    """

    subject: Subject
    due_at: datetime
    attempt: int
    occasion: UUID | None = None
    replay: bool = False


# Items and orders are looked up row by row (LATERAL with LIMIT): Postgres must not
# decide to read all of them because it expects many.
_DUE = sql(
    f"""
    SELECT w.endpoint_id, d.id, d.due_at, d.event, d.order_id, d.attempt,
        d.occasion, d.replay, d.waits
    FROM unnest(:endpoints, :rooms, :floors) AS w (endpoint_id, room, floor)
    JOIN endpoints e ON e.id = w.endpoint_id
    CROSS JOIN LATERAL (
        SELECT r.id, r.due_at, r.event, r.order_id, r.attempt, r.occasion, r.replay,
            r.event NOT IN ({_REQUESTS}) OR coalesce({STILL_WANTED}, false) AS waits
        FROM deliveries r
        LEFT JOIN LATERAL (
            SELECT status FROM items
            WHERE order_id = r.order_id AND platform_id = e.platform_id LIMIT 1
        ) i ON true
        LEFT JOIN LATERAL (
            SELECT status, deadline, {STOPPED_UNSEEN} AS stopped
            FROM orders o WHERE id = r.order_id LIMIT 1
        ) o ON true
        WHERE r.endpoint_id = w.endpoint_id
            AND r.due_at >= w.floor AND r.due_at <= :now
            AND r.event IN ({_SENT})
            AND ({STILL_WANTED} IS NOT TRUE
                OR r.event NOT IN ({_REQUESTS})
                OR (o.status = {OrderStatus.IN_PROGRESS.code} AND o.deadline > :now
                    AND NOT o.stopped))
        ORDER BY r.due_at, r.id
        LIMIT w.room
    ) d
    """,
    endpoints=INTS,
    rooms=INTS,
    floors=INSTANTS,
    now=INSTANT,
)
_SCHEDULE = sql(
    """
    INSERT INTO deliveries
        (endpoint_id, due_at, event, order_id, attempt, occasion, replay)
    SELECT * FROM unnest(
        :endpoints, :dues, :events, :orders, :attempts, :occasions, :replays)
    ON CONFLICT ON CONSTRAINT deliveries_subject
    DO UPDATE SET due_at = excluded.due_at, attempt = excluded.attempt,
        occasion = excluded.occasion, replay = excluded.replay
    """,
    endpoints=INTS,
    dues=INSTANTS,
    events=SMALLS,
    orders=UUIDS,
    attempts=SMALLS,
    occasions=UUIDS,
    replays=BOOLEANS,
)
_DELETE = sql(
    """
    DELETE FROM deliveries d
    USING unnest(:endpoints, :events, :orders) AS n (endpoint_id, event, order_id)
    WHERE d.endpoint_id = n.endpoint_id
        AND d.event = n.event AND d.order_id = n.order_id
    """,
    endpoints=INTS,
    events=SMALLS,
    orders=UUIDS,
)
# The order of a ROW is one that no index offers: Postgres must not walk over the index
# of keys because it has that order.
_STOP_SENDING = sql(
    f"""
    DELETE FROM deliveries WHERE id = ANY (ARRAY(
        SELECT id FROM deliveries
        WHERE id = ANY (ARRAY(
            SELECT d.id FROM unnest(:orders, :platforms) AS n (order_id, platform_id)
            JOIN endpoints e ON e.platform_id = n.platform_id
            CROSS JOIN LATERAL (
                SELECT id FROM deliveries
                WHERE endpoint_id = e.id AND event IN ({_REQUESTS})
                    AND order_id = n.order_id
                OFFSET 0
            ) d
        ))
        ORDER BY ROW(endpoint_id, event, order_id)
        FOR UPDATE
    ))
    """,
    orders=UUIDS,
    platforms=INTS,
)
# Rows that somebody works on are left to them: this statement waits for nobody.
_CLEAR = sql(
    f"""
    DELETE FROM deliveries WHERE id = ANY (ARRAY(
        SELECT r.id FROM deliveries r
        JOIN endpoints e ON e.id = r.endpoint_id
        LEFT JOIN LATERAL (
            SELECT status FROM items
            WHERE order_id = r.order_id AND platform_id = e.platform_id LIMIT 1
        ) i ON true
        WHERE r.id = ANY(:ids) AND {STILL_WANTED} IS NOT TRUE
        FOR UPDATE OF r SKIP LOCKED
    ))
    """,
    ids=BIGS,
)

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_ATTEMPTS = 32767  # what a smallint holds


async def due(
    db: Db,
    now: datetime,
    rooms: Mapping[EndpointId, int],
    floors: Mapping[EndpointId, datetime] | None = None,
) -> list[Due]:
    """Read what may be sent again by ``now``, without a lock.

    Rows come in the order of endpoint, time, event and occasion. ``rooms`` says how
    many are wanted for each endpoint, ``floors`` before when nothing is due there. Rows
    of items that wait no longer are deleted in passing; those of held orders, and those
    whose deadline has passed, stay where they are. What is not a request is returned as
    it stands: the caller knows when it is outdated.
    """
    if not rooms:
        return []
    values = {
        "endpoints": list(rooms),
        "rooms": list(rooms.values()),
        "floors": [(floors or {}).get(one, BEGINNING) for one in rooms],
        "now": now,
    }
    rows = await fetch_all(db, _DUE, values)
    closed = [row.id for row in rows if not row.waits]
    if closed:
        await db.execute(_CLEAR, {"ids": closed})
    rows.sort(key=_order)
    return [
        Due(
            Subject(row.endpoint_id, EventType.from_code(row.event), row.order_id),
            row.due_at,
            row.attempt,
            row.occasion,
            row.replay,
        )
        for row in rows
        if row.waits
    ]


async def schedule(db: Db, rows: Collection[Due]) -> None:
    """Write when each subject is due; a row that is there is moved."""
    by_subject = {row.subject: row for row in rows}
    latest = [by_subject[one] for one in sorted(by_subject, key=_in_locking_order)]
    if not latest:
        return
    await db.execute(
        _SCHEDULE,
        {
            "endpoints": [row.subject.endpoint_id for row in latest],
            "dues": [row.due_at for row in latest],
            "events": [row.subject.event.code for row in latest],
            "orders": [row.subject.subject_id for row in latest],
            "attempts": [min(row.attempt, _MOST_ATTEMPTS) for row in latest],
            "occasions": [row.occasion for row in latest],
            "replays": [row.replay for row in latest],
        },
    )


async def stop_sending(db: Db, keys: Collection[ItemKey]) -> None:
    """Delete the requests for these items that wait to be sent again."""
    if not keys:
        return
    await db.execute(_STOP_SENDING, key_arrays(keys))


async def delete(db: Db, subjects: Collection[Subject]) -> None:
    """Delete the rows of what need not be sent again."""
    if not subjects:
        return
    named = sorted(set(subjects), key=_in_locking_order)
    await db.execute(
        _DELETE,
        {
            "endpoints": [subject.endpoint_id for subject in named],
            "events": [subject.event.code for subject in named],
            "orders": [subject.subject_id for subject in named],
        },
    )


def _order(row: Any) -> tuple[object, ...]:
    occasion = "" if row.occasion is None else row.occasion.hex
    return row.endpoint_id, row.due_at, row.event, occasion, row.replay, row.id


def _in_locking_order(subject: Subject) -> tuple[int, int, UUID]:
    """Give the order in which everybody locks rows: by their key as it is stored."""
    return subject.endpoint_id, subject.event.code, subject.subject_id
