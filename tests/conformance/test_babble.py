"""Whatever an endpoint answers or reports, the kit comes to its end."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import cycle

import pytest
from aiohttp import web

from unbind_broker.app.server import reserve
from unbind_broker.base.clock import SystemClock
from unbind_broker.conformance.plan import Plan, new_key, new_secret
from unbind_broker.conformance.registry import RULES
from unbind_broker.conformance.running import Verdict, try_endpoint

ODD_LINES: list[object] = [
    None,
    17,
    [],
    {},
    {"id": 5, "outcome": "bound"},
    {"id": "ID", "outcome": "bound", "last_bound_at": "9999-12-31T23:59:59-23:59"},
    {"id": "ID", "outcome": ["bound"]},
    {"id": "ID", "outcome": "bound", "bindings": 10**30},
    {"id": "ID", "outcome": "refused", "reason": "other", "detail": "\x00" * 5000},
    {"id": "ID", "outcome": "cancelled"},
    {"id": "ID" * 500, "outcome": "bound"},
    {"id": "ord_\ud800", "outcome": "bound"},
]
ODD_BODIES = [
    b"",
    b"null",
    b'{"results": null}',
    b'{"results": {}}',
    b'{"results": [NaN]}',
    b'{"results": ' + b"[" * 5000,
    b"\xff\xfe results",
    json.dumps({"results": ODD_LINES * 200}).encode(),
]


@asynccontextmanager
async def babbling(status: int) -> AsyncIterator[str]:
    bodies = cycle(ODD_BODIES)

    async def serve(request: web.BaseRequest) -> web.Response:
        asked = await request.json()
        data = asked.get("data") or {}
        items = data.get("items") or [{"id": "x"}]
        body = next(bodies).replace(b"ID", str(items[0]["id"]).encode())
        return web.Response(status=status, body=body)

    runner = web.ServerRunner(web.Server(serve), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}/"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("status", [200, 302, 500])
async def test_babble_is_judged_and_nothing_falls_over(status: int) -> None:
    async with babbling(status) as url:
        with reserve("127.0.0.1", 0) as listener:
            plan = Plan(
                url=url,
                secret=new_secret(),
                key=new_key(),
                max_batch=3,
                wait=timedelta(seconds=0.1),
            )
            judged = await try_endpoint(plan, listener, SystemClock().now)

    assert len(judged) == len(RULES)
    broken = {one.rule.id for one in judged if one.verdict is Verdict.BROKEN}
    assert "challenge" in broken
    assert ("signature-wrong-key" in broken) == (status == 200)
