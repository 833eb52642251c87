"""What the shipped proxy lets through, and how."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from aiohttp import web

from tests.deploy.proxy import PATIENCE, Proxy, proxy_before
from tests.journeys.outsider import Outsider, asking
from tests.journeys.processes import processes
from tests.support.database import Server
from tests.support.receiver import Receiver
from unbind_broker.base.sealing import generate_key

pytestmark = pytest.mark.journey

MIB = 1024 * 1024


@asynccontextmanager
async def an_echo() -> AsyncIterator[int]:
    """Answer every request with its own headers and size, on a free port."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        size = 0
        async for chunk in request.content.iter_any():
            size += len(chunk)
        return web.json_response({**request.headers, "size": size})

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@pytest.fixture
async def before_echo(tmp_path: Path) -> AsyncIterator[Proxy]:
    async with an_echo() as port, proxy_before(port, tmp_path) as proxy:
        yield proxy


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=60) as client:
        yield client


async def test_callers_cannot_choose_their_address(
    before_echo: Proxy, http: httpx.AsyncClient
) -> None:
    forged = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    seen = await http.get(f"{before_echo.outside}/v1/me", headers=forged)
    assert seen.json()["X-Forwarded-For"] == "127.0.0.1"
    assert seen.json()["X-Forwarded-Proto"] == "http"


@pytest.mark.parametrize(
    "path",
    [
        *("/metrics", "/metrics/", "/METRICS", "/%6detrics", "//metrics"),
        *("/v1/../metrics", "/console", "/console/", "/console/login", "/Console"),
    ],
)
async def test_metrics_and_console_are_not_there_for_the_outside(
    before_echo: Proxy, path: str
) -> None:
    # A client that sends the path as it stands.
    place = urlsplit(before_echo.outside)
    async with httpx.AsyncClient(timeout=60) as http:
        url = httpx.URL(scheme="http", host=place.hostname, port=place.port)
        asked = http.build_request("GET", url.copy_with(raw_path=path.encode()))
        assert (await http.send(asked)).status_code == 404


async def test_administrators_reach_the_console_but_no_metrics(
    before_echo: Proxy, http: httpx.AsyncClient
) -> None:
    inside = before_echo.administrators
    assert (await http.get(f"{inside}/console/login")).status_code == 200
    assert (await http.get(f"{inside}/metrics")).status_code == 404


@pytest.mark.parametrize("size", [MIB + 1, 1_050_000, 9 * MIB, 300 * MIB])
async def test_what_says_that_it_is_too_long_is_refused_before_it_is_sent(
    before_echo: Proxy, size: int
) -> None:
    place = urlsplit(before_echo.outside)
    reading, writing = await asyncio.open_connection(place.hostname, place.port)
    writing.write(
        f"POST /v1/orders HTTP/1.1\r\nHost: {place.netloc}\r\n"
        f"Content-Length: {size}\r\n\r\n".encode()
    )
    status = await asyncio.wait_for(reading.readline(), PATIENCE)
    writing.close()
    assert status.split()[1] == b"413"


@pytest.mark.parametrize(
    ("path", "size"), [("/v1/orders", MIB), ("/v1/clearances/clr_1/parts/1", 5 * MIB)]
)
async def test_what_is_within_its_limit_is_passed_on(
    before_echo: Proxy, http: httpx.AsyncClient, path: str, size: int
) -> None:
    taken = await http.put(f"{before_echo.outside}{path}", content=b"x" * size)
    assert taken.json()["size"] == size


async def test_events_arrive_while_the_stream_is_open(
    tmp_path: Path, server: Server, receiver: Receiver
) -> None:
    async with (
        server.fresh() as url,
        processes(
            tmp_path,
            UNBIND_DATABASE_URL=url.replace("+asyncpg", ""),
            UNBIND_SECRET_KEYS=generate_key(),
            UNBIND_INDEX_KEY=generate_key(),
        ) as commands,
    ):
        serve = await commands.start("serve", "--port", "0", "--json")
        issued = await commands.run("keys", "issue", "--role", "admin")
        port = urlsplit((await serve.told())["url"]).port
        assert port is not None
        async with proxy_before(port, tmp_path) as proxy:
            await follow_one_order(proxy, issued.strip(), receiver)


async def follow_one_order(proxy: Proxy, key: str, receiver: Receiver) -> None:
    """Place an order through the proxy, and cancel it once its events are read."""
    carrier = await a_carrier_with_a_platform(proxy, key, receiver)
    caller = Outsider(proxy.outside, carrier)
    order = await caller.call("POST", "/v1/orders", asking(), expect=202)
    seen: list[str] = []
    headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {carrier}"}
    async with (
        httpx.AsyncClient(timeout=60, headers=headers) as http,
        http.stream("GET", f"{proxy.outside}/v1/orders/{order['id']}/events") as told,
    ):
        async for line in told.aiter_lines():
            name, _, value = line.partition(":")
            if name == "event" and not seen:
                await caller.call("POST", f"/v1/orders/{order['id']}/cancel")
            if name == "event":
                seen.append(value.strip())
    await caller.close()
    assert len(seen) > 1
    assert seen[-1] == "order.cancelled"


async def a_carrier_with_a_platform(proxy: Proxy, key: str, receiver: Receiver) -> str:
    """Register both through the proxy; return the carrier's key."""
    admin, keys = Outsider(proxy.outside, key), []
    for role, slug in (("carrier", "china-mobile"), ("platform", "weibo")):
        await admin.call("POST", f"/v1/admin/{role}s", {"slug": slug}, expect=201)
        named = {"role": role, role: slug}
        issued = await admin.call("POST", "/v1/admin/keys", named, expect=201)
        keys.append(str(issued["key"]))
    await admin.close()
    door, platform = receiver.door("weibo"), Outsider(proxy.outside, keys[1])
    made = await platform.call("PUT", "/v1/endpoint", {"url": door.url}, expect=201)
    door.secrets.append(made["secret"])
    await platform.call("POST", "/v1/endpoint/verify")
    await platform.close()
    return keys[0]
