"""Removals of what nobody asked to remove: written down, undone at once, told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert

from unbind_broker.audit.trail import Fact, record
from unbind_broker.base.database import Db
from unbind_broker.base.ids import OrderId, PlatformId, Prefix, format_id, new_uuid7
from unbind_broker.base.instants import show_instant, show_instant_or_null
from unbind_broker.base.working_days import WorkingTime
from unbind_broker.callbacks.store import AskedItem, Reporter
from unbind_broker.callbacks.tables import violations
from unbind_broker.endpoints.events import EventType
from unbind_broker.items.item import Item
from unbind_broker.items.service import create
from unbind_broker.notices.telling import tell
from unbind_broker.orders.restoring import add_restore


@dataclass(frozen=True)
class Outside:
    """An item and the removal outside its interval that was reported of it."""

    asked: AskedItem
    item: Item


@dataclass(frozen=True)
class _Violation:
    """``restore`` is missing where the platform cannot be asked to undo it."""

    id: UUID
    asked: AskedItem
    item: Item
    last_bound_at: datetime
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
    raised = [await _undo(db, now, reporter, one, working_time) for one in found]
    if not raised:
        return
    await db.execute(insert(violations), [_row(now, one) for one in raised])
    await record(db, now, *(_fact(reporter, one) for one in raised))
    for one in raised:
        if not one.asked.order.is_folded:
            await _tell(db, now, reporter, one)


class _NotReceiving(Exception):
    """The platform is suspended, or has no verified endpoint."""


async def _undo(
    db: Db,
    now: datetime,
    reporter: Reporter,
    outside: Outside,
    working_time: WorkingTime,
) -> _Violation:
    asked, item = outside.asked, outside.item
    assert item.last_bound_at is not None  # noqa: S101 - lies outside, so it is there
    restore = await _order_restore(db, now, reporter.id, asked, working_time)
    return _Violation(new_uuid7(now), asked, item, item.last_bound_at, restore)


async def _order_restore(
    db: Db,
    now: datetime,
    platform: PlatformId,
    asked: AskedItem,
    working_time: WorkingTime,
) -> OrderId | None:
    try:
        async with db.begin_nested():
            deadline = working_time.deadline(now)
            of, hidden = asked.item.key.order_id, asked.order.is_folded
            restore = await add_restore(db, now, of, deadline, hidden=hidden)
            if restore is not None:
                await _ask(db, restore, platform)
    except _NotReceiving:
        return None
    return restore


async def _ask(db: Db, restore: OrderId, platform: PlatformId) -> None:
    if not await create(db, restore, [platform]):
        raise _NotReceiving


def _row(now: datetime, violation: _Violation) -> dict[str, object]:
    item = violation.item
    return {
        "id": violation.id,
        "order_id": item.key.order_id,
        "platform_id": item.key.platform_id,
        "carrier_id": violation.asked.order.carrier_id,
        "outcome": item.status,
        "removed": item.removed,
        "last_bound_at": violation.last_bound_at,
        "raised_at": now,
        "restore_id": violation.restore,
    }


def _fact(reporter: Reporter, violation: _Violation) -> Fact:
    item, question = violation.item, violation.asked.question
    return Fact(
        f"platform:{reporter.slug}",
        "violation.raised",
        order_id=item.key.order_id,
        facts={
            "outcome": item.status.value,
            "removed": item.removed,
            "last_bound_at": show_instant(violation.last_bound_at),
            "bound_from": show_instant_or_null(question.bound_from),
            "bound_before": show_instant(question.bound_before),
            "late": item.late,
            "restore": _restore_id(violation),
        },
    )


async def _tell(
    db: Db, now: datetime, reporter: Reporter, violation: _Violation
) -> None:
    order, order_id = violation.asked.order, violation.item.key.order_id
    data = {
        "order_id": format_id(Prefix.ORDER, order_id),
        "reference": order.reference,
        "platform": reporter.slug,
        "restore_order_id": _restore_id(violation),
        "last_bound_at": show_instant(violation.last_bound_at),
        "raised_at": show_instant(now),
    }
    await tell(db, now, order.carrier_id, EventType.ORDER_VIOLATION, order_id, data)


def _restore_id(violation: _Violation) -> str | None:
    restore = violation.restore
    return None if restore is None else format_id(Prefix.ORDER, restore)
