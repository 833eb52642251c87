"""Every event is sealed once, in order, whoever commits late."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.audit import (
    a_fact,
    all_seals,
    check,
    seal_everything,
    some_events,
    tamper,
)
from tests.support.clock import NOON
from tests.support.plans import plan_of
from tests.support.sealing import BROKER_KEY
from unbind_broker.audit import store
from unbind_broker.audit.sealing import SealsAhead, seal
from unbind_broker.audit.seals import (
    NO_PREVIOUS,
    START,
    is_signed,
    signature_holds,
    unpack_leaves,
)
from unbind_broker.audit.signing_keys import public_keys
from unbind_broker.audit.trail import record
from unbind_broker.base.sealing import SecretKey

ANOTHER = SecretKey(b"another index key of 32 bytes...")
TRUSTED = {BROKER_KEY.key_id: BROKER_KEY.public}


async def test_nothing_to_seal_makes_no_seal(engine: AsyncEngine) -> None:
    async with engine.begin() as db:
        assert await seal(db, NOON, BROKER_KEY) is None
        assert await store.load_last_seal(db) is None


async def test_seal_holds_every_event_in_order(engine: AsyncEngine) -> None:
    ids = await some_events(engine, 5)

    [made] = await seal_everything(engine)

    async with engine.connect() as db:
        kept = await store.load_last_seal(db)
        leaves = unpack_leaves(await store.load_leaves(db, 1))
        assert await public_keys(db) == TRUSTED
    assert kept == made
    assert (made.number, made.events, made.previous) == (1, 5, NO_PREVIOUS)
    assert [leaf.id for leaf in leaves] == ids
    assert made.last.id == ids[-1]
    assert made.sealed_at == "2026-11-20T04:00:00.000000Z"
    assert is_signed(made, TRUSTED)


async def test_seals_follow_one_another_without_gaps(engine: AsyncEngine) -> None:
    await some_events(engine, 7)

    made = await seal_everything(engine, most=3)

    assert [one.number for one in made] == [1, 2, 3]
    assert [one.events for one in made] == [3, 3, 1]
    assert [one.previous for one in made[1:]] == [one.digest for one in made[:-1]]
    assert list(await all_seals(engine)) == made


async def test_key_of_earlier_seals_stays_known(engine: AsyncEngine) -> None:
    other = BROKER_KEY.derived(ANOTHER)
    await some_events(engine, 1)
    await seal_everything(engine)
    await some_events(engine, 1)
    await seal_everything(engine, key=other, now=NOON + timedelta(days=1))
    async with engine.connect() as db:
        assert [*await public_keys(db)] == [BROKER_KEY.key_id, other.key_id]
    faults, summary = await check(engine)
    assert faults == []
    assert summary.signed_by == {BROKER_KEY.key_id: 1, other.key_id: 1}


async def test_late_commit_does_not_slip_behind_a_seal(engine: AsyncEngine) -> None:
    async with engine.connect() as late:
        begun = await late.begin()
        await record(late, NOON, a_fact(1, "late"))
        before = await some_events(engine, 2)
        async with engine.begin() as db:
            assert await seal(db, NOON, BROKER_KEY) is None
        await begun.commit()
    [made] = await seal_everything(engine)
    assert made.events == 3
    assert made.last.id == before[-1]
    faults, summary = await check(engine)
    assert (faults, summary.events, summary.unsealed) == ([], 3, 0)


async def test_rolled_back_transaction_leaves_nothing_to_seal(
    engine: AsyncEngine,
) -> None:
    async with engine.connect() as db:
        await record(db, NOON, a_fact())
        await db.rollback()
    assert await seal_everything(engine) == []


async def test_one_at_a_time_seals(engine: AsyncEngine) -> None:
    await some_events(engine, 3)
    async with engine.begin() as first:
        made = await seal(first, NOON, BROKER_KEY)
        async with engine.begin() as second, asyncio.timeout(60):
            assert await seal(second, NOON, BROKER_KEY) is None
    assert [made] == list(await all_seals(engine))


async def test_racing_sealers_and_writers_seal_everything_once(
    engine: AsyncEngine,
) -> None:
    over = asyncio.Event()

    async def write() -> None:
        for place in range(30):
            async with engine.begin() as db:
                await record(db, NOON, a_fact(place), a_fact(place))
                await asyncio.sleep(0.001 * (place % 3))

    async def keep_sealing() -> None:
        while not over.is_set():
            async with engine.begin() as db:
                await seal(db, NOON, BROKER_KEY, 7)
            await asyncio.sleep(0)

    sealers = [asyncio.create_task(keep_sealing()) for _ in range(3)]
    await asyncio.gather(*(write() for _ in range(4)))
    over.set()
    await asyncio.gather(*sealers)
    await seal_everything(engine)
    faults, summary = await check(engine)
    assert (faults, summary.events, summary.unsealed) == ([], 240, 0)


async def test_signature_is_that_of_the_statement_that_readers_are_shown(
    engine: AsyncEngine,
) -> None:
    await some_events(engine, 1)
    [made] = await seal_everything(engine)
    assert signature_holds(BROKER_KEY.public, made.signature, made.statement)
    assert not signature_holds(BROKER_KEY.public, made.signature, made.statement + b" ")
    assert not signature_holds(b"short", made.signature, made.statement)
    for value in (made.root.hex(), made.previous.hex(), made.key_id):
        assert value in made.statement.decode()


async def test_cluster_that_counts_from_the_start_again_is_noticed(
    engine: AsyncEngine,
) -> None:
    await some_events(engine, 1)
    await seal_everything(engine)
    await tamper(engine, "UPDATE audit_seals SET last_xid = last_xid + 1000000")
    await some_events(engine, 1)
    async with engine.begin() as db:
        with pytest.raises(SealsAhead, match="restored into a new cluster"):
            await seal(db, NOON, BROKER_KEY)


async def test_unsealed_events_are_found_by_index(engine: AsyncEngine) -> None:
    async with engine.begin() as db:
        await db.execute(
            text(
                "INSERT INTO audit_events (id, xid, at, actor, action, facts)"
                " SELECT gen_random_uuid(), n / 3, now(), 'a', 'b', '{}'"
                " FROM generate_series(1, 60000) n"
            )
        )
    async with engine.connect() as connection:
        db = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await db.execute(text("VACUUM ANALYZE audit_events"))
    place = {"after_xid": 19_000, "after_id": START.id}
    async with engine.connect() as db:
        plan = await plan_of(db, store.UNSEALED, {**place, "most": 10_000})
        ranged = await plan_of(
            db,
            store.RANGE,
            {
                "after_xid": 100,
                "after_id": START.id,
                "upto_xid": 20_000,
                "upto_id": START.id,
                "most": 5_000,
            },
        )
    for found in (plan, ranged):
        assert "audit_events_by_xid" in found
        assert "Seq Scan" not in found
    assert "xid < " in plan.split("Index Cond:")[1]
