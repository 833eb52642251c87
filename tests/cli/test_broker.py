"""How the parts of a process end: in good order, or at once when asked twice."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.app import a_runtime, bearer
from tests.support.builders import a_carrier, a_key
from tests.support.clock import NOON, FixedClock
from tests.support.order_builders import a_reachable_platform
from tests.support.waiting import PATIENCE, eventually
from unbind_broker.app.server import CannotListen, reserve, url_of
from unbind_broker.base.instants import show_instant
from unbind_broker.cli.broker import run_api_part, run_both
from unbind_broker.cli.loop import Stop
from unbind_broker.cli.working import run_worker_part, telling_health
from unbind_broker.runtime.opening import Runtime
from unbind_broker.worker.liveness import Liveness

ORDER = {
    "number": "+8613800001234",
    "owner_since": "2025-03-01",
    "consent": {"method": "sms_otp", "at": show_instant(NOON)},
}


@pytest.fixture
def runtime(engine: AsyncEngine) -> Runtime:
    return a_runtime(engine, FixedClock())


@pytest.fixture
async def carrier(engine: AsyncEngine) -> dict[str, str]:
    """The header of a carrier who can ask a platform that never answers."""
    async with engine.begin() as db:
        await a_reachable_platform(db, "weibo")
        return bearer(await a_key(db, await a_carrier(db)))


def left(data_dir: Path) -> list[Path]:
    """List the locks of workers that look alive."""
    return list(data_dir.glob("workers/*"))


@asynccontextmanager
async def api(
    runtime: Runtime, stop: Stop
) -> AsyncIterator[tuple[httpx.AsyncClient, asyncio.Task[None]]]:
    ready = asyncio.Event()
    with reserve("127.0.0.1", 0) as listener:
        running = asyncio.create_task(run_api_part(runtime, listener, stop, ready.set))
        await ready.wait()
        async with httpx.AsyncClient(
            base_url=url_of(listener), timeout=PATIENCE
        ) as http:
            yield http, running
        stop.ask()
        await running


def ask_patiently(
    http: httpx.AsyncClient, headers: dict[str, str]
) -> asyncio.Task[httpx.Response]:
    return asyncio.create_task(
        http.post(
            "/v1/orders",
            json=ORDER,
            headers={**headers, "Prefer": "wait=30"},
        )
    )


def has_asked(http: httpx.AsyncClient, headers: dict[str, str]) -> Callable[[], Any]:
    async def look() -> bool:
        found = await http.post(
            "/v1/orders/search", json={"number": ORDER["number"]}, headers=headers
        )
        return bool(found.json()["data"])

    return look


async def test_whoever_waits_for_an_order_is_answered_when_the_process_ends(
    runtime: Runtime, carrier: dict[str, str]
) -> None:
    stop = Stop()
    async with api(runtime, stop) as (http, running):
        asking = ask_patiently(http, carrier)
        await eventually(has_asked(http, carrier))
        stop.ask()
        answer = await asking
        await running

    assert answer.status_code == 202
    assert answer.json()["status"] == "in_progress"


async def test_worker_that_is_hurried_ends_at_once(
    runtime: Runtime, tmp_path: Path
) -> None:
    stop = Stop()
    working = asyncio.create_task(run_worker_part(runtime, tmp_path, stop))
    await eventually(lambda: left(tmp_path))

    stop.hurried.set()
    await working

    assert left(tmp_path) == []


async def test_both_parts_end_together_when_asked_twice(
    runtime: Runtime, tmp_path: Path
) -> None:
    stop, ready = Stop(), asyncio.Event()
    with reserve("127.0.0.1", 0) as listener:
        running = asyncio.create_task(
            run_both(runtime, tmp_path, listener, stop, ready.set)
        )
        await ready.wait()
        stop.ask()
        stop.ask()
        await running

    assert stop.hurried.is_set()
    assert left(tmp_path) == []


async def test_worker_whose_health_cannot_be_served_says_so(runtime: Runtime) -> None:
    liveness = Liveness(runtime.settings.liveness_limit)
    with (
        reserve("127.0.0.1", 0) as listener,
        reserve(*listener.getsockname()) as other,
    ):
        other.listen()
        telling = telling_health(runtime.clock, listener, liveness)
        with pytest.raises(CannotListen, match="is in use"):
            await asyncio.wait_for(telling.__aenter__(), 60)


def test_the_first_request_asks_and_the_second_hurries() -> None:
    stop = Stop()

    stop.ask()
    asked, hurried = stop.asked.is_set(), stop.hurried.is_set()
    stop.ask()

    assert (asked, hurried) == (True, False)
    assert stop.hurried.is_set()
