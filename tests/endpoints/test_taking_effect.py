"""Whoever changed an endpoint waits for its owner, but not for ever."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_platform, an_endpoint
from tests.support.clock import NOON
from unbind_broker.base.database import open_engine, sql
from unbind_broker.base.ids import EndpointId, WorkerId, new_uuid7
from unbind_broker.endpoints.tables import endpoint_leases
from unbind_broker.endpoints.taking_effect import wait_until_in_force
from unbind_broker.sending import leases
from unbind_broker.sending.leases import Tenancy
from unbind_broker.sending.taking_effect import note_seen

ME, OTHER = (WorkerId(new_uuid7(NOON)) for _ in range(2))
LEASE = timedelta(minutes=10)
SHORT = timedelta(seconds=0.3)


@pytest.fixture
async def endpoint_id(engine: AsyncEngine) -> EndpointId:
    async with engine.begin() as db:
        return (await an_endpoint(db, await a_platform(db))).endpoint.id


async def own(engine: AsyncEngine, seen: int) -> Tenancy:
    async with engine.begin() as db:
        (holding,) = await leases.claim(db, ME, LEASE, 1)
        await note_seen(db, ME, {holding.tenancy: seen})
    return holding.tenancy


async def test_endpoint_that_nobody_owns_needs_no_wait(
    engine: AsyncEngine, endpoint_id: EndpointId
) -> None:
    assert await wait_until_in_force(engine, endpoint_id, 7, timedelta(0))


async def test_wait_ends_when_the_owner_tells(
    engine: AsyncEngine, endpoint_id: EndpointId
) -> None:
    tenancy = await own(engine, 6)
    waiting = asyncio.create_task(wait_until_in_force(engine, endpoint_id, 7, LEASE))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    async with engine.begin() as db:
        await note_seen(db, ME, {tenancy: 7})
    assert await asyncio.wait_for(waiting, 60)


async def test_wait_ends_when_the_lease_does(
    engine: AsyncEngine, endpoint_id: EndpointId
) -> None:
    await own(engine, 6)
    waiting = asyncio.create_task(wait_until_in_force(engine, endpoint_id, 7, LEASE))
    await asyncio.sleep(0.1)
    async with engine.begin() as db:
        ended = sql("clock_timestamp() - interval '1 ms'")
        await db.execute(update(endpoint_leases).values(lease_until=ended))
    assert await asyncio.wait_for(waiting, 60)


async def test_frozen_owner_is_not_waited_for_beyond_the_limit(
    engine: AsyncEngine, endpoint_id: EndpointId
) -> None:
    await own(engine, 6)
    assert not await wait_until_in_force(engine, endpoint_id, 7, SHORT)


async def test_owner_that_never_told_anything_gets_less_patience(
    engine: AsyncEngine, endpoint_id: EndpointId
) -> None:
    await own(engine, 0)
    assert not await asyncio.wait_for(
        wait_until_in_force(engine, endpoint_id, 7, LEASE, SHORT), 10
    )


async def test_zombie_does_not_tell_for_the_present_owner(
    engine: AsyncEngine, endpoint_id: EndpointId
) -> None:
    tenancy = await own(engine, 6)
    async with engine.begin() as db:
        older = Tenancy(endpoint_id, tenancy.epoch - 1)
        await note_seen(db, ME, {older: 7})
        await note_seen(db, OTHER, {tenancy: 7})
    assert not await wait_until_in_force(engine, endpoint_id, 7, timedelta(0))


async def test_database_that_fails_meanwhile_ends_the_wait() -> None:
    nowhere = open_engine("postgresql+asyncpg://x@127.0.0.1:9/x", application="tests")
    assert not await wait_until_in_force(nowhere, EndpointId(1), 7, LEASE)
    await nowhere.dispose()
