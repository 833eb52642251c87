# ruff: noqa: S608 - only enum codes are put into statements
"""What the rows of ``deliveries`` stand for, whatever they are about."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from unbind_broker.base.database import BOOLEANS, INTS, UUIDS, Db, fetch_all, sql
from unbind_broker.base.tracing import read_traceparent
from unbind_broker.deliveries.announcing import ASKED_PERHAPS, UNSURE
from unbind_broker.deliveries.queue import REQUEST_EVENTS, Due, Subject
from unbind_broker.deliveries.reminders import WAITING_FOR_RESULT
from unbind_broker.endpoints.events import NOTICES, EventType
from unbind_broker.items.states import ItemStatus, Reason
from unbind_broker.orders.braking import STOPPED_UNSEEN
from unbind_broker.orders.states import OrderKind, OrderStatus
from unbind_broker.sending.briefs import Briefs
from unbind_broker.sending.clearances import load_clearances
from unbind_broker.sending.payloads import (
    Outgoing,
    OutgoingCancel,
    OutgoingNotice,
    OutgoingReminder,
)

KEPT_TRYING = timedelta(days=5)
"""How long a cancellation or a notice is repeated, by the plan for orders. A platform
is told of a cancellation until its order's deadline at least; a carrier's feed holds
the notices that were given up. One that is sent again because its receiver asked for
it is repeated so long from then on, and ``REPLAYS`` times at most."""

REPLAYS = 12

Told = OutgoingCancel | OutgoingReminder | OutgoingNotice

_CANCELLED = ItemStatus.CANCELLED.code

# Orders and items are looked up one by one (LATERAL with LIMIT): a plan that was made
# when there were few of them would read them all.
_ORDER_AND_ITEM = """
    JOIN endpoints e ON e.id = n.endpoint_id
    CROSS JOIN LATERAL (SELECT * FROM orders WHERE id = n.order_id LIMIT 1) o
    LEFT JOIN LATERAL (
        SELECT * FROM items
        WHERE order_id = n.order_id AND platform_id = e.platform_id LIMIT 1
    ) i ON true
"""
_CANCELS = sql(
    f"""
    SELECT n.endpoint_id, o.id, o.kind, o.deadline, o.completed_at, o.traceparent,
        CASE WHEN i.status = {_CANCELLED} THEN i.reason END AS reason
    FROM unnest(:endpoints, :orders, :unsure) AS n (endpoint_id, order_id, unsure)
    {_ORDER_AND_ITEM}
    JOIN endpoint_leases lease ON lease.endpoint_id = e.id
    WHERE o.status = {OrderStatus.CANCELLED.code}
        AND (NOT n.unsure OR i.attempts > 0 OR i.status <> {_CANCELLED}
            OR {ASKED_PERHAPS})
    """,
    endpoints=INTS,
    orders=UUIDS,
    unsure=BOOLEANS,
)
_REMINDERS = sql(
    f"""
    SELECT n.endpoint_id, o.id, o.kind, o.deadline, i.acknowledged_at, o.traceparent
    FROM unnest(:endpoints, :orders) AS n (endpoint_id, order_id)
    {_ORDER_AND_ITEM}
    WHERE o.status = {OrderStatus.IN_PROGRESS.code} AND NOT {STOPPED_UNSEEN}
        AND {WAITING_FOR_RESULT}
    """,
    endpoints=INTS,
    orders=UUIDS,
)
_NOTICES = sql(
    "SELECT id, event, at, data FROM notices WHERE id = ANY(:ids)", ids=UUIDS
)


class Loaded(NamedTuple):
    """What may be sent, and what need not be sent any more."""

    contents: dict[Subject, Outgoing]
    outdated: list[Subject]


async def load(db: Db, now: datetime, briefs: Briefs, rows: Collection[Due]) -> Loaded:
    """Read what each row stands for.

    A request that has none now is not outdated: its order is held, or about to end.
    """
    subjects = [row.subject for row in rows]
    requests = [one for one in subjects if one.event in REQUEST_EVENTS]
    others = [one for one in subjects if one.event not in REQUEST_EVENTS]
    items = await briefs.load(db, now, {one.subject_id for one in requests})
    contents: dict[Subject, Outgoing] = {
        one: items[one.subject_id] for one in requests if one.subject_id in items
    }
    if not others:
        return Loaded(contents, [])
    unsure = {row.subject for row in rows if row.attempt == UNSURE}
    found = await load_told(db, others, unsure)
    asked = {row.subject: row for row in rows if row.replay}
    told = [(one, _prolonged(content, asked.get(one))) for one, content in found]
    contents.update((one, content) for one, content in told if content.deadline > now)
    return Loaded(contents, [one for one in others if one not in contents])


async def load_told(
    db: Db, subjects: Collection[Subject], unsure: Collection[Subject] = ()
) -> list[tuple[Subject, Told]]:
    """Read what all that is no request says; what says nothing any more is left out."""
    cancels = [one for one in subjects if one.event is EventType.UNBIND_CANCELLED]
    reminders = [one for one in subjects if one.event is EventType.UNBIND_REMINDER]
    notices = [one for one in subjects if one.event in NOTICES]
    waves = [one for one in subjects if one.event is EventType.CLEARANCE_PUBLISHED]
    return [
        *await load_cancels(db, cancels, unsure),
        *await load_clearances(db, waves),
        *await _load_reminders(db, reminders),
        *await _load_notices(db, notices),
    ]


async def load_cancels(
    db: Db, subjects: Sequence[Subject], unsure: Collection[Subject] = ()
) -> list[tuple[Subject, OutgoingCancel]]:
    """Read what cancellations say; one whose order is open again says nothing.

    Nor does an ``unsure`` one, if by now nothing speaks for the platform's having been
    asked.
    """
    if not subjects:
        return []
    values = {**_named(subjects), "unsure": [one in unsure for one in subjects]}
    return [
        (Subject(row.endpoint_id, EventType.UNBIND_CANCELLED, row.id), _cancel(row))
        for row in await fetch_all(db, _CANCELS, values)
    ]


async def _load_reminders(
    db: Db, subjects: Sequence[Subject]
) -> list[tuple[Subject, OutgoingReminder]]:
    """Read what reminders say; one whose result has come meanwhile says nothing."""
    if not subjects:
        return []
    return [
        (Subject(row.endpoint_id, EventType.UNBIND_REMINDER, row.id), _reminder(row))
        for row in await fetch_all(db, _REMINDERS, _named(subjects))
    ]


def _named(subjects: Sequence[Subject]) -> dict[str, object]:
    return {
        "endpoints": [one.endpoint_id for one in subjects],
        "orders": [one.subject_id for one in subjects],
    }


def _reminder(row: Any) -> OutgoingReminder:
    return OutgoingReminder(
        order_id=row.id,
        kind=OrderKind.from_code(row.kind),
        acknowledged_at=row.acknowledged_at,
        deadline=row.deadline,
        trace=read_traceparent(row.traceparent),
    )


def _prolonged(content: Told, row: Due | None) -> Told:
    """Let what is sent again not be too old for it."""
    if row is None or row.attempt >= REPLAYS:
        return content
    deadline = max(content.deadline, row.due_at + KEPT_TRYING)
    return replace(content, deadline=deadline)


def _cancel(row: Any) -> OutgoingCancel:
    return OutgoingCancel(
        order_id=row.id,
        kind=OrderKind.from_code(row.kind),
        reason=None if row.reason is None else Reason.from_code(row.reason),
        cancelled_at=row.completed_at,
        deadline=max(row.deadline, row.completed_at + KEPT_TRYING),
        trace=read_traceparent(row.traceparent),
    )


async def _load_notices(
    db: Db, subjects: Sequence[Subject]
) -> list[tuple[Subject, OutgoingNotice]]:
    """Read what carriers were told."""
    if not subjects:
        return []
    ids: set[UUID] = {one.subject_id for one in subjects}
    notices = {
        row.id: OutgoingNotice(
            notice_id=row.id,
            event=EventType.from_code(row.event),
            at=row.at,
            data=row.data,
            deadline=row.at + KEPT_TRYING,
        )
        for row in await fetch_all(db, _NOTICES, {"ids": list(ids)})
    }
    return [
        (one, notices[one.subject_id]) for one in subjects if one.subject_id in notices
    ]
