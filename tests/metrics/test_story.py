"""A real API and a real worker tell of a story, and of all that the alerts name."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.metrics.exposed import Exposed, scrape, together
from tests.metrics.told import Named, expressions, named_in
from tests.support.receiver import Answer, Door, Receiver
from tests.support.sealing import BLIND_INDEX, BROKER_KEY, SEALER
from tests.support.waiting import eventually
from tests.worker.stage import CLOCK, Stage, set_stage, short
from unbind_broker.app.factory import create_app
from unbind_broker.app.health import create_health_app
from unbind_broker.deadlines.mending import last_walk
from unbind_broker.metrics.exposition import Exposition
from unbind_broker.metrics.metric import Kind
from unbind_broker.metrics.names import METRICS
from unbind_broker.orders.states import OrderKind
from unbind_broker.runtime.opening import Runtime
from unbind_broker.worker.liveness import Liveness
from unbind_broker.worker.process import run_worker

pytestmark = pytest.mark.real_time(0.5)

_OF_PROMETHEUS = {"job", "instance"}


def a_client(app: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url="http://broker")


@asynccontextmanager
async def at_work(runtime: Runtime) -> AsyncIterator[httpx.AsyncClient]:
    """A worker beside the block, and whoever asks for its metrics."""
    exposition, stopping = Exposition(runtime), asyncio.Event()
    liveness = Liveness(timedelta(minutes=5))
    exposition.show_pulse(liveness.pulse)
    worker = asyncio.create_task(
        run_worker(runtime, stopping, liveness=liveness, exposition=exposition)
    )
    app = create_health_app(runtime.clock, liveness.pulse, exposition)
    try:
        async with a_client(app) as client:
            yield client
    finally:
        stopping.set()
        await worker


@pytest.fixture
async def stage(engine: AsyncEngine, receiver: Receiver) -> Stage:
    return await set_stage(engine, receiver)


def not_bound(item: dict[str, object]) -> dict[str, object]:
    return {"id": item["id"], "outcome": "not_bound"}


async def told_of(stage: Stage, well: Door, ill: Door) -> list[Exposed]:
    """Let one platform answer and one fail until its circuit opens; then look."""
    well.usual = Answer(
        body=b"", results=not_bound, headers={"Content-Type": "application/json"}
    )
    ill.usual = Answer(status=503)
    settings = short(breaker_pause=timedelta(hours=1))
    runtime = Runtime(
        settings=settings,
        engine=stage.engine,
        clock=CLOCK,
        sealer=SEALER,
        blind_index=BLIND_INDEX,
        broker_key=BROKER_KEY,
    )
    async with at_work(runtime) as worker, a_client(create_app(runtime)) as api:
        await api.get("/v1/me")
        ids = await stage.order(12, OrderKind.QUERY)
        await eventually(lambda: set(ids) <= set(well.item_ids))

        async def has_walked() -> bool:
            async with stage.engine.connect() as db:
                return (await last_walk(db)).last_at is not None

        await eventually(has_walked)

        async def has_opened() -> bool:
            told = await scrape(worker)
            name = "unbind_endpoint_health_changes_total"
            lines = told.sum(
                "unbind_result_lines_total", source="answer", status="recorded"
            )
            return told.sum(name, change="open") == 1 and lines == len(ids)

        await eventually(has_opened)
        return [await scrape(worker), await scrape(api)]


async def test_everything_that_alerts_and_dashboard_name_is_told(stage: Stage) -> None:
    await stage.add_platforms(1)
    await stage.add_platforms(1, max_batch=1)
    worker, api = await told_of(stage, *stage.doors)
    whole = together([worker, api])
    missing = {
        named
        for expression in expressions()
        for named in named_in(expression)
        if not _is_told(whole, named)
    }
    assert missing == set()
    _tells_the_story(worker)
    for one in (worker, api):
        words = [line.rpartition(" ")[0] for line in one.text.splitlines()]
        assert not any("1380000" in told or "http://" in told for told in words)


def _is_told(whole: Exposed, named: Named) -> bool:
    wanted = {name: words for name, words in named.wanted if name not in _OF_PROMETHEUS}
    return any(
        all(one.labels.get(name) in words for name, words in wanted.items())
        for one in whole.of(named.name)
    )


def _tells_the_story(told: Exposed) -> None:
    attempts = "unbind_attempts_total"
    assert told.sum(attempts, platform="platform-0", result="accepted") >= 1
    assert told.sum(attempts, platform="platform-1", result="throttled") >= 10
    assert told.sum("unbind_sent_total", event="query.requested") >= 12
    waited = told.sum("unbind_due_to_sent_seconds_count", event="query.requested")
    assert waited == told.sum("unbind_sent_total", event="query.requested")
    lines = "unbind_result_lines_total"
    assert told.sum(lines, source="answer", status="recorded") == 12
    assert told.sum("unbind_leases_held") == 2
    assert told.sum("unbind_circuits_open") == 1
    assert told.sum("unbind_database_up") == 1
    assert {"leases", "expire", "mend", "seal"} <= told.labels(
        "unbind_loop_age_seconds", "loop"
    )
    for family in told.families:
        metric = METRICS.get(family.name) or METRICS.get(f"{family.name}_total")
        if metric is not None:
            assert len(family.samples) <= metric.most, family.name
            assert (family.type == "counter") == (metric.kind is Kind.COUNTER)
