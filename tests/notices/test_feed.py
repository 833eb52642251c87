"""A feed that is read on and on skips nothing and repeats nothing."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier
from tests.support.clock import NOON
from tests.support.plans import plan_of
from unbind_broker.base.database import Db
from unbind_broker.base.ids import CarrierId, new_uuid7
from unbind_broker.endpoints.events import EventType
from unbind_broker.notices import feed
from unbind_broker.notices.feed import START, Place
from unbind_broker.notices.tables import notices
from unbind_broker.notices.telling import tell

MILLISECOND = timedelta(milliseconds=1)


@pytest.fixture
async def carrier(engine: AsyncEngine) -> CarrierId:
    async with engine.begin() as db:
        return (await a_carrier(db)).id


async def told(db: Db, carrier: CarrierId, at: timedelta = timedelta(0)) -> UUID:
    return await tell(db, NOON + at, carrier, EventType.ORDER_HELD, None, {"n": 1})


async def read(
    engine: AsyncEngine, carrier: CarrierId, after: Place = START, limit: int = 100
) -> list[UUID]:
    async with engine.connect() as db:
        return [one.id for one in await feed.read_on(db, carrier, after, limit)]


async def behind(engine: AsyncEngine, carrier: CarrierId, notice: UUID) -> Place:
    async with engine.connect() as db:
        place = await feed.find_place(db, carrier, notice)
    assert place is not None
    return place


async def test_pages_follow_each_other(engine: AsyncEngine, carrier: CarrierId) -> None:
    written = []
    for place in range(5):
        async with engine.begin() as db:
            written.append(await told(db, carrier, place * MILLISECOND))
    first = await read(engine, carrier, limit=3)
    second = await read(engine, carrier, await behind(engine, carrier, first[-1]))
    assert first + second == written


async def test_late_commit_is_not_skipped(
    engine: AsyncEngine, carrier: CarrierId
) -> None:
    async with engine.begin() as slow:
        early = await told(slow, carrier)
        async with engine.begin() as quick:
            late = await told(quick, carrier, MILLISECOND)
        assert await read(engine, carrier) == []
    assert await read(engine, carrier) == [early, late]


async def test_reader_beside_many_writers_sees_each_notice_once(
    engine: AsyncEngine, carrier: CarrierId
) -> None:
    written: set[UUID] = set()
    seen: list[UUID] = []

    async def write() -> None:
        for _ in range(20):
            async with engine.begin() as db:
                written.add(await told(db, carrier))
                await asyncio.sleep(0.002)

    async def follow(writing: asyncio.Future[list[None]]) -> None:
        place = START
        while True:
            was_done = writing.done()
            found = await read(engine, carrier, place, limit=7)
            seen.extend(found)
            if found:
                place = await behind(engine, carrier, found[-1])
            elif was_done:
                return

    writing = asyncio.gather(*(write() for _ in range(5)))
    await follow(writing)
    assert len(seen) == len(written) == 100
    assert set(seen) == written


async def test_carriers_read_only_their_own(
    engine: AsyncEngine, carrier: CarrierId
) -> None:
    async with engine.begin() as db:
        other = (await a_carrier(db, "china-telecom")).id
        notice = await told(db, other)
        assert await feed.find_place(db, carrier, notice) is None
        assert await feed.find_place(db, other, notice) is not None
    assert await read(engine, carrier) == []


async def test_reading_on_looks_at_no_more_than_it_returns(db: Db) -> None:
    carrier = await a_carrier(db)
    rows = [
        {
            "id": new_uuid7(NOON + place * MILLISECOND),
            "xid": 1 + place // 10,
            "carrier_id": carrier.id,
            "event": EventType.ORDER_HELD,
            "at": NOON,
            "data": b"{}",
        }
        for place in range(5000)
    ]
    await db.execute(insert(notices), rows)
    values = {"carrier": carrier.id, "xid": 300, "id": UUID(int=0), "limit": 50}
    await db.execute(text("ANALYZE notices"))
    plan = await plan_of(db, feed._READ, values)
    assert "carrier_id_xid_id_idx on notices_2026_11" in plan
    assert "Seq Scan on notices" not in plan
    assert "->  Sort" not in plan
