"""Two processes are restarted one after the other under load: no request fails."""

import asyncio
from collections import Counter
from datetime import timedelta
from itertools import count

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import a_runtime, bearer
from tests.support.builders import a_carrier, a_key
from tests.support.clock import FixedClock
from tests.support.order_api import order_body
from tests.support.order_builders import a_reachable_platform
from tests.support.waiting import PATIENCE, eventually
from unbind_broker.app.server import reserve, url_of
from unbind_broker.cli.broker import run_api_part
from unbind_broker.cli.loop import Stop
from unbind_broker.orders.tables import orders
from unbind_broker.runtime.opening import Runtime

NOTICE = timedelta(seconds=1.5)
LOOK = 0.05


class Replica:
    """One process of the API, as a load balancer knows it."""

    def __init__(self, runtime: Runtime, notice: timedelta = NOTICE) -> None:
        self.runtime = runtime
        self.notice = notice
        self.url = ""
        self.is_ready = False
        self.http = httpx.AsyncClient(trust_env=False, timeout=PATIENCE)

    async def start(self) -> None:
        self.stop, serves = Stop(), asyncio.Event()
        self.running = asyncio.create_task(self._run(serves))
        await serves.wait()

    async def _run(self, serves: asyncio.Event) -> None:
        with reserve("127.0.0.1", 0) as listener:
            self.url = url_of(listener)
            await run_api_part(
                self.runtime, listener, self.stop, serves.set, notice=self.notice
            )

    async def end(self) -> None:
        self.stop.ask()
        await self.running

    def said_ready(self) -> bool:
        return self.is_ready

    async def look(self) -> None:
        try:
            answer = await self.http.get(f"{self.url}/readyz")
        except httpx.TransportError:
            self.is_ready = False
        else:
            self.is_ready = answer.status_code == 200


class Balancer:
    """Send each request to the next process that says it is ready."""

    def __init__(self, *replicas: Replica) -> None:
        self.replicas = replicas
        self._turn = count()
        self._watching = asyncio.create_task(self._watch())

    async def post(self, body: object, headers: dict[str, str]) -> int:
        ready = [replica for replica in self.replicas if replica.is_ready]
        chosen = ready[next(self._turn) % len(ready)]
        answer = await chosen.http.post(
            f"{chosen.url}/v1/orders", json=body, headers=headers
        )
        return answer.status_code

    async def close(self) -> None:
        self._watching.cancel()
        for replica in self.replicas:
            await replica.end()
            await replica.http.aclose()

    async def _watch(self) -> None:
        while True:
            await asyncio.gather(*(replica.look() for replica in self.replicas))
            await asyncio.sleep(LOOK)


@pytest.fixture
async def carrier(engine: AsyncEngine) -> dict[str, str]:
    async with engine.begin() as db:
        await a_reachable_platform(db, "weibo")
        return bearer(await a_key(db, await a_carrier(db)))


@pytest.mark.real_time(0.1)
async def test_restart_of_every_process_fails_no_request(
    engine: AsyncEngine, clock: FixedClock, carrier: dict[str, str]
) -> None:
    runtime = a_runtime(engine, clock, carrier_rate=10_000, carrier_burst=10_000)
    replicas = [Replica(runtime), Replica(runtime)]
    for replica in replicas:
        await replica.start()
    balancer = Balancer(*replicas)
    answers: Counter[int] = Counter()
    over = asyncio.Event()

    numbers = count()

    async def caller() -> None:
        while not over.is_set():
            body = order_body(number=f"+861380000{next(numbers) % 10_000:04}")
            answers[await balancer.post(body, carrier)] += 1
            await asyncio.sleep(0.01)

    await eventually(lambda: all(one.is_ready for one in replicas))
    calling = [asyncio.create_task(caller()) for _ in range(4)]
    for replica in replicas:
        await replica.end()
        replica.is_ready = False
        await replica.start()
        await eventually(replica.said_ready)
    over.set()
    await asyncio.gather(*calling)
    await balancer.close()

    assert set(answers) == {202}
    async with engine.connect() as db:
        stored = await db.scalar(select(func.count()).select_from(orders))
    assert stored == answers[202]


@pytest.mark.real_time(1)
async def test_process_that_ends_says_so_first_and_still_serves(
    engine: AsyncEngine, clock: FixedClock, carrier: dict[str, str]
) -> None:
    replica = Replica(a_runtime(engine, clock), notice=timedelta(seconds=2))
    await replica.start()
    ending = asyncio.create_task(replica.end())
    await asyncio.sleep(LOOK)
    ready = await replica.http.get(f"{replica.url}/readyz")
    served = await replica.http.get(f"{replica.url}/v1/me", headers=carrier)
    await ending
    await replica.http.aclose()
    assert (ready.status_code, ready.json()["code"]) == (503, "draining")
    assert served.status_code == 200
    assert served.headers["Connection"] == "close"
