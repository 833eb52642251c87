"""What an endpoint's owner allows holds where the requests arrive, come what may.

Times are the receiver's own. By its own clock the broker begins no more requests in any
second than the rate says (``tests/sending/test_pace.py`` has no tolerance either); one
of them may need longer on its way here than the next. That moves it into the second of
its successors, so that one more than the rate is allowed here, whatever the rate, and
nothing in per cent.
"""

import asyncio
from datetime import timedelta

import pytest

from tests.support.app import a_runtime, bearer, in_process
from tests.support.builders import TOOLS, a_key, a_platform, an_endpoint
from tests.support.receiver import Answer, Delivery, Door
from tests.support.waiting import eventually
from tests.worker.a_process import a_process
from tests.worker.stage import CLOCK, Stage, short
from unbind_broker.base.database import sql
from unbind_broker.endpoints import service
from unbind_broker.endpoints.choice import EndpointChoice
from unbind_broker.endpoints.endpoint import Owner
from unbind_broker.endpoints.taking_effect import wait_until_in_force

pytestmark = pytest.mark.real_time(0.1)

RARELY, OFTEN = 0.8, 5.0
"""Requests a second: one in longer than a short lease lasts, and several."""
SHORT_LEASE = 1.0
_STALL = sql("LOCK TABLE items IN ACCESS EXCLUSIVE MODE")


def gap_around(door: Door, moment: float) -> float:
    """Tell how long nothing arrived between the last before and the first after."""
    starts = [delivery.started for delivery in door.deliveries]
    before = max(start for start in starts if start <= moment)
    return min(start for start in starts if start > moment) - before


async def add_doors(stage: Stage) -> tuple[Door, Door, Door]:
    """A busy door with room for two requests of three items, and two with a rate."""
    await stage.add_platforms(1, max_batch=3, max_concurrency=2)
    await stage.add_platforms(1, max_batch=1, max_concurrency=8, max_rate=OFTEN)
    await stage.add_platforms(1, max_batch=1, max_concurrency=8, max_rate=RARELY)
    busy, often, rarely = stage.doors
    for door in stage.doors:
        # Long enough that one request's way here is short beside it.
        door.usual = Answer(delay=0.1)
    return busy, often, rarely


def check(busy: Door, often: Door, rarely: Door) -> None:
    assert (busy.largest_batch, busy.peak_in_flight) == (3, 2)
    assert often.most_in_a_second <= OFTEN + 1
    assert rarely.most_in_a_second <= RARELY + 1


async def test_limits_hold_while_the_database_stalls_and_when_a_worker_goes(
    stage: Stage,
) -> None:
    busy, often, rarely = await add_doors(stage)
    await stage.order(40)
    async with stage.working():
        await eventually(lambda: len(often.deliveries) >= 6)
        # Whatever waits to be looked up once more now waits together.
        async with stage.engine.begin() as db:
            await db.execute(_STALL)
            await asyncio.sleep(0.7)
        await eventually(lambda: len(often.deliveries) >= 11)
    handed_over = asyncio.get_running_loop().time()
    async with stage.working():
        await eventually(lambda: len(often.deliveries) >= 12)
        await eventually(lambda: rarely.deliveries[-1].started > handed_over)
    check(busy, often, rarely)
    assert gap_around(rarely, handed_over) >= 1 / RARELY


async def test_limits_hold_when_an_owner_is_killed(
    stage: Stage, database_url: str
) -> None:
    busy, often, rarely = await add_doors(stage)
    await stage.order(40)
    async with a_process(database_url, lease=SHORT_LEASE) as victim:
        await eventually(lambda: rarely.deliveries and len(often.deliveries) >= 4)
        victim.kill()
        await victim.wait()
    await asyncio.sleep(0.3)  # whatever it sent last arrives
    killed = asyncio.get_running_loop().time()
    async with stage.working(short(SHORT_LEASE)):
        await eventually(lambda: often.deliveries[-1].started > killed)
        await eventually(lambda: rarely.deliveries[-1].started > killed)
    check(busy, often, rarely)
    # Nobody has written down what the dead one sent last.
    assert gap_around(rarely, killed) >= 1 / RARELY
    assert gap_around(often, killed) >= 1 / OFTEN


async def test_lowered_limits_hold_from_then_on(stage: Stage) -> None:
    await stage.add_platforms(1, max_batch=10, max_concurrency=4)
    (door,) = stage.doors
    door.usual = Answer(hang=True)
    await stage.order(60)
    async with stage.working():
        await eventually(lambda: door.in_flight == 4)
        await lower(stage, max_batch=2, max_concurrency=1, max_rate=OFTEN)
        door.usual = Answer(delay=0.01)
        before = len(door.deliveries)
        door.release()
        await eventually(lambda: len(door.deliveries) >= before + 7)
    later: list[Delivery] = door.deliveries[before:]
    assert {len(one.items) for one in later} == {2}
    assert {one.in_flight for one in later} == {1}
    door.deliveries = later
    assert door.most_in_a_second <= OFTEN + 1


async def lower(stage: Stage, **limits: float) -> None:
    """Change an endpoint's limits, and wait until its owner says that they hold."""
    door, owner = stage.doors[0], Owner("platform-0", platform_id=stage.platforms[0])
    choice = EndpointChoice(url=door.url, **limits)  # type: ignore[arg-type] # by name
    async with stage.engine.begin() as db:
        await service.register(db, CLOCK.now(), owner, choice, TOOLS, "test")
        changed = await service.require(db, owner)
    limit = timedelta(seconds=10)
    assert await wait_until_in_force(stage.engine, changed.id, changed.version, limit)


async def test_probes_wait_for_no_limit_and_use_none_up(stage: Stage) -> None:
    door = stage.receiver.door("probed")
    async with stage.engine.begin() as db:
        platform = await a_platform(db, "probed")
        now = CLOCK.now()
        made = await an_endpoint(
            db, platform, door.url, max_concurrency=1, max_rate=OFTEN, now=now
        )
        key = bearer(await a_key(db, platform))
    door.secrets.append(made.secret)
    door.then(Answer(hang=True))
    await stage.order(2)
    async with stage.working(), in_process(a_runtime(stage.engine, CLOCK)) as api:
        await eventually(lambda: door.in_flight == 1)
        for probe in ("test", "test", "verify", "test", "verify"):
            answer = await api.post(f"/v1/endpoint/{probe}", headers=key)
            assert answer.status_code == 200
        types = [one.type for one in door.deliveries]
        assert types == ["unbind.requested", *["endpoint.test"] * 3]
        assert len(door.challenges) == 2
        door.release()
        # Five probes later the rate is as it was: nothing was used up.
        await stage.reaches(stage.none_is_queued)
