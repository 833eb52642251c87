"""Removals of what nobody asked to remove: written down, undone at once, told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from sqlalchemy import insert

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
from unbind_broker.base.ids import (
    CarrierId,
    OrderId,
    PlatformId,
    Prefix,
    format_id,
    new_uuid7,
)
from unbind_broker.base.instants import show_instant, show_instant_or_null
from unbind_broker.base.working_days import Deadline, WorkingTime
from unbind_broker.callbacks.store import AskedItem, Reporter
from unbind_broker.callbacks.tables import violations
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.item import Item
from unbind_broker.items.service import create
from unbind_broker.items.states import ItemStatus
from unbind_broker.notices.telling import tell
from unbind_broker.orders.restoring import Cleared, add_restore, add_restore_of_cleared


@dataclass(frozen=True, kw_only=True)
class Outside:
    """A removal outside the interval that a platform was asked ``about``.

    ``about`` is an order, or a number of a clearance. ``is_folded``: its carrier is
    never told anything of this platform by name.
    """

    about: UUID | Cleared
    carrier_id: CarrierId
    reference: str | None
    is_folded: bool
    outcome: ItemStatus
    removed: int | None
    last_bound_at: datetime
    bound_from: datetime | None
    bound_before: datetime
    late: bool

    @classmethod
    def of_item(cls, asked: AskedItem, item: Item) -> Self:
        """Say what was removed too much of an item."""
        assert item.last_bound_at is not None  # noqa: S101 - lies outside, so it is there
        return cls(
            about=item.key.order_id,
            carrier_id=asked.order.carrier_id,
            reference=asked.order.reference,
            is_folded=asked.order.is_folded,
            outcome=item.status,
            removed=item.removed,
            last_bound_at=item.last_bound_at,
            bound_from=asked.question.bound_from,
            bound_before=asked.question.bound_before,
            late=item.late,
        )

    @property
    def order_id(self) -> UUID | None:
        """Give the order; None: it is about a clearance."""
        return None if isinstance(self.about, Cleared) else self.about

    @property
    def cleared(self) -> Cleared | None:
        """Give the number of a clearance; None: it is about an order."""
        return self.about if isinstance(self.about, Cleared) else None


@dataclass(frozen=True)
class _Violation:
    """``restore`` is missing where the platform cannot be asked to undo it."""

    id: UUID
    outside: Outside
    restore: OrderId | None


async def raise_violations(
    db: Db,
    now: datetime,
    reporter: Reporter,
    found: Sequence[Outside],
    working_time: WorkingTime,
) -> None:
    """Write violations down, have each undone by its platform, tell the carriers.

    Where the platform receives no items now, or the number has been destroyed, a
    violation stands without a restore order. Nobody but administrators and auditors
    hears of those that would name a sensitive platform to a present holder.
    """
    raised = [
        _Violation(
            new_uuid7(now),
            one,
            await _order_restore(db, now, reporter.id, one, working_time),
        )
        for one in found
    ]
    if not raised:
        return
    rows = [_row(now, reporter, one) for one in raised]
    await db.execute(insert(violations), rows)
    await record(db, now, *(_fact(reporter, one) for one in raised))
    for one in raised:
        if not one.outside.is_folded:
            await _tell(db, now, reporter, one)


class _NotReceiving(Exception):
    """The platform is suspended, or has no verified endpoint."""


async def _order_restore(
    db: Db,
    now: datetime,
    platform: PlatformId,
    outside: Outside,
    working_time: WorkingTime,
) -> OrderId | None:
    try:
        async with db.begin_nested():
            restore = await _add(db, now, outside, working_time.deadline(now))
            if restore is not None:
                await _ask(db, restore, platform)
    except _NotReceiving:
        return None
    return restore


async def _add(
    db: Db, now: datetime, outside: Outside, deadline: Deadline
) -> OrderId | None:
    about, hidden = outside.about, outside.is_folded
    if isinstance(about, Cleared):
        return await add_restore_of_cleared(db, now, about, deadline, hidden=hidden)
    return await add_restore(db, now, about, deadline, hidden=hidden)


async def _ask(db: Db, restore: OrderId, platform: PlatformId) -> None:
    if not await create(db, restore, [platform]):
        raise _NotReceiving


def _row(now: datetime, reporter: Reporter, violation: _Violation) -> dict[str, object]:
    outside, cleared = violation.outside, violation.outside.cleared
    return {
        "id": violation.id,
        "order_id": outside.order_id,
        "platform_id": reporter.id,
        "carrier_id": outside.carrier_id,
        "outcome": outside.outcome,
        "removed": outside.removed,
        "last_bound_at": outside.last_bound_at,
        "raised_at": now,
        "restore_id": violation.restore,
        "clearance_id": cleared and cleared.clearance_id,
        "place": cleared and cleared.place,
        "bound_before": cleared and cleared.bound_before,
    }


def _fact(reporter: Reporter, violation: _Violation) -> Fact:
    outside, cleared = violation.outside, violation.outside.cleared
    named: dict[str, object] = {}
    if cleared is not None:
        named = {"clearance": _clearance_id(violation), "place": cleared.place}
    return Fact(
        f"platform:{reporter.slug}",
        "violation.raised",
        order_id=outside.order_id,
        number_index=None if cleared is None else cleared.number_index,
        facts={
            **named,
            "outcome": outside.outcome.value,
            "removed": outside.removed,
            "last_bound_at": show_instant(outside.last_bound_at),
            "bound_from": show_instant_or_null(outside.bound_from),
            "bound_before": show_instant(outside.bound_before),
            "late": outside.late,
            "restore": _restore_id(violation),
        },
    )


async def _tell(
    db: Db, now: datetime, reporter: Reporter, violation: _Violation
) -> None:
    outside, order_id = violation.outside, violation.outside.order_id
    data = {
        "order_id": order_id and format_id(Prefix.ORDER, order_id),
        "clearance_id": _clearance_id(violation),
        "reference": outside.reference,
        "platform": reporter.slug,
        "restore_order_id": _restore_id(violation),
        "last_bound_at": show_instant(outside.last_bound_at),
        "raised_at": show_instant(now),
    }
    await tell(db, now, outside.carrier_id, EventType.ORDER_VIOLATION, order_id, data)


def _clearance_id(violation: _Violation) -> str | None:
    cleared = violation.outside.cleared
    if cleared is None:
        return None
    return format_id(Prefix.CLEARANCE, cleared.clearance_id)


def _restore_id(violation: _Violation) -> str | None:
    restore = violation.restore
    return None if restore is None else format_id(Prefix.ORDER, restore)
