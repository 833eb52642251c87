"""One process that does both tells both; a worker alone tells on its own port."""

import asyncio
from pathlib import Path

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.metrics.exposed import scrape
from tests.support.app import a_runtime
from tests.support.garbage import garbage_as_before
from tests.support.waiting import eventually
from unbind_broker.app.server import reserve, url_of
from unbind_broker.base.clock import SystemClock
from unbind_broker.cli.broker import run_both
from unbind_broker.cli.loop import Stop
from unbind_broker.cli.working import run_worker_part, telling_health
from unbind_broker.metrics.exposition import Exposition
from unbind_broker.runtime.opening import Runtime
from unbind_broker.worker.liveness import Liveness

pytestmark = pytest.mark.real_time(0.5)


@pytest.fixture
def runtime(engine: AsyncEngine) -> Runtime:
    return a_runtime(engine, SystemClock())


def a_client(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, trust_env=False, timeout=60)


async def test_one_process_tells_of_both_parts(
    runtime: Runtime, tmp_path: Path
) -> None:
    stop, ready = Stop(), asyncio.Event()
    with garbage_as_before(), reserve("127.0.0.1", 0) as listener:
        running = asyncio.create_task(
            run_both(runtime, tmp_path, listener, stop, ready.set)
        )
        await ready.wait()
        url = url_of(listener)
        async with a_client(url) as client:

            async def tells_both() -> bool:
                told = await scrape(client)
                assert told.sum("unbind_admission_places_limit") > 0
                sources = told.labels("unbind_result_lines_total", "source")
                leases = told.of("unbind_leases_held")
                is_up = told.sum("unbind_database_up") == 1
                whole = sources == {"report", "finding", "answer"}
                return bool(leases) and is_up and whole

            await eventually(tells_both)
            told = await scrape(client)
        stop.ask()
        stop.ask()
        await running
    assert told.of("unbind_poll_age_seconds")
    assert told.of("process_resident_memory_bytes")


async def test_worker_tells_on_its_own_port(runtime: Runtime, tmp_path: Path) -> None:
    stop, exposition = Stop(), Exposition(runtime)
    liveness = Liveness(runtime.settings.liveness_limit)
    with reserve("127.0.0.1", 0) as listener:
        async with telling_health(runtime.clock, listener, liveness, exposition):
            working = asyncio.create_task(
                run_worker_part(runtime, tmp_path, stop, liveness, exposition)
            )
            url = url_of(listener)
            async with a_client(url) as client:

                async def tells() -> bool:
                    return bool((await scrape(client)).of("unbind_leases_held"))

                await eventually(tells)
                told = await scrape(client)
            stop.ask()
            await working
    assert told.sum("unbind_clock_off") in {0, 1}
    assert told.of("unbind_orders_accepted_total") == []
