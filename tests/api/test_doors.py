"""What is refused, replaced or dropped before any route looks at a request."""

import asyncio
import json
from pathlib import PurePath

import pytest
from fastapi import FastAPI, Request
from httpx import ASGITransport, AsyncClient
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.api.registry import Parties
from tests.support.app import a_runtime, on_a_port
from tests.support.clock import FixedClock
from unbind_broker.api.bodies import BodyLimits
from unbind_broker.app.server import ApiServer, reserve

LOOPBACK = "127.0.0.1"
UUID4 = "550e8400-e29b-41d4-a716-446655440000"


def a_post(path: PurePath, key: str, body: bytes, announced: int) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: broker\r\nAuthorization: {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {announced}\r\n\r\n"
    )
    return head.encode() + body


async def test_body_that_breaks_off_changes_nothing_though_it_could_be_read(
    engine: AsyncEngine, clock: FixedClock, parties: Parties
) -> None:
    body = json.dumps({"slug": "cut-off"}).encode()
    key = parties.admin["Authorization"]
    async with on_a_port(a_runtime(engine, clock)) as api:
        host, port = str(api.base_url.host), api.base_url.port
        _, writer = await asyncio.open_connection(host, port)
        writer.write(a_post(PurePath("/v1/admin/carriers"), key, body, len(body) + 100))
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        await asyncio.sleep(0.3)
        found = await api.get("/v1/admin/carriers/cut-off", headers=parties.admin)
    assert found.status_code == 404


async def test_body_that_does_not_come_is_answered_after_a_while() -> None:
    app = FastAPI()
    app.add_middleware(BodyLimits, most_seconds=0.2)
    ready = asyncio.Event()
    with reserve(LOOPBACK, 0) as listener:
        server = ApiServer(app, ready.set)
        serving = asyncio.create_task(server.serve_on(listener))
        await ready.wait()
        reader, writer = await asyncio.open_connection(*listener.getsockname()[:2])
        writer.write(a_post(PurePath("/"), "Bearer x", b"{", 2))
        answer = await asyncio.wait_for(reader.read(), 60)
        writer.close()
        server.drop()
        await serving
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"/problems/request-timeout" in answer


async def test_whole_body_reaches_its_route() -> None:
    app = FastAPI()
    app.add_middleware(BodyLimits)

    async def echo(request: Request) -> dict[str, int]:
        return {"size": len(await request.body())}

    app.add_api_route("/", echo, methods=["POST"])
    transport = ASGITransport(app)
    async with AsyncClient(transport=transport, base_url="http://broker") as api:
        answer = await api.post("/", json="x" * 5000)
    assert answer.json() == {"size": 5002}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32-be", "latin-1"])
async def test_body_in_another_encoding_is_not_guessed_at(
    api: AsyncClient, encoding: str
) -> None:
    answer = await api.post(
        "/v1/orders",
        content='{"reference": "é"}'.encode(encoding),
        headers={"Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed-json")


@pytest.mark.parametrize(
    "body",
    [
        '{"slug": "one", "slug": "two"}',
        '{"results": [{"outcome": "not_bound", "outcome": "unbound"}]}',
        r'{"slug": "one", "\u0073lug": "two"}',
    ],
)
async def test_body_that_says_two_things_at_once_says_nothing(
    api: AsyncClient, parties: Parties, body: str
) -> None:
    headers = {**parties.admin, "Content-Type": "application/json"}
    answer = await api.post("/v1/admin/carriers", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed-json")


@pytest.mark.parametrize(
    "given", ["abc", "R-20-17", UUID4, UUID4.upper(), "a.b:c_d-e", "2026-1121-0001"]
)
async def test_request_id_of_the_caller_is_echoed(api: AsyncClient, given: str) -> None:
    answer = await api.get("/healthz", headers={"X-Request-Id": given})
    assert answer.headers["X-Request-Id"] == given


@pytest.mark.parametrize(
    "given",
    [
        "13800001234",
        "138-0000-1234",
        "8613.8000.01234",
        "a1234567",
        "",
        "<b>",
        "x" * 129,
    ],
)
async def test_request_id_that_could_hold_a_number_is_replaced(
    api: AsyncClient, given: str
) -> None:
    answer = await api.get("/healthz", headers={"X-Request-Id": given})
    assert answer.headers["X-Request-Id"] != given


async def test_digits_of_other_scripts_name_no_key(
    api: AsyncClient, parties: Parties
) -> None:
    answer = await api.delete("/v1/admin/keys/\uff11", headers=parties.admin)
    assert answer.status_code == 404


async def test_nobody_is_sent_to_where_the_host_header_says(api: AsyncClient) -> None:
    answer = await api.post("/v1/orders/", headers={"Host": "evil.example"})
    assert answer.status_code == 404
    assert "location" not in answer.headers
