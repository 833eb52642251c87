"""Administrators' lists of orders find their rows by an index, however many."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import TextClause, select, text, update

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
from unbind_broker.orders.states import OPEN, OrderStatus
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
    values = {"before": crowd[-1], "most": order_search.MOST_LOOKED_AT, "limit": 50}
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


LATE = NOON + timedelta(days=30)
URGENT = [(Standing.HELD, NOON), (Standing.OVERDUE, LATE)]


async def walked(
    db: Db, now: datetime, wanted: WantedOrders, most: int
) -> list[FoundPage]:
    """Read all pages of four orders; where there is no end, stop."""
    pages = [await find_orders(db, now, wanted, (None, 4), SEALER, most)]
    while pages[-1].behind is not None and len(pages) < 2000:
        where = (pages[-1].behind, 4)
        pages.append(await find_orders(db, now, wanted, where, SEALER, most))
    return pages


@pytest.mark.usefixtures("crowd")
@pytest.mark.parametrize(("standing", "now"), URGENT)
async def test_crowd_of_urgent_orders_is_cut_and_says_so(
    db: Db, standing: Standing, now: datetime
) -> None:
    wanted = WantedOrders(standing=standing)
    pages = await walked(db, now, wanted, most=10)
    found = [one.id for page in pages for one in page.orders]
    assert [len(page.orders) for page in pages] == [4, 4, 2]
    assert found == sorted(found, reverse=True)
    assert all(page.is_cut for page in pages)


@pytest.mark.usefixtures("crowd")
@pytest.mark.parametrize(("standing", "now"), URGENT)
async def test_few_urgent_orders_are_all_found(
    db: Db, standing: Standing, now: datetime
) -> None:
    wanted_ones = {OrderStatus.HELD} if standing is Standing.HELD else OPEN
    urgent = select(orders.c.id).where(orders.c.status.in_(wanted_ones))
    expected = sorted((await db.execute(urgent)).scalars(), reverse=True)
    for carrier in (None, CARRIER):
        wanted = WantedOrders(standing=standing, carrier=carrier)
        pages = await walked(db, now, wanted, most=len(expected) + 1)
        assert [one.id for page in pages for one in page.orders] == expected
        assert not any(page.is_cut for page in pages)


async def test_crowd_of_one_carrier_is_looked_through_to_its_end(
    db: Db, crowd: list[OrderId]
) -> None:
    wanted = WantedOrders(standing=Standing.HELD, carrier=CARRIER)
    pages = await walked(db, NOON, wanted, most=10)
    found = [one.id for page in pages for one in page.orders]
    assert found == sorted(crowd[::100], reverse=True)
    assert not any(page.is_cut for page in pages)


async def test_longest_overdue_are_among_those_that_are_found(
    db: Db, crowd: list[OrderId]
) -> None:
    longest = set(crowd[::100][:10])
    earlier = orders.c.deadline - timedelta(days=1)
    await db.execute(
        update(orders).where(orders.c.id.in_(longest)).values(deadline=earlier)
    )
    pages = await walked(db, LATE, WantedOrders(standing=Standing.OVERDUE), most=10)
    assert {one.id for page in pages for one in page.orders} == longest
