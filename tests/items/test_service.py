import asyncio
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.order_builders import (
    a_reachable_platform,
    an_item,
    an_order,
    item_row,
)
from unbind_broker.base.database import Db
from unbind_broker.items.expiring import expire
from unbind_broker.items.item import Item, ItemKey
from unbind_broker.items.service import (
    acknowledge,
    count_attempts,
    mark_undeliverable,
    replace,
)
from unbind_broker.items.states import HolderAction, ItemStatus, Reason

LATER = NOON + timedelta(minutes=5)


async def test_a_2xx_takes_a_queued_item(db: Db) -> None:
    key = await an_item(db)
    await acknowledge(db, LATER, [key])
    item = await item_row(db, key)
    assert item.status is ItemStatus.ACKNOWLEDGED
    assert (item.attempts, item.acknowledged_at) == (1, LATER)


@pytest.mark.parametrize(
    "status", [status for status in ItemStatus if status is not ItemStatus.QUEUED]
)
async def test_a_2xx_for_an_item_that_has_moved_on_only_counts(
    db: Db, status: ItemStatus
) -> None:
    key = await an_item(db, status=status)
    before = await item_row(db, key)
    await acknowledge(db, LATER, [key])
    after = await item_row(db, key)
    assert after.status is status
    assert after.acknowledged_at == before.acknowledged_at
    assert after.attempts == before.attempts + 1


async def test_a_failed_attempt_is_counted_and_changes_nothing_else(db: Db) -> None:
    key = await an_item(db)
    await count_attempts(db, [key])
    await count_attempts(db, [key])
    item = await item_row(db, key)
    assert (item.status, item.attempts) == (ItemStatus.QUEUED, 2)


@pytest.mark.parametrize("status", list(ItemStatus))
async def test_only_a_queued_item_becomes_undeliverable(
    db: Db, status: ItemStatus
) -> None:
    key = await an_item(db, status=status)
    ended = await mark_undeliverable(db, LATER, [key])
    queued = status is ItemStatus.QUEUED
    assert ended == ([key] if queued else [])
    item = await item_row(db, key)
    assert item.status is (ItemStatus.UNDELIVERABLE if queued else status)


@pytest.mark.parametrize("status", list(ItemStatus))
async def test_the_deadline_ends_every_open_item(db: Db, status: ItemStatus) -> None:
    key = await an_item(db, status=status)
    ended = await expire(db, LATER, [key.order_id])
    item = await item_row(db, key)
    if status.is_final:
        assert (ended, item.status) == ([], status)
        return
    queued = status is ItemStatus.QUEUED
    expected = ItemStatus.UNDELIVERABLE if queued else ItemStatus.EXPIRED
    assert ended == [(key, expected, False)]
    assert (item.status, item.finished_at) == (expected, LATER)


async def test_everything_that_a_report_can_change_is_written(db: Db) -> None:
    key = await an_item(db)
    full = Item(
        key=key,
        status=ItemStatus.PARTLY_UNBOUND,
        late=True,
        reason=Reason.LEGAL_HOLD,
        holder_action=HolderAction.VERIFY_CODE,
        bindings=3,
        removed=2,
        kept=1,
        acknowledged_at=NOON,
        finished_at=LATER,
        last_bound_at=NOON - timedelta(days=900),
        restorable_until=LATER + timedelta(days=7),
        expected_at=LATER + timedelta(days=1),
        cooling_off_until=LATER + timedelta(days=2),
        action_url="https://weibo.com/confirm",
        detail="words",
    )
    for wanted in (
        full,
        full._replace(late=False, reason=None, detail=None, kept=None),
    ):
        await replace(db, [wanted])
        row = (await item_row(db, key))._mapping
        for name in Item._fields:
            if name != "key":
                assert row[name] == getattr(wanted, name), name


async def test_verbs_without_items_do_nothing(db: Db) -> None:
    await replace(db, [])
    await acknowledge(db, NOON, [])
    await count_attempts(db, [])
    assert await mark_undeliverable(db, NOON, []) == []
    assert await expire(db, NOON, []) == []


async def test_verbs_that_meet_never_deadlock(engine: AsyncEngine) -> None:
    async with engine.begin() as db:
        carrier = await a_carrier(db)
        platform = await a_reachable_platform(db)
        orders = [await an_order(db, carrier) for _ in range(40)]
    keys = [ItemKey(order_id, platform.id) for order_id in orders]

    async def count(some: list[ItemKey]) -> None:
        async with engine.begin() as db:
            await count_attempts(db, some)

    rounds = [keys[:: 1 if n % 2 else -1] for n in range(8)]
    await asyncio.gather(*(count(some) for some in rounds))
    async with engine.connect() as db:
        assert [(await item_row(db, key)).attempts for key in keys] == [8] * 40
