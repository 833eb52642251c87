# ruff: noqa: S608 - only enum codes are put into the statement
"""Undo: an order that has platforms attach again what another one detached."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Boolean

from unbind_broker.base.database import INSTANT, Db, sql
from unbind_broker.base.database import UUID as UUID_TYPE
from unbind_broker.base.ids import OrderId, new_uuid7
from unbind_broker.base.working_days import Deadline
from unbind_broker.orders.sendable import LOG_SENDABLE
from unbind_broker.orders.states import OrderKind, OrderStatus


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
    }
    added = await db.execute(_ADD, values)
    return restore_id if added.rowcount else None


_ADD = sql(
    f"""
    WITH sendable AS (
        INSERT INTO orders (id, kind, status, carrier_id, scope, action,
            number_sealed, number_index, owner_since, ported_in_on, cutoff, bound_from,
            bound_before, reference, restores, recheck, created_at, deadline,
            deadline_provisional, hidden)
        SELECT :restore, {OrderKind.RESTORE.code}, {OrderStatus.IN_PROGRESS.code},
            carrier_id, scope, action, number_sealed,
            number_index, owner_since, ported_in_on, cutoff, bound_from, bound_before,
            reference, id, false, :now, :deadline, :provisional, :hidden
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
)
