"""However much is undeliverable: pages and requeues look up what they name."""

import re
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy import Select, TextClause, insert, select, text, update

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.order_builders import a_reachable_platform, an_order, many_orders
from tests.support.plans import plan_of
from unbind_broker.base.database import Db
from unbind_broker.base.ids import uuid7_floor
from unbind_broker.deliveries import undelivered, undelivered_views
from unbind_broker.deliveries.outcomes import Cause
from unbind_broker.deliveries.tables import undelivered as rows
from unbind_broker.deliveries.undelivered_views import WantedItems
from unbind_broker.intake import requeueable
from unbind_broker.items import requeuing as requeuing_items
from unbind_broker.items.item import ItemKey
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.orders import reopening, settling

MANY = 3000
SEQUENTIAL = re.compile(r"Seq Scan on (orders|items|attempts)_2026_11|Seq Scan on und")


@pytest.fixture
async def crowd(db: Db) -> list[ItemKey]:
    """Thousands of orders, two refused items each, which nobody has mended."""
    carrier = await a_carrier(db)
    for place in range(2):
        await a_reachable_platform(db, f"platform-{place}")
    await many_orders(db, carrier, MANY, like=await an_order(db, carrier))
    ended = {"status": ItemStatus.UNDELIVERABLE, "finished_at": NOON}
    await db.execute(update(items).values(ended))
    all_of_them = select(
        items.c.order_id, items.c.platform_id, text("now()"), text("1::smallint")
    )
    columns = ["order_id", "platform_id", "at", "cause"]
    await db.execute(insert(rows).from_select(columns, all_of_them))
    of_others = """
        INSERT INTO undelivered
        SELECT gen_random_uuid(), -(n % 500), now(), 1 FROM generate_series(1, 30000) n
        """
    await db.execute(text(of_others))
    own_numbers = "UPDATE orders SET number_index = sha256(id::text::bytea)"
    await db.execute(text(own_numbers))
    for table in ("orders", "items", "undelivered", "platforms", "carriers"):
        await db.execute(text(f"ANALYZE {table}"))
    found = await db.execute(select(items.c.order_id, items.c.platform_id).limit(50))
    return [ItemKey(*row) for row in found]


async def plan_of_page(db: Db, page: Select[Any]) -> str:
    written = page.limit(51).compile(
        dialect=db.dialect, compile_kwargs={"literal_binds": True}
    )
    asked = text(f"EXPLAIN (COSTS OFF) {written}".replace(":", r"\:"))
    return "\n".join((await db.execute(asked)).scalars())


async def test_pages_are_read_along_an_index(db: Db, crowd: list[ItemKey]) -> None:
    week = timedelta(days=7)
    for wanted, columns, before in product(
        (
            WantedItems(),
            WantedItems(platform="platform-0"),
            WantedItems(cause=Cause.REFUSED, since=NOON - week, until=NOON + week),
        ),
        (undelivered_views._SHOWN, undelivered_views._NAMED),
        (None, max(crowd)),
    ):
        plan = await plan_of_page(db, undelivered_views._page(columns, wanted, before))
        assert not SEQUENTIAL.search(plan), plan
        assert "Sort" not in plan, plan
    by_platform = undelivered_views._page(
        undelivered_views._SHOWN, WantedItems(platform="platform-0"), None
    )
    plan = await plan_of_page(db, by_platform)
    assert "undelivered_by_platform" in plan, plan


async def test_what_is_named_is_looked_up_one_by_one(
    db: Db, crowd: list[ItemKey]
) -> None:
    named = {
        "orders": [key.order_id for key in crowd],
        "platforms": [key.platform_id for key in crowd],
    }
    orders = {"orders": named["orders"]}
    window = {
        "firsts": [uuid7_floor(NOON)] * len(crowd),
        "ends": [uuid7_floor(NOON + timedelta(minutes=1))] * len(crowd),
    }
    noted = {**named, "now": NOON, "cause": Cause.REFUSED.code}
    statements: dict[str, tuple[TextClause, dict[str, Any]]] = {
        "look": (requeueable._LOOK, {**named, "now": NOON}),
        "requeue": (requeuing_items._REQUEUE, named),
        "lock orders": (reopening._LOCK, orders),
        "reopen": (reopening._REOPEN, {**orders, "untold": named["orders"]}),
        "settle": (settling._LOCK_DONE, {**orders, "beside": 7}),
        "note": (undelivered._NOTE, noted),
        "keep": (undelivered._KEEP, noted),
        "forget": (undelivered._FORGET, named),
        "refusals": (undelivered_views._REFUSALS, {**named, **window}),
    }
    for name, (statement, values) in statements.items():
        plan = await plan_of(db, statement, values)
        assert not SEQUENTIAL.search(plan), f"{name}\n{plan}"
