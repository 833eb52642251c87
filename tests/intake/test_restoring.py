"""Which parts of an order are undone, whatever has become of them."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.order_builders import (
    INTAKE,
    a_reachable_platform,
    an_order,
    asked,
    asking,
    bring_to,
)
from unbind_broker.base.database import Db
from unbind_broker.base.ids import OrderId, PlatformId
from unbind_broker.carriers.service import Carrier
from unbind_broker.intake.place_order import Placed
from unbind_broker.intake.restoring import (
    UNDOABLE,
    AskedRestore,
    NothingToRestore,
    NotRestorable,
    restore,
)
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.orders.states import OrderStatus, Scope
from unbind_broker.orders.tables import orders

SECOND = timedelta(seconds=1)
LATER = NOON + timedelta(days=1)


async def undo(
    db: Db, carrier: Carrier, order_id: OrderId, *platforms: str
) -> set[PlatformId]:
    """Ask for it, and return which platforms are asked."""
    wanted = AskedRestore(
        order_id=order_id, platforms=platforms or None, reason="by mistake"
    )
    placed = await restore(
        db, LATER, wanted, asking(carrier), INTAKE.policy.working_time
    )
    assert isinstance(placed, Placed)
    asked_now = select(items.c.platform_id).where(items.c.order_id == placed.order_id)
    return set((await db.execute(asked_now)).scalars())


async def a_part(
    db: Db, key: ItemKey, status: ItemStatus, until: datetime | None
) -> None:
    await bring_to(db, key, status)
    await db.execute(
        update(items)
        .where(items.c.order_id == key.order_id)
        .where(items.c.platform_id == key.platform_id)
        .values(restorable_until=until)
    )


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("status", ItemStatus)
@pytest.mark.parametrize("until", [None, LATER - SECOND, LATER, LATER + SECOND])
async def test_what_was_detached_is_undone_within_its_time(
    db: Db, status: ItemStatus, until: datetime | None, scope: Scope
) -> None:
    carrier, platform = await a_carrier(db), await a_reachable_platform(db)
    order_id = await an_order(db, carrier, asked(scope=scope, platforms=("weibo",)))
    await a_part(db, ItemKey(order_id, platform.id), status, until)
    if status in UNDOABLE and until is not None and until > LATER:
        assert await undo(db, carrier, order_id) == {platform.id}
        assert await undo(db, carrier, order_id, "weibo") == {platform.id}
        return
    with pytest.raises(NothingToRestore):
        await undo(db, carrier, order_id)
    with pytest.raises(NotRestorable):
        await undo(db, carrier, order_id, "weibo")


@pytest.mark.parametrize("status", ItemStatus)
@pytest.mark.parametrize("until", [None, LATER, LATER + SECOND])
async def test_every_folded_platform_that_was_asked_is_asked_again(
    db: Db, status: ItemStatus, until: datetime | None
) -> None:
    carrier = await a_carrier(db)
    folded = await a_reachable_platform(db, "dating", sensitive=True)
    never = await a_reachable_platform(db, "lending", sensitive=True)
    order_id = await an_order(db, carrier)
    await a_part(db, ItemKey(order_id, folded.id), status, until)
    await a_part(db, ItemKey(order_id, never.id), ItemStatus.QUEUED, None)
    of_folded = (items.c.order_id == order_id) & (items.c.platform_id == folded.id)
    await db.execute(update(items).where(of_folded).values(attempts=1))
    assert await undo(db, carrier, order_id) == {folded.id}
    with pytest.raises(NotRestorable):
        await undo(db, carrier, order_id, "dating")


@pytest.mark.parametrize("status", OrderStatus)
async def test_an_order_can_be_undone_wherever_it_stands(
    db: Db, status: OrderStatus
) -> None:
    carrier, platform = await a_carrier(db), await a_reachable_platform(db)
    order_id = await an_order(db, carrier)
    key = ItemKey(order_id, platform.id)
    await a_part(db, key, ItemStatus.UNBOUND, LATER + SECOND)
    await db.execute(update(orders).values(status=status, held_until=LATER))
    assert await undo(db, carrier, order_id) == {platform.id}


async def test_nothing_is_undone_for_a_number_that_was_destroyed(db: Db) -> None:
    carrier, platform = await a_carrier(db), await a_reachable_platform(db)
    order_id = await an_order(db, carrier)
    key = ItemKey(order_id, platform.id)
    await a_part(db, key, ItemStatus.UNBOUND, LATER + SECOND)
    await db.execute(
        update(orders).values(number_sealed=None, number_index=None, destroyed_at=NOON)
    )
    with pytest.raises(NothingToRestore):
        await undo(db, carrier, order_id)
