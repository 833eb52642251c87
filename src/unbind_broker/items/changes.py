# ruff: noqa: S608 - only enum codes and pieces of statements are put into it
"""What changed of many orders since it was last read: one statement, a few rows.

A row belongs to what is new if the transaction that wrote it was not finished when the
last look began: its ``xmin`` is not below the oldest transaction that was under way
then. So nothing is skipped, however late its transaction commits; what was seen already
may come again, and is known by what it shows.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.dialects import postgresql

from unbind_broker.base.database import BOOLEANS, TEXT, UUIDS, Db, fetch_all, sql
from unbind_broker.base.instants import show_instant, show_instant_or_null
from unbind_broker.items.course import Course, OrderNow
from unbind_broker.items.item_views import (
    ENDED_ONCE,
    ITEM_COLUMNS,
    WAITS,
    violation_as_seen_by,
)
from unbind_broker.orders.states import HoldReason, OrderStatus, Scope
from unbind_broker.orders.views import SEEN_STATUS


class Look(NamedTuple):
    """What was found, and from where the next look goes on.

    ``rows`` counts what was read. ``broken`` says that the database knows nothing of
    the look before, having been replaced: then all must be read anew.
    """

    courses: dict[UUID, Course]
    next: str
    rows: int = 0
    broken: bool = False


async def read_courses(db: Db, order_ids: Collection[UUID]) -> dict[UUID, Course]:
    """Read where orders stand."""
    return (await look(db, {}, order_ids, None)).courses


async def look(
    db: Db,
    known: Mapping[UUID, Course],
    fresh: Collection[UUID],
    since: str | None,
) -> Look:
    """Bring ``known`` courses up to date, read ``fresh`` ones, return what changed.

    ``since`` is the ``next`` of the look before, at which ``known`` were read.
    """
    named = {
        "orders": [*known, *fresh],
        "fresh": [False] * len(known) + [True] * len(fresh),
        "since": since,
    }
    first, *_ = rows = await fetch_all(db, _LOOK, named)
    if first.broken:
        return Look({}, first.next, broken=True)
    found: dict[UUID, Course] = {}
    there = (row for row in rows if row.id is not None)
    for order_id, grouped in groupby(there, key=lambda row: row.id):
        read = [*grouped]
        before = known.get(order_id) or found.get(order_id)
        course = before or Course(order_id, _order_now(read[0]), read[0].deadline)
        if _bring_up_to_date(course, read) or before is None:
            found[order_id] = course
    return Look(found, first.next, len(rows))


_ITEM = 12
"""The place of the first of ``ITEM_COLUMNS``."""
_SEEN = SEEN_STATUS.element.compile(
    dialect=postgresql.dialect(),  # type: ignore[no-untyped-call] # SQLAlchemy types it not
    compile_kwargs={"literal_binds": True},
)
# `age` counts backwards from the newest transaction, and is right where the 32 bits of
# `xmin` wrap around. A server that took over may give ids again that were lost with the
# other's last transactions: so the look before must be of the same one. The offsets
# keep Postgres at reading `since` once, and at looking items up order by order.
_LOOK = sql(
    f"""
    SELECT s.next, s.broken, o.*
    FROM (
        SELECT pg_snapshot_xmin(pg_current_snapshot())::xid || '@' || b.server AS next,
            coalesce(age(b.since) < 0 OR b.of_server <> b.server, false) AS broken,
            age(b.since) AS reach
        FROM (
            SELECT split_part(:since, '@', 1)::xid AS since,
                split_part(:since, '@', 2) AS of_server,
                CAST(pg_postmaster_start_time() AS text) AS server
            OFFSET 0
        ) b
    ) s
    LEFT JOIN LATERAL (
        SELECT orders.id, orders.scope, {_SEEN} AS seen_status, orders.created_at,
            orders.held_until, orders.held_for, orders.deadline,
            coalesce(orders.told_at, orders.completed_at) AS over_at, part.*
        FROM unnest(:orders, :fresh) AS w (id, fresh)
        JOIN orders ON orders.id = w.id
        LEFT JOIN LATERAL (
            SELECT p.sensitive, {WAITS} AS waits, {ITEM_COLUMNS}
            FROM items i
            JOIN platforms p ON p.id = i.platform_id
            {ENDED_ONCE}
            {violation_as_seen_by("orders.carrier_id")}
            WHERE i.order_id = w.id AND (w.fresh OR age(i.xmin) <= s.reach)
            OFFSET 0
        ) part ON true
        WHERE w.fresh OR part.slug IS NOT NULL OR age(orders.xmin) <= s.reach
    ) o ON true""",
    orders=UUIDS,
    fresh=BOOLEANS,
    since=TEXT,
)


def _bring_up_to_date(course: Course, rows: list[Any]) -> bool:
    """Take over what was read of an order; tell if any of it is new."""
    now = _order_now(rows[0])
    is_new = now != course.now
    course.now, course.deadline = now, rows[0].deadline
    folds = rows[0].scope == Scope.PREVIOUS_OWNER.code
    shown = []
    for row in rows:
        if row.slug is None:
            continue
        if row.sensitive and folds:
            is_new |= course.fold(row.slug, finished=not row.waits)
        else:
            shown.append(row[_ITEM:])
    return course.show(shown) or is_new


_STATUSES = {status.code: status.value for status in OrderStatus}
_HOLDS: dict[int | None, str | None] = {None: None}
_HOLDS.update((reason.code, reason.value) for reason in HoldReason)


def _order_now(row: Any) -> OrderNow:
    created_at: datetime = row.created_at
    return OrderNow(
        status=_STATUSES[row.seen_status],
        created_at=show_instant(created_at),
        held_until=show_instant_or_null(row.held_until),
        held_for=_HOLDS[row.held_for],
        deadline=show_instant(row.deadline),
        completed_at=show_instant_or_null(row.over_at),
    )
