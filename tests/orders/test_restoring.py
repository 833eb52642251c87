from datetime import timedelta

import pytest
from sqlalchemy import select, update

from tests.support.clock import NOON
from tests.support.order_builders import an_item
from tests.support.undo import order_row
from unbind_broker.base.database import Db
from unbind_broker.base.working_days import Deadline
from unbind_broker.orders.restoring import add_restore
from unbind_broker.orders.states import OrderKind, OrderStatus
from unbind_broker.orders.tables import order_log, orders

LATER = NOON + timedelta(days=2)
DEADLINE = Deadline(NOON + timedelta(days=9), provisional=True)

SHARED = (
    "carrier_id",
    "scope",
    "action",
    "number_sealed",
    "number_index",
    "owner_since",
    "ported_in_on",
    "cutoff",
    "bound_from",
    "bound_before",
    "reference",
)


@pytest.mark.parametrize("hidden", [False, True])
async def test_a_restore_order_is_about_the_same_and_can_be_sent(
    db: Db, *, hidden: bool
) -> None:
    of = (await an_item(db)).order_id
    await db.execute(update(orders).values(attestation_sealed=b"sealed"))
    restore_id = await add_restore(db, LATER, of, DEADLINE, hidden=hidden)
    assert restore_id is not None
    original, restore = await order_row(db, of), await order_row(db, restore_id)
    for name in SHARED:
        assert getattr(restore, name) == getattr(original, name)
    assert (restore.kind, restore.status) == (
        OrderKind.RESTORE,
        OrderStatus.IN_PROGRESS,
    )
    assert (restore.restores, restore.hidden) == (of, hidden)
    assert (restore.created_at, restore.deadline) == (LATER, DEADLINE.at)
    assert restore.deadline_provisional
    assert restore.consent_method is restore.attestation_sealed is None
    logged = await db.execute(select(order_log.c.order_id))
    assert restore_id in logged.scalars().all()


async def test_nothing_is_restored_for_a_number_that_was_destroyed(db: Db) -> None:
    of = (await an_item(db)).order_id
    await db.execute(
        update(orders).values(number_sealed=None, number_index=None, destroyed_at=NOON)
    )
    assert await add_restore(db, LATER, of, DEADLINE, hidden=False) is None
