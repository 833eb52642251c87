"""Connections notice that the other end is gone; refusals are told from absences."""

import asyncio
import socket
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.worker.gate import a_gate
from unbind_broker.base.database import is_refusal, open_engine


class _Refused(Exception):
    def __init__(self, sqlstate: str | None) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


@pytest.mark.parametrize("state", ["22021", "23505", "42703", "P0001", None])
def test_what_is_wrong_with_the_statement_is_a_refusal(state: str | None) -> None:
    assert is_refusal(DBAPIError("SELECT", {}, _Refused(state)))


@pytest.mark.parametrize(
    "state",
    [
        "08006",
        "25006",
        "25P03",
        "40001",
        "40P01",
        "53300",
        "55P03",
        "57P01",
        "57P03",
        "58030",
    ],
)
def test_what_passes_is_no_refusal(state: str) -> None:
    assert not is_refusal(DBAPIError("SELECT", {}, _Refused(state)))


def test_broken_connection_is_no_refusal() -> None:
    broken = DBAPIError("SELECT", {}, _Refused(None), connection_invalidated=True)
    assert not is_refusal(broken)


async def test_connections_over_a_network_are_watched(engine: AsyncEngine) -> None:
    async with a_gate(engine.url) as gate:
        pool = open_engine(gate.url, pool=1, application="watched")
        async with pool.connect() as db:
            raw: Any = (await db.get_raw_connection()).driver_connection
            watched = raw._transport.get_extra_info("socket")
            alive = watched.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            idle = watched.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
            there = await db.scalar(text("SHOW application_name"))
        await pool.dispose()
    assert (bool(alive), idle, there) == (True, 5, "watched")


@pytest.mark.real_time(0.1)
async def test_silence_ends_a_statement_and_renews_every_connection(
    engine: AsyncEngine,
) -> None:
    async with a_gate(engine.url) as gate:
        pool = open_engine(gate.url, pool=3, application="silent", answer_limit=0.3)
        async with pool.connect(), pool.connect(), pool.connect():
            pass
        gate.silence()
        async with asyncio.timeout(60):  # whose end is no end by silence
            with pytest.raises((TimeoutError, SQLAlchemyError)):
                async with pool.connect() as db:
                    await db.execute(text("SELECT 1"))
        gate.speak()
        async with asyncio.timeout(60), pool.connect() as db:
            assert await db.scalar(text("SELECT 1")) == 1
        await asyncio.wait_for(pool.dispose(), 60)
