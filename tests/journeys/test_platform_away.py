"""A platform that is away for an hour is sent everything once it is back.

The hour is simulated, for the worker and for its database; while requests arrive, time
runs as it really does. Limits are measured where the requests arrive, by the real time;
``tests/worker/test_limits.py`` says why one more than the rate may be seen there.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine
from standardwebhooks import Webhook
from typing_extensions import override

from tests.support.app import a_runtime, bearer, in_process
from tests.support.builders import a_carrier, a_key, a_platform, an_endpoint
from tests.support.joining import a_number
from tests.support.order_builders import an_order, asked, many_orders
from tests.support.ports import a_free_port
from tests.support.receiver import Answer, Door, Receiver
from tests.support.simulated_time import SimulatedClock, simulate_time
from tests.support.waiting import eventually
from tests.support.working import working
from unbind_broker.base.database import sql
from unbind_broker.base.ids import EndpointId
from unbind_broker.carriers.service import Carrier
from unbind_broker.deliveries.breaker import OPENING_STREAK, BreakerPolicy
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.deliveries.tables import attempts
from unbind_broker.items.states import ItemStatus
from unbind_broker.items.tables import items
from unbind_broker.orders.tables import order_log

pytestmark = [pytest.mark.journey, pytest.mark.real_time(0.1)]

AWAY, STEADY = "away", "steady"
BEFORE, PORTION, PORTIONS = 8000, 500, 4
ALL = BEFORE + PORTION * PORTIONS
BATCH, CONCURRENCY, RATE = 100, 4, 5
"""Requests are so far apart that one's longer way here moves no second one."""
LIMITS = {"max_batch": BATCH, "max_concurrency": CONCURRENCY, "max_rate": float(RATE)}
FIRST = 20
"""Requests that the platform takes before it goes."""
HOUR = timedelta(hours=1)
LONGEST_PAUSE = timedelta(minutes=10)
LEAST, MOST = 0.8, 1.2
"""What a pause of the circuit is drawn from, in parts of it."""
TOLERANCE = timedelta(minutes=5)
NEWS = ["degraded", "open", "recovered"]
PATIENCE = 60.0
_XID = sql("SELECT pg_current_xact_id()::text::bigint")


@dataclass
class SimulatedDoor(Door):
    """Goes by simulated time, which the official library cannot be told.

    So that library signs once more what has come, and the door compares.
    """

    clock: SimulatedClock | None = None

    @override
    def _verifies(self, body: bytes, headers: dict[str, str]) -> bool:
        assert self.clock is not None
        at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), tz=UTC)
        signed = {
            Webhook(secret).sign(headers["webhook-id"], at, body.decode())
            for secret in self.secrets
        }
        in_time = abs(self.clock.now() - at) < TOLERANCE
        return in_time and not signed.isdisjoint(headers["webhook-signature"].split())


@dataclass
class Scene:
    engine: AsyncEngine
    clock: SimulatedClock
    carrier: Carrier
    away: Door
    steady: Door
    endpoints: dict[str, EndpointId] = field(default_factory=dict)
    keys: dict[str, dict[str, str]] = field(default_factory=dict)
    _numbers: int = 0

    async def order(self, count: int, *platforms: str) -> None:
        """Accept one order, and have as many like it in all."""
        async with self.engine.begin() as db:
            now = self.clock.now()
            self._numbers += 1
            number = a_number(self._numbers)
            wanted = asked(number=number, platforms=platforms, now=now)
            first = await an_order(db, self.carrier, wanted, now=now)
            await many_orders(db, self.carrier, count - 1, like=first)
            xid = (await db.execute(_XID)).scalar_one()
            copies = order_log.c.xid == 1
            await db.execute(update(order_log).where(copies).values(xid=xid))

    async def unreached(self) -> list[datetime]:
        """When the broker tried in vain to reach the platform that is away."""
        mine = attempts.c.endpoint_id == self.endpoints[AWAY]
        unreached = attempts.c.outcome == OutcomeKind.UNREACHABLE
        at = attempts.c.started_at
        async with self.engine.connect() as db:
            found = await db.execute(select(at).where(mine, unreached).order_by(at))
            return list(found.scalars())

    async def statuses(self) -> dict[ItemStatus, int]:
        counted = select(items.c.status, func.count()).group_by(items.c.status)
        async with self.engine.connect() as db:
            return {row[0]: row[1] for row in await db.execute(counted)}

    async def told(self, slug: str) -> list[str]:
        """What a platform reads of how its endpoint fared, oldest first."""
        async with in_process(a_runtime(self.engine, self.clock)) as api:
            answer = await api.get("/v1/endpoint/events", headers=self.keys[slug])
        return [one["kind"] for one in reversed(answer.json()["data"])]

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Run a worker; the hour passes faster than a usual lease is renewed."""
        clocks = {"lease": timedelta(hours=6), "request_timeout": timedelta(minutes=1)}
        runtime = a_runtime(self.engine, self.clock, **clocks)
        async with working(runtime):
            yield


async def test_all_is_sent_at_the_declared_pace_once_the_platform_is_back(
    engine: AsyncEngine, receiver: Receiver
) -> None:
    site = Receiver()
    async with AsyncExitStack() as stack:
        async with site.opened(a_free_port()):
            scene = await set_up(engine, {AWAY: site, STEADY: receiver})
            await scene.order(BEFORE, AWAY)
            await stack.enter_async_context(scene.working())
            cut_off = await take_the_first(scene.away)
        await let_the_hour_pass(scene)
        async with site.opened(site.port):
            await see_a_slow_start(scene)
            await take_the_rest(scene)
            await eventually(lambda: has_recovered(scene), PATIENCE)
    assert await scene.statuses() == {ItemStatus.ACKNOWLEDGED: ALL + PORTION * PORTIONS}
    assert scene.away.rejected + scene.steady.rejected == 0
    # What it had not answered when it went came twice, and nothing else.
    repeated = [one for one, times in scene.away.times_sent.items() if times > 1]
    assert sorted(repeated) == sorted(cut_off)
    assert set(scene.away.times_sent.values()) == {1, 2}
    assert (scene.away.largest_batch, scene.away.peak_in_flight) == (BATCH, CONCURRENCY)
    assert scene.away.most_in_a_second <= RATE + 1
    await check_circuit(scene)


async def set_up(engine: AsyncEngine, sites: dict[str, Receiver]) -> Scene:
    clock = await simulate_time(engine)
    doors = {}
    for slug, site in sites.items():
        doors[slug] = SimulatedDoor(slug, f"{site.base_url}/p/{slug}", clock=clock)
        site.doors[slug] = doors[slug]
    async with engine.begin() as db:
        now = clock.now()
        carrier = await a_carrier(db, now=now)
        scene = Scene(engine, clock, carrier, doors[AWAY], doors[STEADY])
        for slug, limits in ((AWAY, LIMITS), (STEADY, {"max_batch": BATCH})):
            platform = await a_platform(db, slug, now=now)
            url = doors[slug].url
            made = await an_endpoint(db, platform, url, now=now, **limits)
            doors[slug].secrets.append(made.secret)
            scene.endpoints[slug] = made.endpoint.id
            scene.keys[slug] = bearer(await a_key(db, platform, now=now))
    return scene


async def take_the_first(door: Door) -> list[str]:
    """Answer some requests, and give the items of those that are under way then."""
    await eventually(lambda: len(door.deliveries) >= FIRST, PATIENCE)
    door.usual = Answer(hang=True)
    await eventually(lambda: door.in_flight == CONCURRENCY, PATIENCE)
    return [item for one in door.deliveries[-CONCURRENCY:] for item in one.item_ids]


async def let_the_hour_pass(scene: Scene) -> None:
    """Meanwhile everybody else gets what is theirs, before time goes on."""
    await eventually(lambda: has_opened(scene), PATIENCE)
    for portion in range(1, PORTIONS + 1):
        tried = len(await scene.unreached())
        await scene.order(PORTION, AWAY, STEADY)
        expected = PORTION * portion
        await eventually(lambda: len(scene.steady.item_ids) == expected, PATIENCE)  # noqa: B023 - awaited here
        while scene.clock.ahead < HOUR / PORTIONS * portion:
            await scene.clock.step()
            await asyncio.sleep(0.02)
        # The longest pause of the circuit is shorter than what has passed.
        await eventually(lambda: has_tried(scene, more_than=tried), PATIENCE)  # noqa: B023 - awaited here
    assert set(scene.steady.times_sent.values()) == {1}


async def has_opened(scene: Scene) -> bool:
    return "open" in await scene.told(AWAY)


async def has_tried(scene: Scene, more_than: int) -> bool:
    return len(await scene.unreached()) > more_than


async def see_a_slow_start(scene: Scene) -> None:
    """Answer only once it is sure that no further request comes meanwhile."""
    door, before = scene.away, len(scene.away.deliveries)
    async with asyncio.timeout(PATIENCE):
        while len(door.deliveries) == before:
            if scene.clock.ahead < HOUR + LONGEST_PAUSE * MOST:
                await scene.clock.step()
            await asyncio.sleep(0.05)
    came = before
    for together in (1, 1, 2, CONCURRENCY):
        came += together
        await eventually(lambda: len(door.deliveries) >= came, PATIENCE)  # noqa: B023 - awaited here
        await asyncio.sleep(1.5 / RATE)
        assert (len(door.deliveries), door.in_flight) == (came, together)
        if together == CONCURRENCY:
            door.usual = Answer()
        door.release()


async def take_the_rest(scene: Scene) -> None:
    """Let time pass only when nothing comes: some must wait a little longer."""
    came = 0
    async with asyncio.timeout(PATIENCE):
        while len(scene.away.times_sent) < ALL:
            if came == len(scene.away.deliveries):
                await scene.clock.step()
            came = len(scene.away.deliveries)
            await asyncio.sleep(0.2)


async def has_recovered(scene: Scene) -> bool:
    statuses = await scene.statuses()
    told = await scene.told(AWAY)
    return statuses.keys() == {ItemStatus.ACKNOWLEDGED} and len(told) >= len(NEWS)


async def check_circuit(scene: Scene) -> None:
    """It opened once, was probed ever more rarely, and closed; all told once."""
    assert await scene.told(STEADY) == []
    assert await scene.told(AWAY) == NEWS
    tried = await scene.unreached()
    # What was under way together ended together; after that only probes are left.
    first = next(
        place
        for place, (one, later) in enumerate(pairwise(tried))
        if later - one >= BreakerPolicy().first_pause * LEAST
    )
    assert first < OPENING_STREAK + CONCURRENCY
    pause = BreakerPolicy().first_pause
    for earlier, later in pairwise(tried[first:]):
        assert later - earlier >= pause * LEAST
        pause = min(pause * 2, LONGEST_PAUSE)
