"""Connections of a pool: trusted for a moment, then asked, and made to plan anew."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from asyncpg import Connection
from asyncpg.connection import LoggedQuery
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tests.support.waiting import eventually
from unbind_broker.base.connections import FRESH
from unbind_broker.base.database import TEXTS, open_engine, sql

_ASKED = "DISCARD PLANS"
PLANNED_FOR_ANY = 6
"""So often Postgres carries a statement out before it keeps a plan for any values."""
_TABLE = "CREATE TABLE waiting (name text PRIMARY KEY) WITH (autovacuum_enabled = off)"
LOOKED_UP = "Index Cond: (name = n.name)"
_DRAIN = sql(
    "DELETE FROM waiting w USING unnest(:names) AS n (name) WHERE w.name = n.name",
    names=TEXTS,
)
_BACKEND = text("SELECT pg_backend_pid()")
_END = text("SELECT pg_terminate_backend(:pid)")


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = open_engine(database_url, pool=1, application="pool")
    yield engine
    await engine.dispose()


async def backend(pool: AsyncEngine) -> int:
    async with pool.connect() as db:
        return int((await db.execute(_BACKEND)).scalar_one())


async def askings(pool: AsyncEngine) -> list[str]:
    """Note each time that the pool's one connection is asked whether it is there."""
    seen: list[str] = []

    def note(asked: LoggedQuery) -> None:
        if asked.query == _ASKED:
            seen.append(asked.query)

    async with pool.connect() as db:
        driven = (await db.get_raw_connection()).driver_connection
        assert isinstance(driven, Connection)
        driven.add_query_logger(note)
    return seen


async def make_empty(engine: AsyncEngine) -> None:
    """Make a table that Postgres knows to be empty, and will not look at again."""
    alone = engine.execution_options(isolation_level="AUTOCOMMIT")
    async with alone.connect() as db:
        for step in (_TABLE, "VACUUM waiting"):
            await db.execute(text(step))


async def fill(engine: AsyncEngine) -> None:
    async with engine.begin() as db:
        await db.execute(
            text("INSERT INTO waiting SELECT g::text FROM generate_series(1, 5000) g")
        )


async def plan_of_draining(db: AsyncConnection) -> str:
    """Read by which plan this connection carries ``_DRAIN`` out now."""
    prepared = "SELECT name FROM pg_prepared_statements WHERE statement LIKE 'DELETE%'"
    name = (await db.execute(text(prepared))).scalar_one()
    lines = await db.execute(text(f"EXPLAIN EXECUTE \"{name}\"('{{1}}')"))
    return "\n".join(lines.scalars())


async def test_connection_that_was_ended_while_it_rested_is_replaced(
    pool: AsyncEngine, engine: AsyncEngine
) -> None:
    first = await backend(pool)
    async with pool.connect() as db:
        driven = (await db.get_raw_connection()).driver_connection
        assert isinstance(driven, Connection)
    async with engine.connect() as other:
        await other.execute(_END, {"pid": first})
    await eventually(driven.is_closed)
    assert await backend(pool) != first


@pytest.mark.real_time(0.5)
async def test_connection_is_asked_only_now_and_then(pool: AsyncEngine) -> None:
    asked = await askings(pool)
    first = await backend(pool)
    assert await backend(pool) == first
    assert asked == []
    await asyncio.sleep(FRESH + 0.1)
    assert await backend(pool) == first
    assert await backend(pool) == first
    assert len(asked) == 1


@pytest.mark.real_time(0.5)
async def test_plan_that_was_made_on_an_empty_table_is_given_up(
    pool: AsyncEngine, engine: AsyncEngine
) -> None:
    await make_empty(engine)
    async with pool.connect() as db:
        for _ in range(PLANNED_FOR_ANY):
            await db.execute(_DRAIN, {"names": ["1"]})
        assert LOOKED_UP not in await plan_of_draining(db)
        await db.rollback()
    await fill(engine)
    async with pool.connect() as db:
        await db.execute(_DRAIN, {"names": ["1"]})
        assert LOOKED_UP not in await plan_of_draining(db)
        await db.rollback()

    await asyncio.sleep(FRESH)

    async with pool.connect() as db:
        await db.execute(_DRAIN, {"names": ["1"]})
        assert LOOKED_UP in await plan_of_draining(db)
