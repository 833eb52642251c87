"""The client: one object for everything that a carrier's back end asks a broker."""

import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from secrets import SystemRandom
from types import TracebackType
from typing import Any, Self

import httpx
from typing_extensions import override

from unbind_broker.client.calls import Call, Calls
from unbind_broker.client.clearances import Clearances
from unbind_broker.client.directory import Me, Platform, PlatformPage
from unbind_broker.client.disclosure import PATH as DISCLOSURE
from unbind_broker.client.disclosure import Disclosure
from unbind_broker.client.endpoint import Endpoint
from unbind_broker.client.feed import Feed
from unbind_broker.client.holdings import Holdings
from unbind_broker.client.http_client import HttpClient
from unbind_broker.client.lists import chosen, read_all
from unbind_broker.client.orders import Orders, Queries
from unbind_broker.client.receipts import parse_jwks
from unbind_broker.client.retrying import Retrying
from unbind_broker.client.shapes import read

AGENT = "unbind-broker-client"


@dataclass(frozen=True, slots=True)
class Options:
    """How to connect. ``timeout`` is for a silence, not for a whole call.

    Proxies that the environment names are used only if ``proxies_from_environment``.
    """

    timeout: timedelta = timedelta(seconds=20)
    connect_timeout: timedelta = timedelta(seconds=5)
    connections: int = 32
    retrying: Retrying = field(default_factory=Retrying)
    roll: Callable[[], float] = field(default=SystemRandom().random)
    tls: ssl.SSLContext | None = None
    proxies_from_environment: bool = False


class Client:
    """Speak to a broker as a carrier.

    To be used as ``async with Client(url, key) as broker``, or ended by ``aclose``.
    Calls may be made at once, by any number of tasks of one event loop.
    """

    def __init__(self, url: str, key: str, options: Options | None = None) -> None:
        chosen_options = options or Options()
        self._http = _open(_checked_url(url), _checked_key(key), chosen_options)
        calls = Calls(self._http, chosen_options.retrying, chosen_options.roll)
        self._calls = calls
        self.queries = Queries(calls)
        self.orders = Orders(calls)
        self.events = Feed(calls)
        self.holdings = Holdings(calls)
        self.clearances = Clearances(calls)
        self.endpoint = Endpoint(calls)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    @override
    def __repr__(self) -> str:
        return f"Client({str(self._http.base_url)!r})"

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def me(self) -> Me:
        """See who the key speaks for."""
        return read(Me, (await self._calls.make(Call("GET", "/v1/me"))).content)

    def platforms(
        self, *, category: str | None = None, accepting: bool | None = None
    ) -> AsyncIterator[Platform]:
        """Give the platforms that can be asked, in the order of their slugs."""
        wanted = None if accepting is None else str(accepting).lower()
        params = chosen(category=category, accepting=wanted)
        call = Call("GET", "/v1/platforms", params)
        return read_all(self._calls, call, PlatformPage)

    async def disclose(self, number: str) -> Disclosure:
        """Ask what a shop must say of a number that it is about to sell."""
        call = Call("POST", DISCLOSURE).with_json({"number": number})
        return read(Disclosure, (await self._calls.make(call)).content)

    async def jwks(self) -> dict[str, Any]:
        """Read the broker's public keys; keep a copy, and compare."""
        answer = await self._calls.make(Call("GET", "/.well-known/jwks.json"))
        return parse_jwks(answer.content)


def _open(url: str, key: str, options: Options) -> httpx.AsyncClient:
    silence = options.timeout.total_seconds()
    return HttpClient(
        base_url=url,
        headers={"Authorization": f"Bearer {key}", "User-Agent": AGENT},
        timeout=httpx.Timeout(
            silence, connect=options.connect_timeout.total_seconds(), pool=silence
        ),
        limits=httpx.Limits(
            max_connections=options.connections,
            max_keepalive_connections=options.connections,
        ),
        verify=options.tls or True,
        trust_env=options.proxies_from_environment,
    )


def _checked_url(url: str) -> str:
    try:
        read_url = httpx.URL(url)
    except httpx.InvalidURL:
        raise ValueError("expected the URL of a broker") from None
    if read_url.scheme not in {"https", "http"} or not read_url.host:
        raise ValueError("expected the URL of a broker, https://…")
    if read_url.userinfo:
        raise ValueError("expected a URL without a user or a password")
    return url


def _checked_key(key: str) -> str:
    """Refuse what cannot stand in a header, without repeating it."""
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError("expected a key such as ub_carrier_…")
    return key
