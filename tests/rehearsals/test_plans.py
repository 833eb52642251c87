"""However many real orders are open, a rehearsal looks at its own alone."""

from datetime import timedelta

from sqlalchemy import text

from tests.rehearsals.scene import CHAT, Scene
from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.order_builders import a_reachable_platform, an_order, many_orders
from tests.support.plans import plan_of
from unbind_broker.base.ids import uuid7_floor
from unbind_broker.rehearsals import store, waves

MANY = 3000


async def test_items_are_found_by_the_twin_and_not_among_real_orders(
    scene: Scene,
) -> None:
    await a_reachable_platform(scene.db)
    real = await a_carrier(scene.db, "china-telecom")
    await many_orders(scene.db, real, MANY, like=await an_order(scene.db, real))
    await scene.ask("slow")
    await scene.take()
    for table in ("orders", "items", "carriers", "platforms"):
        await scene.db.execute(text(f"ANALYZE {table}"))
    platforms = [await scene.platform(CHAT)]

    values = {"since": uuid7_floor(NOON - timedelta(hours=1)), "limit": 500}
    taking = await plan_of(
        scene.db,
        store._TAKE_QUEUED,
        {**values, "platforms": platforms, "now": NOON},
    )
    telling = await plan_of(scene.db, store._TAKE_DUE, {"now": NOON, "limit": 500})
    reading = await plan_of(scene.db, waves._UNREAD, {"platforms": platforms})

    assert "carriers_sandbox_of" in taking
    assert "orders_2026_11_carrier_id_id_idx" in taking
    assert "rehearsed_reports_due" in telling
    assert "clearance_platforms_by_platform" in reading
    for plan in (taking, telling, reading):
        assert "Seq Scan on orders_2026_11" not in plan
        assert "Seq Scan on items_2026_11" not in plan
