"""Recording and renewing take leases in one order, so that they never deadlock."""

import asyncio

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tests.sending.parts import START, a_batch, a_target, ended, put_to_use
from tests.sending.record_desk import LEASE, ME, PLANS
from tests.support.builders import a_platform, an_endpoint
from tests.support.clock import NOON
from tests.support.guards import APPLYING
from unbind_broker.deliveries.hearing import Heard
from unbind_broker.deliveries.outcomes import Outcome, OutcomeKind
from unbind_broker.endpoints.tables import endpoint_leases
from unbind_broker.sending import leases
from unbind_broker.sending.lane import Lane
from unbind_broker.sending.read_numbers import ReadNumbers
from unbind_broker.sending.record import write

HEARD = Heard(
    Outcome(OutcomeKind.ACCEPTED),
    alone=True,
    most=1,
    started_at=NOON,
    ended_at=NOON,
    error="",
    jitter=0.5,
)


async def lanes_on(engine: AsyncEngine) -> list[Lane]:
    """Two lanes that this worker owns; there is news of both."""
    async with engine.begin() as db:
        for slug in ("weibo", "zhihu"):
            await an_endpoint(db, await a_platform(db, slug))
        holdings = await leases.claim(db, ME, LEASE, 2)
    made = []
    for tenancy in sorted(holding.tenancy for holding in holdings):
        lane = Lane(tenancy.endpoint_id, tenancy.epoch, START, 1000.0, ReadNumbers())
        put_to_use(lane, a_target(endpoint_id=tenancy.endpoint_id))
        lane.heard(HEARD)
        made.append(lane)
    return made


async def lock(db: AsyncConnection, lane: Lane) -> None:
    one = endpoint_leases.c.endpoint_id == lane.endpoint_id
    await db.execute(select(endpoint_leases).where(one).with_for_update(key_share=True))


async def somebody_waits(db: AsyncConnection) -> bool:
    waits = text(
        "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pid IN"
        " (SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = database"
        " WHERE datname = current_database()))"
    )
    return bool((await db.execute(waits)).scalar_one())


async def test_record_holds_no_later_lease_while_it_waits_for_an_earlier_one(
    engine: AsyncEngine,
) -> None:
    first, last = await lanes_on(engine)
    failed = ended(a_batch(), OutcomeKind.FAILED, lane=last)
    taken = ended(a_batch(), lane=first)

    async def record() -> None:
        async with engine.begin() as db:
            await write(db, NOON, ME, [failed, taken], PLANS, APPLYING)

    async with engine.begin() as renewing:
        await lock(renewing, first)
        recording = asyncio.create_task(record())
        async with asyncio.timeout(60):
            while not await somebody_waits(renewing):  # noqa: ASYNC110 - in the database
                await asyncio.sleep(0.01)
        await renewing.execute(text("SET LOCAL lock_timeout = '1s'"))
        await lock(renewing, last)
    await recording
