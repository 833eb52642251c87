"""Each endpoint has one owner, by the database's clock; no zombie is listened to."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.builders import a_carrier, a_platform, an_endpoint
from tests.support.clock import NOON
from unbind_broker.base.database import Db, sql
from unbind_broker.base.ids import EndpointId, WorkerId, new_uuid7
from unbind_broker.endpoints.states import Delivery, PausedBy
from unbind_broker.endpoints.tables import endpoint_leases, endpoints
from unbind_broker.orders.positions import Position
from unbind_broker.sending import leases
from unbind_broker.sending.fleet import Fleet
from unbind_broker.sending.leases import Owned, Tenancy
from unbind_broker.sending.read_numbers import ReadNumbers
from unbind_broker.sending.tenure import Tenant, Tenure

LEASE = timedelta(seconds=20)
ME, OTHER = (WorkerId(new_uuid7(NOON)) for _ in range(2))
FURTHER = Position(7_000_000, ME)


async def three_endpoints(db: Db) -> list[EndpointId]:
    made = [
        await an_endpoint(db, await a_platform(db, slug))
        for slug in ("weibo", "zhihu", "didi")
    ]
    return [one.endpoint.id for one in made]


@pytest.fixture
async def ids(db: Db) -> list[EndpointId]:
    return await three_endpoints(db)


async def run_out(db: Db, owned: Owned) -> None:
    """Let a lease have ended a moment ago."""
    one = endpoint_leases.c.endpoint_id == owned.tenancy.endpoint_id
    ended = sql("clock_timestamp() - interval '1 ms'")
    await db.execute(update(endpoint_leases).where(one).values(lease_until=ended))


def moved(owned: Owned) -> Owned:
    return Owned(owned.tenancy, FURTHER)


async def test_free_endpoint_is_claimed_once(db: Db, ids: list[EndpointId]) -> None:
    mine = await leases.claim(db, ME, LEASE, 2)
    others = await leases.claim(db, OTHER, LEASE, 5)
    assert [one.tenancy for one in mine] == [Tenancy(ids[0], 1), Tenancy(ids[1], 1)]
    assert [one.tenancy for one in others] == [Tenancy(ids[2], 1)]
    assert await leases.claim(db, OTHER, LEASE, 5) == []
    assert await leases.claim(db, OTHER, LEASE, 0) == []


async def test_busy_endpoint_is_not_claimed(db: Db, ids: list[EndpointId]) -> None:
    claimed = await leases.claim(db, ME, LEASE, 5, busy=ids[:2])
    assert [one.tenancy.endpoint_id for one in claimed] == ids[2:]
    assert await leases.any_free(db, [])
    assert not await leases.any_free(db, ids[:2])


async def test_only_verified_push_endpoints_are_leased(db: Db) -> None:
    await an_endpoint(db, await a_platform(db, "pulls"), delivery=Delivery.PULL)
    await an_endpoint(db, await a_platform(db, "unverified"), verified=False)
    paused = await an_endpoint(
        db, await a_platform(db, "paused"), paused_by=PausedBy.OWNER
    )
    disabled = await an_endpoint(
        db, await a_platform(db, "disabled"), disabled="answered 410"
    )
    carrier = await an_endpoint(db, await a_carrier(db))
    claimed = await leases.claim(db, ME, LEASE, 9)
    assert [one.tenancy.endpoint_id for one in claimed] == [
        one.endpoint.id for one in (paused, disabled, carrier)
    ]
    assert (await leases.count(db, LEASE, [])).endpoints == 3


async def test_renewal_carries_the_cursor(db: Db, ids: list[EndpointId]) -> None:
    (mine,) = await leases.claim(db, ME, LEASE, 1)
    assert await leases.renew(db, ME, LEASE, [moved(mine)]) == {ids[0]}
    await leases.release(db, ME, [moved(mine)])
    (next_,) = await leases.claim(db, OTHER, LEASE, 1)
    assert next_ == Owned(Tenancy(ids[0], 2), FURTHER)
    assert await leases.renew(db, ME, LEASE, []) == set()


async def test_lease_that_ran_out_is_lost_even_if_nobody_took_it(
    db: Db, ids: list[EndpointId]
) -> None:
    first, second, _ = await leases.claim(db, ME, LEASE, 3)
    await run_out(db, first)
    assert await leases.renew(db, ME, LEASE, [moved(first), moved(second)]) == {ids[1]}
    (again,) = await leases.claim(db, OTHER, LEASE, 3)
    assert again == Owned(Tenancy(ids[0], 2), first.cursor)
    assert await leases.renew(db, ME, LEASE, [moved(first)]) == set()


async def test_former_owner_cannot_release_what_it_lost(
    db: Db, ids: list[EndpointId]
) -> None:
    del ids
    mine, *_ = await leases.claim(db, ME, LEASE, 3)
    await run_out(db, mine)
    await leases.claim(db, OTHER, LEASE, 1)
    await leases.release(db, ME, [moved(mine)])
    assert not await leases.any_free(db, [])


async def test_share_is_fair_and_rounded_up(db: Db, ids: list[EndpointId]) -> None:
    assert (await leases.count(db, LEASE, [])).share == 3
    await leases.beat(db, ME, "one")
    await leases.beat(db, OTHER, "two")
    await leases.beat(db, OTHER, "two")
    census = await leases.count(db, LEASE, ids)
    assert (census.workers, census.share, census.retired) == (2, 2, set())


async def test_worker_that_was_not_seen_for_a_lease_does_not_count(
    db: Db, ids: list[EndpointId]
) -> None:
    del ids
    await leases.beat(db, ME, "one")
    await leases.beat(db, OTHER, "two")
    await db.execute(
        sql("UPDATE workers SET seen_at = now() - interval '21 s' WHERE host = 'two'")
    )
    assert (await leases.count(db, LEASE, [])).workers == 1
    await db.execute(sql("UPDATE workers SET seen_at = now() - interval '2 days'"))
    await leases.beat(db, ME, "one")
    found = await db.execute(sql("SELECT host FROM workers"))
    assert list(found.scalars()) == ["one"]


async def test_endpoint_that_is_fetched_from_now_on_is_retired(
    db: Db, ids: list[EndpointId]
) -> None:
    await db.execute(
        update(endpoints).where(endpoints.c.id == ids[1]).values(delivery=Delivery.PULL)
    )
    assert (await leases.count(db, LEASE, ids)).retired == {ids[1]}


async def test_what_the_dead_held_is_free_at_once(
    db: Db, ids: list[EndpointId]
) -> None:
    await leases.beat(db, OTHER, "two")
    await leases.claim(db, OTHER, LEASE, 3)
    await leases.take_over(db, [])
    assert not await leases.any_free(db, [])
    await leases.take_over(db, [OTHER])
    assert len(await leases.claim(db, ME, LEASE, 9)) == len(ids)
    assert (await leases.count(db, LEASE, [])).workers == 0


async def test_giving_back_leaves_nothing_behind(db: Db, ids: list[EndpointId]) -> None:
    await leases.beat(db, ME, "one")
    held = await leases.claim(db, ME, LEASE, 9)
    await leases.give_back(db, ME, [moved(one) for one in held])
    taken = await leases.claim(db, OTHER, LEASE, 9)
    assert [one.cursor for one in taken] == [FURTHER] * len(ids)
    assert (await leases.count(db, LEASE, [])).workers == 0


async def test_fence_tells_what_stands(db: Db, ids: list[EndpointId]) -> None:
    first, second, _ = await leases.claim(db, ME, LEASE, 3)
    await run_out(db, first)
    await leases.claim(db, OTHER, LEASE, 1)
    stale = Tenancy(ids[1], 99)
    asked = [first.tenancy, second.tenancy, stale]
    assert await leases.hold(db, ME, asked) == {second.tenancy}
    assert await leases.hold(db, ME, []) == set()


async def test_nobody_steals_while_a_failure_is_being_recorded(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as db:
        await three_endpoints(db)
        held = await leases.claim(db, ME, LEASE, 3)
        for one in held:
            await run_out(db, one)
    async with engine.begin() as recording:
        stands = await leases.hold(recording, ME, [held[0].tenancy])
        assert stands == {held[0].tenancy}
        async with engine.begin() as thief:
            stolen = await leases.claim(thief, OTHER, LEASE, 9)
        assert [one.tenancy.endpoint_id for one in stolen] == [
            one.tenancy.endpoint_id for one in held[1:]
        ]
    async with engine.begin() as thief:
        assert len(await leases.claim(thief, OTHER, LEASE, 9)) == 1
    async with engine.begin() as recording:
        assert await leases.hold(recording, ME, [held[0].tenancy]) == set()


class Clock:
    """Seconds of a monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Office:
    """One worker's tenure."""

    def __init__(self, engine: AsyncEngine, worker: WorkerId) -> None:
        self.fleet = Fleet()
        self.clock = Clock()
        self.cut_off = False
        self.tenure = Tenure(
            engine,
            Tenant(worker, "host", LEASE),
            self.fleet,
            ReadNumbers(),
            self.clock,
            lambda: self.cut_off,
        )

    @property
    def owned(self) -> list[EndpointId]:
        return [lane.endpoint_id for lane in self.fleet if not lane.lost]


@asynccontextmanager
async def offices(
    engine: AsyncEngine, *workers: WorkerId
) -> AsyncIterator[Sequence[Office]]:
    async with engine.begin() as db:
        await three_endpoints(db)
    yield [Office(engine, worker) for worker in workers]


async def test_lone_worker_owns_everything(engine: AsyncEngine) -> None:
    async with offices(engine, ME) as (office,):
        assert await office.tenure.turn() == LEASE.total_seconds() / 5
        assert len(office.owned) == 3
        assert {lane.lease_ends for lane in office.fleet} == {120.0}
        assert {lane.behind for lane in office.fleet} == {True}
        office.clock.now = 104.0
        await office.tenure.turn()
        assert {lane.lease_ends for lane in office.fleet} == {124.0}


async def test_newcomer_gets_its_share_once_it_is_drained(
    engine: AsyncEngine,
) -> None:
    async with offices(engine, ME, OTHER) as (old, new):
        await old.tenure.turn()
        await new.tenure.turn()
        assert new.owned == []
        busy = next(iter(old.fleet))
        for lane in old.fleet:
            lane.in_flight = 1
        assert await old.tenure.turn() < 4
        leaving = [lane for lane in old.fleet if lane.draining]
        assert len(leaving) == 1
        assert busy.endpoint_id in old.owned
        await old.tenure.turn()
        await new.tenure.turn()
        assert new.owned == []
        leaving[0].in_flight = 0
        await old.tenure.turn()
        assert len(old.owned) == 2
        assert await new.tenure.sees_free()
        await new.tenure.turn()
        assert new.owned == [leaving[0].endpoint_id]
        await old.tenure.turn()
        assert len(old.owned) == 2


async def test_share_that_grows_again_keeps_who_was_leaving(
    engine: AsyncEngine,
) -> None:
    async with offices(engine, ME, OTHER) as (old, new):
        await old.tenure.turn()
        await new.tenure.turn()
        for lane in old.fleet:
            lane.in_flight = 1
        await old.tenure.turn()
        await new.tenure.give_back()
        await old.tenure.turn()
        assert [lane.draining for lane in old.fleet] == [False] * 3


async def test_lost_endpoint_is_not_served_and_not_claimed_before_it_is_recorded(
    engine: AsyncEngine,
) -> None:
    async with offices(engine, ME) as (office,):
        await office.tenure.turn()
        lost, *_ = office.fleet
        lost.in_flight = 1
        async with engine.begin() as db:
            await run_out(db, Owned(Tenancy(lost.endpoint_id, lost.epoch), FURTHER))
        await office.tenure.turn()
        assert lost.lost
        assert office.fleet.get(lost.endpoint_id) is lost
        await office.tenure.turn()
        assert len(office.owned) == 2
        lost.in_flight = 0
        await office.tenure.turn()
        await office.tenure.turn()
        again = office.fleet.get(lost.endpoint_id)
        assert again is not None
        assert again is not lost
        assert again.epoch == lost.epoch + 1


async def test_retired_endpoint_is_given_back(engine: AsyncEngine) -> None:
    async with offices(engine, ME) as (office,):
        await office.tenure.turn()
        retired = office.owned[0]
        async with engine.begin() as db:
            await db.execute(
                update(endpoints)
                .where(endpoints.c.id == retired)
                .values(verified_at=None)
            )
        await office.tenure.turn()
        await office.tenure.turn()
        assert retired not in office.owned
        assert len(office.owned) == 2


async def test_workers_that_claim_at_once_never_share_an_endpoint(
    engine: AsyncEngine,
) -> None:
    workers = [WorkerId(new_uuid7(NOON)) for _ in range(4)]
    async with offices(engine, *workers) as all_:
        owned: list[EndpointId] = []
        for _ in range(10):
            await asyncio.gather(*(office.tenure.turn() for office in all_))
            owned = [endpoint for office in all_ for endpoint in office.owned]
            assert len(owned) == len(set(owned))
        assert len(owned) == 3
        assert max(len(office.owned) for office in all_) == 1


async def test_worker_that_is_cut_off_leaves_its_endpoints_to_others(
    engine: AsyncEngine,
) -> None:
    async with offices(engine, ME, OTHER) as (mine, others):
        mine.cut_off = True
        await mine.tenure.turn()
        assert len(mine.owned) == 3  # nobody else is there
        await others.tenure.turn()
        await mine.tenure.turn()  # nothing is started any more
        await mine.tenure.turn()  # given back
        assert mine.owned == []
        await others.tenure.turn()
        assert len(others.owned) == 3
        mine.cut_off = False
        await mine.tenure.turn()
        await others.tenure.turn()
        await others.tenure.turn()
        await mine.tenure.turn()
        assert (len(mine.owned), len(others.owned)) == (1, 2)
