# ruff: noqa: S608 - only enum codes are put into the statement
"""Undo: an order that has platforms attach again what was detached by mistake."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Boolean, Date

from unbind_broker.base.database import BYTES, INSTANT, INT, TEXT, Db, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import CarrierId, OrderId, new_uuid7
from unbind_broker.base.tracing import traceparent_under_way
from unbind_broker.base.working_days import Deadline
from unbind_broker.orders.sendable import LOG_SENDABLE
from unbind_broker.orders.states import Action, OrderKind, OrderStatus, Scope


@dataclass(frozen=True, kw_only=True)
class Cleared:
    """A number of a clearance, sealed as orders keep theirs.

    ``owner_since`` is the day after it was given up, ``bound_before`` its beginning.
    """

    clearance_id: UUID
    place: int
    carrier_id: CarrierId
    reference: str | None
    number_sealed: bytes
    number_index: bytes
    owner_since: date
    bound_before: datetime


async def add_restore(
    db: Db, now: datetime, of: UUID, deadline: Deadline, *, hidden: bool
) -> OrderId | None:
    """Write down an order that undoes ``of``, without its items, and log it sendable.

    It is about the same bindings of the same number, under the same reference; consent
    and attestation were given for the other one only. None if the number has been
    destroyed: then nobody can be told any more whom it is about.
    """
    restore_id = OrderId(new_uuid7(now))
    values = {
        "restore": restore_id,
        "of": of,
        "now": now,
        "deadline": deadline.at,
        "provisional": deadline.provisional,
        "hidden": hidden,
        "trace": traceparent_under_way(),
    }
    added = await db.execute(_ADD, values)
    return restore_id if added.rowcount else None


async def add_restore_of_cleared(
    db: Db, now: datetime, cleared: Cleared, deadline: Deadline, *, hidden: bool
) -> OrderId:
    """Write down an order that undoes what a clearance did to one of its numbers.

    Its ``restores`` is the clearance.
    """
    restore_id = OrderId(new_uuid7(now))
    values = {
        "restore": restore_id,
        "of": cleared.clearance_id,
        "carrier": cleared.carrier_id,
        "sealed": cleared.number_sealed,
        "number": cleared.number_index,
        "owner_since": cleared.owner_since,
        "bound_before": cleared.bound_before,
        "reference": cleared.reference,
        "now": now,
        "deadline": deadline.at,
        "provisional": deadline.provisional,
        "hidden": hidden,
        "trace": traceparent_under_way(),
    }
    await db.execute(_ADD_OF_CLEARED, values)
    return restore_id


_ADD = sql(
    f"""
    WITH sendable AS (
        INSERT INTO orders (id, kind, status, carrier_id, scope, action,
            number_sealed, number_index, owner_since, ported_in_on, cutoff, bound_from,
            bound_before, reference, restores, recheck, created_at, deadline,
            deadline_provisional, hidden, traceparent)
        SELECT :restore, {OrderKind.RESTORE.code}, {OrderStatus.IN_PROGRESS.code},
            carrier_id, scope, action, number_sealed,
            number_index, owner_since, ported_in_on, cutoff, bound_from, bound_before,
            reference, id, false, :now, :deadline, :provisional, :hidden, :trace
        FROM orders
        WHERE id = :of AND number_sealed IS NOT NULL
        RETURNING id
    )
    {LOG_SENDABLE}""",
    restore=UUID_TYPE,
    of=UUID_TYPE,
    now=INSTANT,
    deadline=INSTANT,
    provisional=Boolean(),
    hidden=Boolean(),
    trace=TEXT,
)
_ADD_OF_CLEARED = sql(
    f"""
    WITH sendable AS (
        INSERT INTO orders (id, kind, status, carrier_id, scope, action,
            number_sealed, number_index, owner_since, cutoff, bound_before, reference,
            restores, recheck, created_at, deadline, deadline_provisional, hidden,
            traceparent)
        VALUES (:restore, {OrderKind.RESTORE.code}, {OrderStatus.IN_PROGRESS.code},
            :carrier, {Scope.PREVIOUS_OWNER.code}, {Action.DETACH.code}, :sealed,
            :number, :owner_since, :bound_before, :bound_before, :reference, :of,
            false, :now, :deadline, :provisional, :hidden, :trace)
        RETURNING id
    )
    {LOG_SENDABLE}""",
    restore=UUID_TYPE,
    of=UUID_TYPE,
    carrier=INT,
    sealed=BYTES,
    number=BYTES,
    owner_since=Date(),
    bound_before=INSTANT,
    reference=TEXT,
    now=INSTANT,
    deadline=INSTANT,
    provisional=Boolean(),
    hidden=Boolean(),
    trace=TEXT,
)
