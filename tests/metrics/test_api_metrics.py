"""What the API tells: counts that move when the thing happens, and nothing private."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.metrics.exposed import scrape
from tests.support.app import a_runtime
from tests.support.clock import FixedClock
from tests.support.order_api import (
    Scene,
    a_scene,
    not_bound,
    order_body,
    query_body,
)
from tests.support.rehearsals import a_rehearsal
from unbind_broker.api.quick_refusals import QuickRefusals
from unbind_broker.app.factory import create_app, document
from unbind_broker.app.server import ApiServer, reserve
from unbind_broker.metrics.names import METRICS, MOST_ROUTES, MOST_SERIES


@pytest.fixture
async def scene(engine: AsyncEngine, clock: FixedClock) -> AsyncIterator[Scene]:
    async with a_scene(engine, clock, "weibo") as made:
        yield made


async def test_orders_and_their_repetitions_are_counted(scene: Scene) -> None:
    key = {"Idempotency-Key": "a-key-of-its-own"}
    for _ in range(3):
        assert (await scene.post("/v1/orders", order_body(), key)).status_code == 202
    told = await scrape(scene.http)
    name = "unbind_orders_accepted_total"
    assert told.sum(name, kind="unbind", world="real") == 1
    assert told.sum(name) == 1
    assert told.sum("unbind_orders_repeated_total") == 2
    requests = told.sum(
        "unbind_http_requests_total", route="POST /v1/orders", status="2xx"
    )
    assert requests == 3
    assert told.sum("unbind_http_answer_seconds_count", sort="accept") == 3


async def test_lines_of_a_report_are_counted_by_what_became_of_them(
    scene: Scene,
) -> None:
    order_id = str((await scene.post("/v1/orders", order_body())).json()["id"])
    await scene.report("weibo", not_bound(order_id), {"id": "ord_x"})
    await scene.report("weibo", not_bound(order_id))
    told = await scrape(scene.http)
    name = "unbind_result_lines_total"
    assert told.sum(name, source="report", status="recorded") == 1
    assert told.sum(name, source="report", status="duplicate") == 1
    assert told.sum(name, source="report") == 3


async def test_call_over_its_rate_counts_as_shed(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    async with a_scene(engine, clock, carrier_burst=1, carrier_rate=0.001) as scene:
        await scene.get("/v1/me")
        assert (await scene.get("/v1/me")).status_code == 429
        told = await scrape(scene.http)
    assert told.sum("unbind_requests_shed_total", reason="rate-limited") == 1
    assert told.sum("unbind_requests_shed_total", reason="overloaded") == 0
    assert told.sum("unbind_problems_total", code="rate-limited") == 1


async def test_order_without_a_place_counts_as_shed(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    app = create_app(a_runtime(engine, clock, max_in_flight=1))
    place = app.state.context.orders.take()
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://b") as api:
        assert (await api.post("/v1/orders", json={})).status_code == 503
        told = await scrape(api)
    place.release()
    assert told.sum("unbind_requests_shed_total", reason="overloaded") == 1
    assert told.sum("unbind_admission_places_taken") == 1
    assert told.sum("unbind_admission_places_limit") == 1


async def test_what_is_refused_from_its_bytes_counts_as_shed(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    app = create_app(a_runtime(engine, clock, max_in_flight=1))
    context = app.state.context
    place = context.orders.take()
    ready = asyncio.Event()
    refusals = QuickRefusals(context.door, clock)
    server = ApiServer(app, ready.set, refusals=refusals, most_connections=1)
    with reserve("127.0.0.1", 0) as listener:
        host, port = listener.getsockname()[:2]
        serving = asyncio.create_task(server.serve_on(listener))
        await ready.wait()
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"POST /v1/orders HTTP/1.1\r\ncontent-length: 0\r\n\r\n")
        assert b"503" in await reader.readline()
        second, other = await asyncio.open_connection(host, port)
        assert b"503" in await second.readline()
        writer.close()
        other.close()
        server.drop()
        await serving
    place.release()
    tallies = context.tallies
    assert tallies.problems["overloaded"] == 1
    assert tallies.turned_away == 1


async def test_fault_of_the_program_is_counted(
    engine: AsyncEngine, clock: FixedClock
) -> None:
    app = create_app(a_runtime(engine, clock))

    @app.get("/fault")
    async def fault() -> None:
        raise RuntimeError

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://b") as api:
        assert (await api.get("/fault")).status_code == 500
        told = await scrape(api)
    assert told.sum("unbind_problems_total", code="internal-error") == 1
    assert told.sum("unbind_http_requests_total", status="5xx") == 1


async def test_what_callers_make_up_is_no_label(scene: Scene) -> None:
    for path in ("/v1/orders/ord_1", "/13800001234", "/v1/x?key=13800001234"):
        await scene.get(path)
    for method in ("BREW", "13800001234"):
        await scene.http.request(method, "/v1/orders")
    told = await scrape(scene.http)
    routes = told.labels("unbind_http_requests_total", "route")
    assert routes == {"GET /v1/orders/{order_id}", "unmatched"}
    assert told.sum("unbind_http_requests_total", route="unmatched") == 4


async def test_neither_number_nor_key_is_told(scene: Scene) -> None:
    await scene.post("/v1/orders", order_body(reference="secret-reference"))
    told = await scrape(scene.http)
    bearer = scene.carrier_headers["Authorization"].removeprefix("Bearer ")
    for private in ("13800001234", bearer, "ord_", "secret-reference"):
        assert private not in told.text
    assert scene.carrier.slug not in told.text


async def test_every_metric_keeps_to_its_bound(scene: Scene) -> None:
    await scene.post("/v1/orders", order_body())
    told = await scrape(scene.http)
    for family in told.families:
        if not family.name.startswith("unbind_"):
            continue
        metric = METRICS.get(family.name) or METRICS[f"{family.name}_total"]
        assert len(family.samples) <= metric.most, family.name
        named = {label for sample in family.samples for label in sample.labels}
        assert named - {"le"} <= set(metric.labels)
    operations = sum(len(methods) for methods in document()["paths"].values())
    assert operations < MOST_ROUTES
    assert MOST_SERIES < 15_000


async def test_rehearsals_are_told_apart(scene: Scene) -> None:
    await scene.post("/v1/queries", query_body())
    rehearsal = await a_rehearsal(scene)
    for _ in range(2):
        answer = await rehearsal.post("/v1/queries", query_body())
        assert answer.status_code == 202, answer.text
    told = await scrape(scene.http)
    name = "unbind_orders_accepted_total"
    assert told.sum(name, world="real", kind="query") == told.sum(name, world="real")
    assert told.sum(name, world="real") == 1
    assert told.sum(name, world="sandbox") == 2
    assert "sandbox-chat" not in told.text


async def test_open_metrics_come_where_they_are_asked_for(scene: Scene) -> None:
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    plain = await scene.http.get("/metrics")
    opened = await scene.http.get("/metrics", headers=accept)
    assert plain.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert opened.headers["Content-Type"].startswith("application/openmetrics-text")
    assert opened.text.endswith("# EOF\n")
    assert "# EOF" not in plain.text
