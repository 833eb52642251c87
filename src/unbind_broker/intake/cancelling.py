"""Undo, before it is done: a carrier calls its own order back."""

from datetime import datetime
from typing import ClassVar, NamedTuple
from uuid import UUID

from sqlalchemy import select

from unbind_broker.base.database import Db
from unbind_broker.base.errors import BrokerError
from unbind_broker.intake.asked import AskingCarrier
from unbind_broker.items.states import Reason
from unbind_broker.notices.calling_back import call_back, hold_still
from unbind_broker.orders.standing import UNDOES_VIOLATION
from unbind_broker.orders.states import OPEN, OrderKind, OrderStatus
from unbind_broker.orders.tables import orders


class UndoesViolation(BrokerError):
    """The order gives back what was removed too much."""

    code: ClassVar[str] = "undoes-violation"
    title: ClassVar[str] = "This order undoes a violation"


class OrderAlreadyCompleted(BrokerError):
    """Nothing of the order is open any more."""

    code: ClassVar[str] = "order-already-completed"
    title: ClassVar[str] = "This order is completed already"


async def cancel(db: Db, now: datetime, carrier: AskingCarrier, order_id: UUID) -> bool:
    """Cancel a carrier's own order; cancelling it again changes nothing.

    What counts is what the carrier may know: an order that it sees as completed is not
    cancelled, though a folded platform may still work on it. Raises
    ``OrderAlreadyCompleted``, and ``UndoesViolation`` where it is none of the carrier's
    asking; False if no order of the carrier has this id.
    """
    if await _read(db, carrier, order_id) is None:
        return False
    await hold_still(db, now, [order_id])
    order = await _read(db, carrier, order_id)
    if order is None:
        raise AssertionError("an order that was there a moment ago is not")
    if order.status is OrderStatus.CANCELLED and not order.was_told_before:
        return True
    if order.status not in OPEN or order.told_at is not None:
        raise OrderAlreadyCompleted(
            "every platform has finished; what was detached is attached again by a "
            "restore order"
        )
    if order.undoes_violation:
        raise UndoesViolation(
            "a platform removed what is somebody's own, and is asked to attach it again"
        )
    await call_back(db, now, [order_id], Reason.BY_CARRIER, carrier.actor)
    return True


class _Standing(NamedTuple):
    """How an order stands."""

    status: OrderStatus
    told_at: datetime | None
    completed_at: datetime | None
    undoes_violation: bool

    @property
    def was_told_before(self) -> bool:
        """Tell an order that its carrier saw completed before it was called back."""
        return (
            self.told_at is not None
            and self.completed_at is not None
            and self.told_at < self.completed_at
        )


async def _read(db: Db, carrier: AskingCarrier, order_id: UUID) -> _Standing | None:
    found = await db.execute(
        select(
            orders.c.status,
            orders.c.told_at,
            orders.c.completed_at,
            UNDOES_VIOLATION,
        ).where(
            orders.c.id == order_id,
            orders.c.carrier_id == carrier.id,
            orders.c.kind.in_((OrderKind.UNBIND, OrderKind.RESTORE)),
            ~orders.c.hidden,
        )
    )
    row = found.one_or_none()
    return None if row is None else _Standing(*row)
