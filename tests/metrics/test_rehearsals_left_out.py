"""Nobody is woken by a rehearsal: the figures that alerts look at leave it out."""

from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from fastapi import Request
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.metrics.exposed import scrape
from tests.sending.parts import START, a_batch, a_lane, a_target, ended, put_to_use
from tests.support.app import a_runtime
from tests.support.builders import a_carrier, a_platform, an_endpoint
from tests.support.clock import NOON, FixedClock
from tests.support.guards import APPLYING
from tests.support.order_api import Scene, a_scene, not_bound, query_body
from tests.support.rehearsals import a_rehearsal, a_test_endpoint, asked
from unbind_broker.api.context import Context
from unbind_broker.api.quick_refusals import QuickRefusals
from unbind_broker.app.factory import create_app
from unbind_broker.base.database import Db
from unbind_broker.base.ids import CarrierId, EndpointId, KeyId, WorkerId, new_uuid7
from unbind_broker.carriers import brakes
from unbind_broker.carriers.tables import carriers
from unbind_broker.deliveries.hearing import Heard
from unbind_broker.deliveries.outcomes import Outcome, OutcomeKind
from unbind_broker.deliveries.tables import deliveries
from unbind_broker.endpoints.events import EventType
from unbind_broker.endpoints.health import HealthEventKind
from unbind_broker.intake.rehearsing import open_sandbox
from unbind_broker.keys.service import Caller
from unbind_broker.keys.tables import Role
from unbind_broker.metrics.reads import READS, Asked
from unbind_broker.metrics.samples import Samples
from unbind_broker.platforms.tables import World, platforms
from unbind_broker.sending import leases
from unbind_broker.sending.fleet import Fleet
from unbind_broker.sending.lane import Lane
from unbind_broker.sending.read_numbers import ReadNumbers
from unbind_broker.sending.recorder import Recorder
from unbind_broker.sending.verdicts import Plans
from unbind_broker.settings import Settings

ZONE = Settings(_env_file=None).zone
WORKER = WorkerId(new_uuid7(NOON))
PLANS = Plans((timedelta(seconds=1),), (timedelta(minutes=5),))
FAILURE = Heard(
    Outcome(OutcomeKind.FAILED, 500),
    alone=True,
    most=1,
    started_at=NOON,
    ended_at=NOON,
    error="answered 500",
    jitter=0.5,
)
KEY = "ub_carrier_that_rehearses"
ORDER = (
    b"POST /v1/orders HTTP/1.1\r\nauthorization: Bearer "
    + KEY.encode()
    + b"\r\ncontent-length: 0\r\n\r\n"
)


async def told(db: Db) -> dict[str, Samples]:
    found: dict[str, Samples] = {}
    for read in READS:
        found.update(await read(db, Asked(NOON, ZONE)))
    return found


async def waits(db: Db, endpoint_id: EndpointId) -> None:
    """Let something be due there since an hour."""
    await db.execute(
        insert(deliveries).values(
            endpoint_id=endpoint_id,
            due_at=NOON - timedelta(hours=1),
            event=EventType.UNBIND_REQUESTED,
            order_id=new_uuid7(NOON),
            attempt=1,
        )
    )


async def a_twin(db: Db) -> CarrierId:
    return await open_sandbox(db, NOON, (await a_carrier(db)).id, "test")


async def test_test_endpoints_of_platforms_are_left_out(db: Db) -> None:
    platform = await a_platform(db, "weibo-test")
    endpoint = await an_endpoint(db, platform)
    await waits(db, endpoint.endpoint.id)
    before = await told(db)
    await db.execute(update(platforms).values(world=World.SANDBOX))
    after = await told(db)
    watched = (
        "unbind_queued_deliveries",
        "unbind_queue_age_seconds",
        "unbind_endpoints_without_owner",
    )
    assert [before[name] for name in watched] == [{(): 1}, {(): 3600}, {(): 1}]
    assert [after[name] for name in watched] == [{(): 0}] * 3


async def test_test_endpoints_of_carriers_are_left_out(db: Db) -> None:
    twin = await a_twin(db)
    slug = (await db.execute(carriers.select().where(carriers.c.id == twin))).one().slug
    other = await a_carrier(db, "other-telecom")
    endpoint = await an_endpoint(db, replace(other, id=twin, slug=slug))
    await waits(db, endpoint.endpoint.id)
    found = await told(db)
    assert found["unbind_queued_deliveries"] == {(): 0}
    assert found["unbind_endpoints_without_owner"] == {(): 0}


async def test_brake_of_a_rehearsal_wakes_nobody(db: Db) -> None:
    await brakes.engage(db, NOON, await a_twin(db), "too many results", "broker")
    found = await told(db)
    assert found["unbind_brakes_engaged"] == {("all",): 0, ("carrier",): 0}


def test_lanes_of_test_endpoints_tell_nothing_about_the_network() -> None:
    fleet = Fleet()
    for place in range(4):
        target = replace(a_target(endpoint_id=place), rehearses=place > 0)
        fleet.add(a_lane(target))
    assert (len(fleet), len(fleet.real())) == (4, 1)


@pytest.mark.parametrize(("rehearses", "counted"), [(True, 0), (False, 1)])
async def test_circuit_of_a_test_endpoint_that_opens_is_not_counted(
    engine: AsyncEngine, *, rehearses: bool, counted: int
) -> None:
    async with engine.begin() as db:
        await an_endpoint(db, await a_platform(db))
        (owned,) = await leases.claim(db, WORKER, timedelta(minutes=1), 1)
    lane = Lane(
        owned.tenancy.endpoint_id, owned.tenancy.epoch, START, 1000.0, ReadNumbers()
    )
    put_to_use(lane, a_target(endpoint_id=lane.endpoint_id))
    for _ in range(10):
        lane.heard(FAILURE)
    recorder = Recorder(engine, WORKER, PLANS, lambda: NOON, APPLYING)
    finished = ended(a_batch(), OutcomeKind.FAILED, lane=lane)
    recorder.put(replace(finished, rehearses=rehearses))
    await recorder.step()
    assert recorder.tallies.health[HealthEventKind.OPEN] == counted


async def test_calls_of_whoever_rehearses_are_counted_as_requests_alone(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, carrier_burst=30, carrier_rate=0.001) as scene:
        rehearsal = await a_rehearsal(scene)
        order_id = await _rehearse(rehearsal)
        answers = [await rehearsal.get("/v1/me") for _ in range(8)]
        assert answers[-1].status_code == 429
        found = await scrape(scene.http)
        asked_for = await scene.get(f"/v1/queries/{order_id}")
        real = await scrape(scene.http)
    assert found.sum("unbind_orders_accepted_total", world="sandbox") == 1
    assert found.sum("unbind_orders_repeated_total") == 0
    assert found.sum("unbind_result_lines_total") == 0
    assert found.sum("unbind_problems_total") == 0
    assert found.sum("unbind_requests_shed_total") == 0
    assert found.sum("unbind_http_answer_seconds_count", sort="accept") == 0
    assert found.sum("unbind_http_requests_total", status="4xx") >= 2
    assert asked_for.status_code == 404
    assert real.sum("unbind_problems_total", code="not-found") == 1


async def _rehearse(rehearsal: Scene) -> str:
    """Ask twice, be refused, and let a test endpoint answer with a line too many."""
    await a_test_endpoint(rehearsal, "weibo-test")
    key = {"Idempotency-Key": "a-key-of-its-own"}
    body = query_body()
    for _ in range(2):
        assert (await rehearsal.post("/v1/queries", body, key)).status_code == 202
    assert (await rehearsal.post("/v1/queries", {})).status_code == 422
    made = (await rehearsal.post("/v1/queries", body, key)).json()
    assert "weibo-test" in asked(made)
    lines = [not_bound(made["id"]), {"id": "qry_x"}]
    answer = await rehearsal.report("weibo-test", *lines)
    assert answer.status_code == 200
    return str(made["id"])


async def test_what_rehearsals_are_refused_at_the_door_is_not_shed(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    app = create_app(a_runtime(engine, clock, max_in_flight=1))
    context: Context = app.state.context
    place = context.orders.take()
    refusals = QuickRefusals(context.door, clock)
    transport = httpx.ASGITransport(app)
    counts = []
    for sandbox in (True, False):
        context.door.known.remember(KEY, _holder(sandbox=sandbox))
        headers = {"Authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://b") as api:
            answer = await api.post("/v1/orders", json={}, headers=headers)
        assert answer.status_code == 503
        written = refusals.judge(ORDER, b"")
        assert isinstance(written, bytes)
        assert b" 503 " in written
        counts.append(context.tallies.problems["overloaded"])
    place.release()
    assert counts == [0, 2]


def _holder(*, sandbox: bool) -> Caller:
    return Caller(
        key_id=KeyId(1),
        role=Role.CARRIER,
        carrier_id=CarrierId(1),
        carrier_slug="china-mobile",
        platform_id=None,
        platform_slug=None,
        sandbox=sandbox,
        suspended=False,
        name="a key",
    )


async def test_fault_of_the_program_is_one_whoever_calls(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    app = create_app(a_runtime(engine, clock))

    @app.get("/fault")
    async def fault(request: Request) -> None:
        request.scope["state"]["rehearses"] = True
        raise RuntimeError

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://b") as api:
        assert (await api.get("/fault")).status_code == 500
    assert app.state.context.tallies.problems["internal-error"] == 1
