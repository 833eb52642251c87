"""Connections of a pool: trusted a moment after use, asked after a longer rest."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from asyncpg import Connection
from asyncpg.connection import LoggedQuery
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.waiting import eventually
from unbind_broker.base import database
from unbind_broker.base.database import open_engine

_PING = ";"
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


async def pings(pool: AsyncEngine) -> list[str]:
    """Note each time that the pool's one connection is asked whether it is there."""
    seen: list[str] = []

    def note(asked: LoggedQuery) -> None:
        if asked.query == _PING:
            seen.append(asked.query)

    async with pool.connect() as db:
        driven = (await db.get_raw_connection()).driver_connection
        assert isinstance(driven, Connection)
        driven.add_query_logger(note)
    return seen


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
async def test_connection_is_asked_only_after_a_rest(pool: AsyncEngine) -> None:
    asked = await pings(pool)
    first = await backend(pool)
    assert await backend(pool) == first
    assert asked == []
    await asyncio.sleep(database.FRESH + 0.1)
    assert await backend(pool) == first
    assert len(asked) == 1
