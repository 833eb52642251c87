"""Connections of a pool: trusted a moment after use, asked after a longer rest."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from unbind_broker.base import database
from unbind_broker.base.database import open_engine

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


def pings(pool: AsyncEngine) -> list[object]:
    """Note each time that a connection is asked whether it is there."""
    seen: list[object] = []
    dialect = pool.dialect
    ask = dialect.do_ping

    def do_ping(connection: object) -> bool:
        seen.append(connection)
        return ask(connection)  # type: ignore[arg-type] # the driver's connection

    dialect.do_ping = do_ping  # type: ignore[method-assign, assignment] # watched, not replaced
    return seen


async def test_connection_that_was_ended_while_it_rested_is_replaced(
    pool: AsyncEngine, engine: AsyncEngine
) -> None:
    first = await backend(pool)
    async with engine.connect() as other:
        await other.execute(_END, {"pid": first})
    await asyncio.sleep(0.2)
    assert await backend(pool) != first


async def test_connection_is_asked_only_after_a_rest(pool: AsyncEngine) -> None:
    asked = pings(pool)
    first = await backend(pool)
    assert await backend(pool) == first
    assert asked == []
    await asyncio.sleep(database.FRESH + 0.1)
    assert await backend(pool) == first
    assert len(asked) == 1
