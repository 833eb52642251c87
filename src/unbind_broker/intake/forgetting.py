"""Destroy everything that is kept about one number because somebody asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Text, cast, delete, exists, literal, select, update

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
from unbind_broker.base.errors import BrokerError
from unbind_broker.base.numbers import PhoneNumber, digits_in
from unbind_broker.base.sealing import BlindIndex
from unbind_broker.callbacks.tables import evidence
from unbind_broker.clearances.forgetting import (
    forget_number,
    is_being_cleared,
    lock_clearances_of,
)
from unbind_broker.holdings.tables import holdings
from unbind_broker.intake.dossier import among, any_of, orders_of
from unbind_broker.items.tables import items
from unbind_broker.notices.tables import notices
from unbind_broker.orders.destroying import destroy
from unbind_broker.orders.service import lock_number
from unbind_broker.orders.states import OPEN
from unbind_broker.orders.tables import orders, receipts

_NATIONAL_DIGITS = 11


class OrdersOpen(BrokerError):
    """Orders or clearances of the number are under way."""

    code: ClassVar[str] = "orders-open"
    title: ClassVar[str] = "Orders about this number are still open"


@dataclass(frozen=True)
class Forgotten:
    """How much was destroyed."""

    orders: int
    holdings: int
    receipts: int
    notices: int
    reports: int
    clearances: int


async def forget(
    db: Db,
    now: datetime,
    number: PhoneNumber,
    index: BlindIndex,
    actor: str,
    reason: str,
) -> Forgotten:
    """Destroy everything that is kept about a number, but for the audit trail.

    The trail keeps the keyed digest of the number, which proves that it was handled
    lawfully. Raises ``OrdersOpen`` while orders are under way, and ``ClearanceBusy``;
    then the caller's transaction must not commit.
    """
    number_index = index.index(number)
    await lock_number(db, number_index)
    order_ids = await orders_of(db, number_index)
    if await db.scalar(select(exists().where(among(order_ids), _IS_OPEN))):
        raise OrdersOpen("cancel the open orders about this number first, or wait")
    forgotten = Forgotten(
        reports=await _destroy_reports(db, number, order_ids),
        orders=await destroy(db, now, order_ids),
        holdings=await _count(
            db, delete(holdings).where(holdings.c.number_index == number_index)
        ),
        receipts=await _empty_receipts(db, order_ids),
        notices=await _count(
            db, delete(notices).where(notices.c.order_id == any_of(order_ids))
        ),
        clearances=await _forget_cleared(db, number_index),
    )
    facts = {**vars(forgotten), "reason": reason}
    fact = Fact(actor, "number.forgotten", number_index=number_index, facts=facts)
    await record(db, now, fact)
    return forgotten


async def _forget_cleared(db: Db, number_index: bytes) -> int:
    """Destroy it in clearances: last, because others lock these after orders, too."""
    await lock_clearances_of(db, number_index)
    if await is_being_cleared(db, number_index):
        raise OrdersOpen("have the number withdrawn from its clearance first, or wait")
    return await forget_number(db, number_index)


async def _empty_receipts(db: Db, order_ids: Sequence[UUID]) -> int:
    of_these = receipts.c.order_id == any_of(order_ids)
    emptying = update(receipts).where(of_these, receipts.c.jws != "").values(jws="")
    return await _count(db, emptying)


async def _destroy_reports(
    db: Db, number: PhoneNumber, order_ids: Sequence[UUID]
) -> int:
    """Destroy signed reports that hold the number, however they write it."""
    named = select(items.c.evidence_id).where(
        items.c.order_id == any_of(order_ids), items.c.evidence_id.is_not(None)
    )
    kept = await db.execute(
        select(evidence.c.id, evidence.c.webhook_id, evidence.c.body).where(
            evidence.c.id.in_(named), evidence.c.body.is_not(None)
        )
    )
    digits = number.e164[-_NATIONAL_DIGITS:]
    holding = [
        one.id
        for one in kept
        if digits in digits_in(f"{one.webhook_id} {one.body.decode(errors='replace')}")
    ]
    webhook_id = literal("destroyed-") + cast(evidence.c.id, Text)
    statement = (
        update(evidence)
        .where(evidence.c.id.in_(holding))
        .values(body=None, answer=None, webhook_id=webhook_id)
    )
    return (await db.execute(statement)).rowcount


async def _count(db: Db, statement: Any) -> int:
    count: int = (await db.execute(statement)).rowcount
    return count


_IS_OPEN = orders.c.status.in_(OPEN)
