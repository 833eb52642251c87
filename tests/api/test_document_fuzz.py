"""Whatever is sent, the answers are those that the OpenAPI document promises.

Schemathesis makes requests from the document, valid and invalid ones, and sends them to
a real server on a real database.
"""

import asyncio
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis import settings as examples
from schemathesis.checks import CHECKS, not_a_server_error
from schemathesis.generation import GenerationMode

from tests.support.app import a_runtime, bearer, on_a_port
from tests.support.builders import a_carrier, a_key, a_platform, an_endpoint
from tests.support.database import open_patient_engine, open_server
from unbind_broker.app.factory import document
from unbind_broker.base.clock import SystemClock
from unbind_broker.carriers.service import Carrier
from unbind_broker.endpoints.states import Delivery
from unbind_broker.keys.tables import Role
from unbind_broker.platforms.service import Platform

LONG = 120.0
"""Seconds in which a database starts, and ends."""
PER_OPERATION = int(os.environ.get("UNBIND_TEST_EXAMPLES", "4"))
ROLES = (
    ("/v1/admin/", "admin"),
    ("/v1/audit/", "auditor"),
    ("/v1/queries", "carrier"),
    ("/v1/orders", "carrier"),
    ("/v1/endpoint/", "settled platform"),
    ("/v1/endpoint", "platform"),
    ("/v1/results", "fetching platform"),
    ("/v1/items", "fetching platform"),
    ("/number-recycling/", "platform"),
)
"""Who calls what. The settled platform's endpoint never changes, so that nothing is
ever posted to an address that was made up."""


@schemathesis.serializer("application/x-ndjson", "text/csv")
def as_it_stands(_: object, value: object) -> bytes:
    """Send streams of lines as the text that was made up for them."""
    return str(value).encode(errors="replace")


schema = schemathesis.openapi.from_dict(document())
schema.config.generation.update(
    modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
)
PROMISES: list[Any] = [
    not_a_server_error,
    *CHECKS.get_by_names(
        [
            "status_code_conformance",
            "content_type_conformance",
            "response_headers_conformance",
            "response_schema_conformance",
        ]
    ),
]


@dataclass(frozen=True)
class Broker:
    """A running server and the header of each caller."""

    url: str
    headers: dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    """Serve from a thread with a loop of its own: Schemathesis calls without one."""
    started: Future[Broker] = Future()
    over = asyncio.Event()
    loop = asyncio.new_event_loop()

    def run() -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(serve(started, over))
        except BaseException as error:
            if not started.done():
                started.set_exception(error)
            raise

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield started.result(timeout=LONG)
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(timeout=LONG)
        loop.close()


async def serve(started: Future[Broker], over: asyncio.Event) -> None:
    async with open_server() as server, server.fresh() as url:
        engine = open_patient_engine(url, pool=8, application="fuzz")
        clock = SystemClock()
        now = clock.now()
        async with engine.begin() as db:
            carrier = await a_carrier(db, now=now)
            plain = await a_platform(db, "weibo", now=now)
            settled = await a_platform(db, "zhihu", now=now)
            fetching = await a_platform(db, "douban", now=now)
            await an_endpoint(db, settled, "http://127.0.0.1:9/closed", now=now)
            await an_endpoint(db, fetching, delivery=Delivery.PULL, now=now)
            callers: dict[str, Carrier | Platform | Role] = {
                "admin": Role.ADMIN,
                "auditor": Role.AUDITOR,
                "carrier": carrier,
                "platform": plain,
                "settled platform": settled,
                "fetching platform": fetching,
            }
            headers = {
                name: bearer(await a_key(db, holder, now=now))
                for name, holder in callers.items()
            }
        runtime = a_runtime(engine, clock, carrier_rate="1000000/s")
        async with on_a_port(runtime) as client:
            started.set_result(Broker(str(client.base_url).rstrip("/"), headers))
            await over.wait()
        await engine.dispose()


@pytest.mark.timeout(180)
@schema.parametrize()
@examples(
    max_examples=PER_OPERATION,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_answers_are_those_of_the_document(
    case: schemathesis.Case[Any], broker: Broker
) -> None:
    case.headers.pop("Prefer", None)  # nobody works here: waiting would only take time
    case.call_and_validate(
        base_url=broker.url,
        headers=broker.headers[role_of(case)],
        checks=PROMISES,
        timeout=30,  # seconds of silence: an answer that never comes is a failure
    )


def role_of(case: schemathesis.Case[Any]) -> str:
    for prefix, role in ROLES:
        if case.path.startswith(prefix):
            return role
    return "carrier"
