"""Make a trail, seal it, check it."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.clock import NOON
from tests.support.sealing import BROKER_KEY
from unbind_broker.audit import store
from unbind_broker.audit.faults import Fault, FaultKind
from unbind_broker.audit.sealing import seal
from unbind_broker.audit.seals import START, Seal
from unbind_broker.audit.signing_keys import public_keys
from unbind_broker.audit.trail import Fact, record
from unbind_broker.audit.verifying import Anchors, Summary, Verifier
from unbind_broker.base.broker_key import BrokerKey
from unbind_broker.base.database import BIG, sql


def a_fact(count: int = 0, action: str = "order.accepted") -> Fact:
    return Fact("carrier:china-mobile", action, facts={"count": count, "移动": None})


async def some_events(
    engine: AsyncEngine, count: int, *, now: datetime = NOON
) -> list[UUID]:
    """Record events, each in a transaction of its own; give their ids in that order."""
    for place in range(count):
        async with engine.begin() as db:
            await record(db, now, a_fact(place))
    async with engine.connect() as db:
        query = "SELECT id FROM audit_events ORDER BY xid DESC, id DESC LIMIT :count"
        found = await db.execute(sql(query, count=BIG), {"count": count})
        return list(found.scalars())[::-1]


async def many_events(engine: AsyncEngine, count: int) -> None:
    """Record events, all in one transaction."""
    async with engine.begin() as db:
        await record(db, NOON, *map(a_fact, range(count)))


async def seal_everything(
    engine: AsyncEngine,
    *,
    key: BrokerKey = BROKER_KEY,
    most: int = 10_000,
    now: datetime = NOON,
) -> list[Seal]:
    """Seal until nothing is left.

    Postgres's own upkeep may run a transaction at any moment, which holds sealing back
    for a while.
    """
    made: list[Seal] = []
    for _ in range(400):
        async with engine.begin() as db:
            one = await seal(db, now, key, most)
            last = await store.load_last_seal(db)
            left = await store.count_behind(db, last.last if last else START)
        if one is not None:
            made.append(one)
        elif not left:
            return made
        else:
            await asyncio.sleep(0.02)
    raise AssertionError("the trail could not be sealed")


async def a_sealed_trail(engine: AsyncEngine, *sizes: int) -> list[list[UUID]]:
    """Seals of so many events each; gives the ids of the events of each."""
    ranges = []
    for size in sizes:
        ranges.append(await some_events(engine, size))
        await seal_everything(engine)
    return ranges


async def tamper(engine: AsyncEngine, statement: str, **values: object) -> None:
    """Do what somebody with the database's password can do."""
    async with engine.begin() as db:
        changed = await db.execute(text(statement), values)
        assert changed.rowcount


async def check(
    engine: AsyncEngine, anchors: Anchors | None = None
) -> tuple[list[Fault], Summary]:
    """Check the whole trail, by the keys in the database unless told otherwise."""
    async with engine.connect() as db:
        anchors = anchors or Anchors(await public_keys(db))
        verifier = Verifier(db, anchors)
        faults = [fault async for fault in verifier.faults()]
    assert verifier.summary.faults == len(faults)
    return faults, verifier.summary


async def kinds(
    engine: AsyncEngine, anchors: Anchors | None = None
) -> list[tuple[FaultKind, int, UUID | None]]:
    """What is found: kinds, seals, events."""
    faults, _ = await check(engine, anchors)
    return [(one.kind, one.seal, one.event) for one in faults]


async def all_seals(engine: AsyncEngine) -> Sequence[Seal]:
    async with engine.connect() as db:
        return await store.load_seals_after(db, 0, 1000)
