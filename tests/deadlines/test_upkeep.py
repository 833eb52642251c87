from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import insert, select, text, update

from tests.support.builders import a_carrier, a_platform, an_endpoint
from tests.support.clock import NOON
from tests.support.order_builders import a_reachable_platform, an_order, asked
from unbind_broker.base.database import Db
from unbind_broker.base.ids import OrderId
from unbind_broker.deadlines.upkeep import (
    make_partitions,
    prune_idempotency,
    prune_log,
)
from unbind_broker.endpoints.tables import endpoint_leases
from unbind_broker.orders.idempotency import Repeatable, StoredAnswer, remember
from unbind_broker.orders.states import OrderStatus
from unbind_broker.orders.tables import idempotency, order_log, orders
from unbind_broker.platforms.rehearsed import ensure_rehearsed


async def test_partitions_are_made_three_months_ahead(db: Db) -> None:
    far = datetime(2031, 5, 17, tzinfo=UTC)
    assert await make_partitions(db, far) == 4 * 4
    assert await make_partitions(db, far) == 0
    carrier = await a_carrier(db)
    await a_reachable_platform(db)
    for months in range(4):
        at = datetime(2031, 5 + months, 28, tzinfo=UTC)
        await an_order(db, carrier, asked(now=at), now=at)


async def logged(db: Db) -> set[OrderId]:
    return set((await db.execute(select(order_log.c.order_id))).scalars())


async def set_cursors(db: Db, **cursors: int) -> None:
    for slug, xid in cursors.items():
        endpoint = (await an_endpoint(db, await a_platform(db, slug))).endpoint
        await db.execute(
            update(endpoint_leases)
            .where(endpoint_leases.c.endpoint_id == endpoint.id)
            .values(cursor_xid=xid)
        )


async def set_xids(db: Db, *order_ids: OrderId) -> None:
    for xid, order_id in enumerate(order_ids, start=100):
        await db.execute(
            update(order_log).where(order_log.c.order_id == order_id).values(xid=xid)
        )


async def test_log_rows_behind_every_cursor_go(db: Db) -> None:
    carrier = await a_carrier(db)
    await an_endpoint(db, carrier)  # carriers' endpoints read no log
    await an_endpoint(db, await a_platform(db, "unverified"), verified=False)
    await ensure_rehearsed(db, NOON, "test")  # nor do made-up platforms
    await db.execute(update(endpoint_leases).values(cursor_xid=1))
    await set_cursors(db, slow=101, fast=200)
    order_ids = [await an_order(db, carrier) for _ in range(3)]
    await set_xids(db, *order_ids)
    assert await prune_log(db, NOON, 10) == 1
    assert await logged(db) == set(order_ids[1:])


async def test_log_rows_of_closed_orders_go_after_an_hour(db: Db) -> None:
    carrier = await a_carrier(db)
    await set_cursors(db, parked=1)
    closed, open_still = await an_order(db, carrier), await an_order(db, carrier)
    await db.execute(
        update(orders).where(orders.c.id == closed).values(status=OrderStatus.COMPLETED)
    )
    assert await prune_log(db, NOON + timedelta(hours=1), 10) == 0
    assert await prune_log(db, NOON + timedelta(hours=1, seconds=1), 10) == 1
    assert await logged(db) == {open_still}


async def test_the_log_is_pruned_in_bounds(db: Db) -> None:
    carrier = await a_carrier(db)
    await set_cursors(db, fast=1000)
    order_ids = [await an_order(db, carrier) for _ in range(3)]
    await set_xids(db, *order_ids)
    assert await prune_log(db, NOON, 2) == 2
    assert await prune_log(db, NOON, 2) == 1


async def test_a_log_that_nobody_reads_is_kept(db: Db) -> None:
    await db.execute(insert(order_log).values(xid=1, order_id=UUID(int=1)))
    assert await prune_log(db, NOON, 10) == 0


@pytest.mark.parametrize(("age", "left"), [(48, 1), (49, 0)])
async def test_old_answers_are_forgotten(db: Db, age: int, left: int) -> None:
    carrier = await a_carrier(db)
    request = Repeatable(carrier.id, "key", b"print")
    await remember(db, NOON, request, StoredAnswer(202, None, b"{}"))
    now = NOON + timedelta(hours=age)
    pruned = await prune_idempotency(db, now, timedelta(hours=48), 10)
    assert pruned == 1 - left
    found = await db.execute(select(idempotency.c.key))
    assert len(found.all()) == left


async def test_scans_use_their_indexes(db: Db) -> None:
    await db.execute(text("SET LOCAL enable_seqscan = off"))
    query = "EXPLAIN SELECT id FROM orders WHERE"
    for condition, index in (
        ("status IN (1, 2) AND deadline <= now()", "_deadline_idx"),
        ("status = 1 AND held_until <= now() ORDER BY held_until", "_held_until_idx"),
    ):
        plan = await db.execute(text(f"{query} {condition}"))
        assert index in "\n".join(plan.scalars())
