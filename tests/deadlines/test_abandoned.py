"""What waits for endpoints that stay parked goes once nobody would send it."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import insert, select, text, update

from tests.support.builders import a_carrier, a_platform, an_endpoint
from tests.support.clock import NOON
from tests.support.order_builders import a_reachable_platform, an_order
from tests.support.plans import plan_of
from unbind_broker.base.database import Db
from unbind_broker.base.ids import EndpointId, OrderId, new_uuid7
from unbind_broker.deadlines import upkeep
from unbind_broker.deadlines.upkeep import prune_abandoned
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.tables import endpoints
from unbind_broker.orders.states import OrderStatus
from unbind_broker.orders.tables import orders

KEPT = timedelta(days=5)
DUE = NOON
LATE = NOON + KEPT + timedelta(seconds=1)


@pytest.fixture
async def order(db: Db) -> OrderId:
    """The order that rows are about."""
    carrier = await a_carrier(db)
    await a_reachable_platform(db)
    return await an_order(db, carrier)


async def a_row(
    db: Db, event: EventType, subject: UUID, endpoint: EndpointId | None = None
) -> None:
    if endpoint is None:
        (endpoint,) = (await db.execute(select(endpoints.c.id))).scalars()
    row = {"endpoint_id": endpoint, "order_id": subject, "attempt": 2}
    await db.execute(insert(deliveries).values(**row, due_at=DUE, event=event))


async def stays(db: Db, now: datetime) -> bool:
    pruned = await prune_abandoned(db, now, KEPT, 10)
    left = list((await db.execute(select(deliveries.c.id))).scalars())
    assert pruned + len(left) == 1
    return bool(left)


async def change(db: Db, **values: object) -> None:
    await db.execute(update(orders).values(**values))


async def test_a_notice_goes_when_nobody_would_repeat_it_any_more(db: Db) -> None:
    made = await an_endpoint(db, await a_carrier(db), disabled="answered 410 Gone")
    notice = new_uuid7(NOON)
    await a_row(db, EventType.ORDER_COMPLETED, notice, made.endpoint.id)
    assert await stays(db, NOON + KEPT)
    assert not await stays(db, LATE)


@pytest.mark.parametrize(
    ("status", "waits"),
    [
        (OrderStatus.HELD, True),
        (OrderStatus.IN_PROGRESS, True),
        (OrderStatus.COMPLETED, False),
        (OrderStatus.CANCELLED, False),
    ],
)
async def test_a_request_stays_while_its_order_is_open(
    db: Db, order: OrderId, status: OrderStatus, *, waits: bool
) -> None:
    await change(db, status=status)
    await a_row(db, EventType.UNBIND_REQUESTED, order)
    assert await stays(db, LATE) is waits


@pytest.mark.parametrize("waits", [True, False])
async def test_a_cancellation_stays_until_the_deadline(
    db: Db, order: OrderId, *, waits: bool
) -> None:
    deadline = LATE + timedelta(seconds=1 if waits else 0)
    await change(db, status=OrderStatus.CANCELLED, deadline=deadline)
    await a_row(db, EventType.UNBIND_CANCELLED, order)
    assert await stays(db, LATE) is waits


@pytest.mark.usefixtures("order")
async def test_what_is_about_no_order_any_more_goes(db: Db) -> None:
    await a_row(db, EventType.UNBIND_REQUESTED, new_uuid7(NOON))
    assert not await stays(db, LATE)


async def test_rows_go_in_bounded_steps(db: Db) -> None:
    for slug in ("one", "two"):
        endpoint = (await an_endpoint(db, await a_carrier(db, slug))).endpoint.id
        for _ in range(3):
            await a_row(db, EventType.ORDER_HELD, new_uuid7(NOON), endpoint)
    steps = [await prune_abandoned(db, LATE, KEPT, 4) for _ in range(3)]
    assert steps == [4, 2, 0]


async def test_rows_that_are_not_due_so_long_are_not_even_read(db: Db) -> None:
    await an_endpoint(db, await a_platform(db))
    await db.execute(
        text(
            "INSERT INTO deliveries (endpoint_id, due_at, event, order_id, attempt)"
            " SELECT e.id, now(), 2, gen_random_uuid(), 0"
            " FROM endpoints e, generate_series(1, 5000)"
        )
    )
    await db.execute(text("ANALYZE deliveries"))
    values = {"now": LATE, "before": NOON, "limit": 10}
    plan = await plan_of(db, upkeep._PRUNE_ABANDONED, values)
    assert "Seq Scan on deliveries" not in plan, plan
    assert "Index Cond: ((endpoint_id = e.id) AND (due_at <" in plan, plan
