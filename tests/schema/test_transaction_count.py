# ruff: noqa: S608 - the tests' own numbers are put into statements
"""A cluster that was loaded from a dump counts on before anybody works on it."""

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tests.support.builders import a_carrier
from tests.support.plans import plan_of
from unbind_broker.base.database import Db
from unbind_broker.schema import transaction_count
from unbind_broker.schema.migrate import migrate
from unbind_broker.schema.transaction_count import (
    TransactionsBehind,
    catch_up,
    require_count,
)

AHEAD, FAR_AHEAD = 3_000, 50_000_000

_NEXT = "(pg_snapshot_xmax(pg_current_snapshot())::text)::bigint"
_ID = "gen_random_uuid()"
WRITTEN = {
    "an event": f"""
        INSERT INTO audit_events (id, xid, at, actor, action, facts)
        SELECT {_ID}, {_NEXT} + {{}}, now(), 'broker', 'order.completed', '{{{{}}}}'""",
    "a row of the log": f"""
        INSERT INTO order_log (xid, order_id) SELECT {_NEXT} + {{}}, {_ID}""",
    "a notice": f"""
        INSERT INTO notices (id, xid, carrier_id, event, at, data)
        SELECT uuid7_floor(timestamptz '2026-11-21'), {_NEXT} + {{}}, id, 20, now(), ''
        FROM carriers""",
    "a mark of what was counted": f"""
        INSERT INTO counting_marks (name, xid, id, at)
        SELECT 'trail', {_NEXT} + {{}}, {_ID}, now()""",
    "a mark of who is reminded": f"""
        INSERT INTO upkeep_marks (name, looked_at, last, total)
        SELECT 'reminders', 0, {_NEXT} + {{}}, 0""",
}


async def write(engine: AsyncEngine, what: str, ahead: int) -> None:
    async with engine.begin() as db:
        await a_carrier(db)
        await db.execute(text(WRITTEN[what].format(ahead)))


async def autocommitting(db: AsyncConnection) -> AsyncConnection:
    return await db.execution_options(isolation_level="AUTOCOMMIT")


async def test_an_ordinary_cluster_is_not_behind(engine: AsyncEngine) -> None:
    async with engine.begin() as db:
        await a_carrier(db)
    await require_count(engine)
    async with engine.connect() as db:
        assert await catch_up(await autocommitting(db)) == 0


@pytest.mark.parametrize("what", WRITTEN)
async def test_whatever_is_ahead_keeps_the_broker_from_working(
    engine: AsyncEngine, what: str
) -> None:
    await write(engine, what, FAR_AHEAD)
    with pytest.raises(TransactionsBehind, match="run: unbind-broker migrate"):
        await require_count(engine)


@pytest.mark.parametrize("what", WRITTEN)
async def test_migrating_counts_on_to_where_the_rows_left_off(
    engine: AsyncEngine, what: str
) -> None:
    await write(engine, what, AHEAD)
    await migrate(engine)
    await require_count(engine)


async def test_what_is_too_far_ahead_is_told(
    engine: AsyncEngine,
) -> None:
    await write(engine, "an event", FAR_AHEAD)
    async with engine.connect() as db:
        with pytest.raises(TransactionsBehind, match="physical backup"):
            await catch_up(await autocommitting(db), most=1_000_000)


async def test_starting_up_reads_the_ends_of_indexes_alone(db: Db) -> None:
    plan = await plan_of(db, transaction_count._MISSING, {})
    for table in ("audit_events", "audit_seals", "order_log"):
        assert f"Index Only Scan Backward using {table}" in plan, plan
    assert "carrier_id_xid_id_idx" in plan, plan
    for scanned in ("audit_events", "audit_seals", "order_log", "notices"):
        assert f"Seq Scan on {scanned}" not in plan, plan
