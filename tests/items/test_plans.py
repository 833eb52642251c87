"""The statements that run for every item find their rows by key, however many."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import TextClause, text, update

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.order_builders import a_reachable_platform, an_order, many_orders
from tests.support.plans import plan_of
from unbind_broker.base.database import Db
from unbind_broker.base.ids import OrderId
from unbind_broker.deadlines import expiring, sweeping
from unbind_broker.items import changes, service, views
from unbind_broker.items import expiring as expiring_items
from unbind_broker.orders import settling
from unbind_broker.orders.states import OrderStatus
from unbind_broker.orders.tables import orders

MANY = 3000


@pytest.fixture
async def crowd(db: Db) -> list[OrderId]:
    """Thousands of orders with some items each; one in a hundred is open."""
    carrier = await a_carrier(db)
    for place in range(5):
        await a_reachable_platform(db, f"platform-{place}")
    order_id = await an_order(db, carrier)
    made = await many_orders(db, carrier, MANY, like=order_id)
    closed = {"status": OrderStatus.COMPLETED, "completed_at": NOON}
    await db.execute(
        update(orders).where(orders.c.id.not_in(made[::100])).values(closed)
    )
    for table in ("orders", "items", "order_log"):
        await db.execute(text(f"ANALYZE {table}"))
    return made


def whole_tables(plan: str) -> list[str]:
    return [
        line.strip()
        for line in plan.splitlines()
        if "Seq Scan on orders_2026_11" in line or "Seq Scan on items_2026_11" in line
    ]


def steps_of(crowd: list[OrderId]) -> dict[str, tuple[TextClause, dict[str, Any]]]:
    some = crowd[::100]
    named = {"orders": some, "platforms": [1] * len(some)}
    changed = {
        **named,
        "evidence": None,
        "statuses": [11] * len(some),
        "lates": [False] * len(some),
        "reasons": [None] * len(some),
        "actions": [None] * len(some),
        **{f"{column}_values": [None] * len(some) for column in service._PLAIN},
    }
    start = sweeping.SweepPosition()
    soon = NOON + timedelta(days=1)
    return {
        "acknowledge": (service._ACKNOWLEDGE, {**named, "now": NOON}),
        "count": (service._COUNT_ATTEMPTS, named),
        "replace": (service._REPLACE, changed),
        "expire": (expiring_items._EXPIRE, {"orders": some, "now": NOON}),
        "hand out": (service._HAND_OUT, named),
        "settle": (settling._SETTLE, {"orders": some, "beside": 7, "now": NOON}),
        "overdue": (expiring._OVERDUE, {"now": soon, "limit": 50}),
        "view": (views._ITEMS, {"order": some[0], "carrier": 1}),
        "count statuses": (views._COUNTS, {"orders": some}),
        "look for changes": (
            changes._LOOK,
            {"orders": some, "fresh": [False] * len(some), "since": "5@"},
        ),
        "sweep": (
            sweeping._NEXT,
            {"deadline": start.deadline, "order": start.order_id, "limit": 50},
        ),
    }


async def test_no_hot_statement_reads_a_whole_table(
    db: Db, crowd: list[OrderId]
) -> None:
    for name, (statement, values) in steps_of(crowd).items():
        plan = await plan_of(db, statement, values)
        assert whole_tables(plan) == [], f"{name}\n{plan}"


async def test_items_are_found_by_order_and_platform_at_once(
    db: Db, crowd: list[OrderId]
) -> None:
    steps = steps_of(crowd)
    for name in ("acknowledge", "count"):
        plan = await plan_of(db, *steps[name])
        key = "(order_id = named.order_id) AND (platform_id = named.platform_id)"
        assert key in plan, plan


async def test_a_look_for_changes_reads_the_items_of_the_orders_it_watches(
    db: Db, crowd: list[OrderId]
) -> None:
    lines = (await plan_of(db, *steps_of(crowd)["look for changes"])).splitlines()
    scans = [place for place, line in enumerate(lines) if "on items_2026_11" in line]
    assert scans
    for place in scans:
        assert "order_id = w.id" in lines[place + 1], "\n".join(lines)
