"""The application under test: inside this process, or behind a real port."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.sealing import BLIND_INDEX, BROKER_KEY, SEALER
from tests.support.waiting import PATIENCE
from unbind_broker.app.factory import create_app
from unbind_broker.app.server import ApiServer, reserve, url_of
from unbind_broker.base.clock import Clock
from unbind_broker.keys.service import IssuedKey
from unbind_broker.runtime.opening import Runtime
from unbind_broker.settings import Settings


def a_runtime(engine: AsyncEngine, clock: Clock, **settings: object) -> Runtime:
    """Endpoints on this machine are let through unless ``settings`` say otherwise.

    Nobody is turned away because accepting takes long, a slow machine is no failure; or
    because a test tries many wrong keys.
    """
    patient = {
        "allow_private_endpoints": True,
        "accept_target": "1h",
        "failed_keys_burst": 100_000,
    }
    chosen = {**patient, **settings}
    return Runtime(
        settings=Settings.model_validate(chosen),
        engine=engine,
        clock=clock,
        sealer=SEALER,
        blind_index=BLIND_INDEX,
        broker_key=BROKER_KEY,
        readers=engine.execution_options(isolation_level="AUTOCOMMIT"),
    )


@asynccontextmanager
async def in_process(runtime: Runtime) -> AsyncIterator[httpx.AsyncClient]:
    """Call the application directly; what it cannot handle is answered 500."""
    transport = httpx.ASGITransport(create_app(runtime), raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://broker"
    ) as client:
        yield client


@asynccontextmanager
async def on_a_port(runtime: Runtime) -> AsyncIterator[httpx.AsyncClient]:
    """Call the application through a real server on a free port."""
    ready = asyncio.Event()
    server = ApiServer(create_app(runtime), ready.set)
    with reserve("127.0.0.1", 0) as listener:
        serving = asyncio.create_task(server.serve_on(listener))
        await ready.wait()
        try:
            async with httpx.AsyncClient(
                base_url=url_of(listener), trust_env=False, timeout=PATIENCE
            ) as client:
                yield client
        finally:
            server.drop()
            await serving


def bearer(key: IssuedKey) -> dict[str, str]:
    """Give the header that a key is sent in."""
    return {"Authorization": f"Bearer {key.key}"}
