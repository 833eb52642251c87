"""A rehearsal goes on where a killed worker left it."""

import pytest
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.journeys.outsider import Outsider, asking, is_completed
from tests.journeys.recorded import count_recorded
from tests.support.app import a_runtime, on_a_port
from tests.support.builders import a_carrier
from tests.support.waiting import eventually
from tests.worker.a_process import a_process
from unbind_broker.base.clock import SystemClock
from unbind_broker.intake.rehearsing import open_sandbox
from unbind_broker.keys.service import Holder, issue
from unbind_broker.keys.tables import Role
from unbind_broker.platforms.rehearsed import REHEARSED

pytestmark = pytest.mark.journey

SLOW, CONTRADICTING, PROMPT = 4200, 4400, 1000
ASKED = [SLOW, SLOW + 1, SLOW + 2, CONTRADICTING, PROMPT]
TAKEN = text("SELECT count(*) FROM items WHERE status = 2")
LEFT = text("SELECT count(*) FROM rehearsed_reports")
CONFLICTS = text(
    "SELECT count(*), count(DISTINCT actor) FROM audit_events "
    "WHERE action = 'result.conflict'"
)


async def count(engine: AsyncEngine, what: TextClause) -> int:
    async with engine.connect() as db:
        return int((await db.execute(what)).scalar_one())


async def test_what_was_to_be_told_later_is_told_after_a_kill(
    database_url: str, engine: AsyncEngine
) -> None:
    now = SystemClock().now()
    async with engine.begin() as db:
        twin = await open_sandbox(db, now, (await a_carrier(db, now=now)).id, "test")
        holder = Holder(Role.CARRIER, carrier_id=twin)
        key = await issue(db, now, holder, "a rehearsal", None, "test")
    async with on_a_port(a_runtime(engine, SystemClock())) as http:
        carrier = Outsider(str(http.base_url), key.key)
        async with a_process(database_url) as victim:
            placed = [
                await carrier.call("POST", "/v1/orders", asking(number), expect=202)
                for number in ASKED
            ]
            await eventually(lambda: count(engine, TAKEN))
            victim.kill()
            await victim.wait()
        left = await count(engine, LEFT)
        async with a_process(database_url):
            finished = [
                await carrier.until(f"/v1/orders/{order['id']}", is_completed)
                for order in placed
            ]
            await eventually(lambda: is_all_told(engine))
        await carrier.close()

    assert left > 0
    each = len(REHEARSED)
    for order in finished:
        assert order["summary"] == {"total": each - 1, "unbound": each - 1}
        assert order["sensitive"] == {"total": 1, "finished": 1}
    recorded = await count_recorded(engine)
    assert recorded == {"acknowledged": 3 * each, "unbound": len(ASKED) * each}
    async with engine.connect() as db:
        conflicts = tuple((await db.execute(CONFLICTS)).one())
    assert conflicts == (each, each)


async def is_all_told(engine: AsyncEngine) -> bool:
    return await count(engine, LEFT) == 0
