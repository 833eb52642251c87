"""Administrators' lists of orders find their rows by an index, however many."""

from typing import Any

import pytest
from sqlalchemy import TextClause, text, update

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.order_builders import (
    a_reachable_platform,
    an_order,
    asked,
    many_orders,
)
from tests.support.plans import plan_of
from tests.support.sealing import SEALER
from unbind_broker.base.database import Db
from unbind_broker.base.ids import OrderId
from unbind_broker.deliveries import undelivered_counts
from unbind_broker.items import order_search
from unbind_broker.items.order_search import (
    FoundPage,
    Standing,
    WantedOrders,
    find_orders,
)
from unbind_broker.orders.states import OrderStatus
from unbind_broker.orders.tables import orders

CARRIER = "china-mobile"


@pytest.fixture
async def crowd(db: Db) -> list[OrderId]:
    """Thousands of orders: one in a hundred is held, half of the rest are open."""
    carrier = await a_carrier(db, CARRIER)
    await a_reachable_platform(db)
    order_id = await an_order(db, carrier, asked(reference="R-1"))
    made = await many_orders(db, carrier, 3000, like=order_id)
    over = {"status": OrderStatus.COMPLETED, "completed_at": NOON}
    await db.execute(update(orders).where(orders.c.id.not_in(made[::100])).values(over))
    held = {"status": OrderStatus.HELD, "reference": None}
    await db.execute(update(orders).where(orders.c.id.in_(made[::100])).values(held))
    for table in ("orders", "items", "undelivered", "carriers"):
        await db.execute(text(f"ANALYZE {table}"))
    return made


def lists() -> dict[str, TextClause]:
    wanted = {
        "all": WantedOrders(),
        "carrier": WantedOrders(carrier=CARRIER),
        "reference": WantedOrders(reference="R-1"),
        **{one.value: WantedOrders(standing=one) for one in Standing},
    }
    return {name: order_search.listing(one) for name, one in wanted.items()}


async def test_no_list_reads_a_whole_table(db: Db, crowd: list[OrderId]) -> None:
    values: dict[str, Any] = {
        "before": crowd[-1],
        "now": NOON,
        "carrier": CARRIER,
        "reference": "R-1",
        "most": order_search.MOST_LOOKED_AT,
        "limit": 50,
        "number": b"x" * 32,
    }
    statements = {
        **lists(),
        "number": order_search.OF_NUMBER,
        "undelivered": undelivered_counts.COUNTS,
    }
    for name, statement in statements.items():
        used = {key: values[key] for key in statement._bindparams}
        plan = await plan_of(db, statement, used)
        assert "Seq Scan on orders_2026_11" not in plan, f"{name}\n{plan}"
        assert "Seq Scan on items_2026_11" not in plan, f"{name}\n{plan}"


async def test_held_orders_are_read_by_an_index_of_open_ones(
    db: Db, crowd: list[OrderId]
) -> None:
    values = {"before": crowd[-1], "limit": 50}
    plan = await plan_of(db, lists()["held"], values)
    assert "held_until_idx" in plan or "deadline_idx" in plan, plan


async def test_search_goes_on_where_it_stopped(db: Db, crowd: list[OrderId]) -> None:
    wanted = WantedOrders(carrier=CARRIER, standing=Standing.CANCELLED)
    behind, pages = None, 0
    while True:
        page: FoundPage = await find_orders(
            db, NOON, wanted, (behind, 50), SEALER, 1000
        )
        assert page.orders == []
        pages, behind = pages + 1, page.behind
        if behind is None:
            break
    assert pages == 1 + len(crowd) // 1000
