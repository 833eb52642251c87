# ruff: noqa: S608 - only enum codes are put into statements
"""Call back what suspended carriers have asked for; what undoes harm goes on."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select

from unbind_broker.base.coded_enum import codes_of
from unbind_broker.base.database import INT, INTS, Db, sql
from unbind_broker.base.ids import CarrierId
from unbind_broker.carriers.tables import CarrierStatus, carriers
from unbind_broker.items.states import Reason
from unbind_broker.notices.calling_back import call_back
from unbind_broker.orders.states import OPEN, OrderKind

MOST_AT_ONCE = 500
"""Orders that are called back in the call that suspends their carrier."""


class Suspension(NamedTuple):
    """A carrier that is suspended, and when its row was changed last."""

    carrier_id: CarrierId
    changed_at: datetime


async def find_suspensions(db: Db) -> set[Suspension]:
    """Find the carriers that are suspended."""
    found = await db.execute(
        select(carriers.c.id, carriers.c.changed_at).where(
            carriers.c.status == CarrierStatus.SUSPENDED
        )
    )
    return {Suspension(*row) for row in found}


async def call_back_suspended(
    db: Db,
    now: datetime,
    carrier_ids: Collection[CarrierId],
    limit: int,
    actor: str = "broker",
) -> int:
    """End up to ``limit`` open queries and unbind orders of suspended carriers.

    Carriers that are not suspended may be named; they are left alone. Restore orders
    go on. Returns how many were found: fewer than ``limit`` means that none is left.
    """
    values = {"carriers": list(carrier_ids), "limit": limit}
    found = list((await db.execute(_OPEN_ORDERS, values)).scalars())
    await call_back(db, now, found, Reason.CARRIER_SUSPENDED, actor)
    return len(found)


_OPEN_CODES = codes_of(OPEN)
_OPEN_ORDERS = sql(
    f"""
    SELECT o.id
    FROM orders o
    JOIN carriers c ON c.id = o.carrier_id
    WHERE o.carrier_id = ANY(:carriers) AND c.status = {CarrierStatus.SUSPENDED.code}
        AND o.status IN ({_OPEN_CODES}) AND o.kind <> {OrderKind.RESTORE.code}
    ORDER BY o.deadline
    LIMIT :limit""",
    carriers=INTS,
    limit=INT,
)
