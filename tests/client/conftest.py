"""A carrier's back end beside a broker on a real port."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, timedelta

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.client.proxy import Proxy
from tests.client.scripted import ScriptedBroker
from tests.support.app import bearer, on_a_port
from tests.support.builders import a_carrier, a_key
from tests.support.clock import NOON
from tests.support.order_builders import a_reachable_platform
from unbind_broker.client import Client, Consent, Options, Question, Retrying, Unbinding
from unbind_broker.runtime.opening import Runtime

NUMBER = "+8613800001234"
CONSENT = Consent("sms_otp", NOON)
SLUGS = ("didi", "weibo")
QUICK = Options(
    retrying=Retrying(
        first=timedelta(milliseconds=5), longest=timedelta(milliseconds=20)
    )
)


def a_question(number: str = NUMBER) -> Question:
    return Question(number=number, owner_since=date(2025, 3, 1), consent=CONSENT)


def an_unbinding(number: str = NUMBER, reference: str | None = None) -> Unbinding:
    return Unbinding(
        number=number,
        owner_since=date(2025, 3, 1),
        consent=CONSENT,
        reference=reference,
    )


@dataclass
class Broker:
    """A broker with a carrier and two platforms."""

    url: str
    key: str
    platform_headers: dict[str, dict[str, str]]
    http: httpx.AsyncClient

    async def report(self, slug: str, item: str, outcome: str, **more: object) -> None:
        line = {"id": item, "outcome": outcome, **more}
        answer = await self.http.post(
            "/v1/results",
            json={"results": [line]},
            headers=self.platform_headers[slug],
        )
        assert answer.json()["results"][0]["status"] == "recorded", answer.text


@pytest.fixture
async def broker(engine: AsyncEngine, runtime: Runtime) -> AsyncIterator[Broker]:
    headers = {}
    async with engine.begin() as db:
        key = await a_key(db, await a_carrier(db))
        for slug in SLUGS:
            platform = await a_reachable_platform(db, slug)
            headers[slug] = bearer(await a_key(db, platform))
    async with on_a_port(runtime) as http:
        yield Broker(str(http.base_url).rstrip("/"), key.key, headers, http)


@pytest.fixture
async def client(broker: Broker) -> AsyncIterator[Client]:
    async with Client(broker.url, broker.key, QUICK) as opened:
        yield opened


@pytest.fixture
async def proxy(broker: Broker) -> AsyncIterator[Proxy]:
    url = httpx.URL(broker.url)
    assert url.port is not None
    async with Proxy(url.host, url.port).opened() as opened:
        yield opened


@pytest.fixture
async def flaky(proxy: Proxy, broker: Broker) -> AsyncIterator[Client]:
    """A client whose way to the broker is the proxy."""
    async with Client(proxy.url, broker.key, QUICK) as opened:
        yield opened


@pytest.fixture
async def scripted() -> AsyncIterator[ScriptedBroker]:
    async with ScriptedBroker().opened() as opened:
        yield opened
