"""The one mouth: post to endpoints, guarded where the connection is made."""

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from functools import lru_cache, partial
from importlib.metadata import version
from time import monotonic

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from typing_extensions import override

from unbind_broker.base.name_lookup import LookUp, look_up
from unbind_broker.base.network_guard import (
    EndpointUrlRefused,
    UrlPolicy,
    check_endpoint_url,
)
from unbind_broker.deliveries.outcomes import Outcome, OutcomeKind
from unbind_broker.sending.answers import outcome_of
from unbind_broker.sending.connecting import BoundedConnector, traced, tracing
from unbind_broker.sending.exchanges import Exchange, Trace
from unbind_broker.sending.faults import is_own, name_fault
from unbind_broker.sending.resolving import AddressRefused, GuardedNames

log = logging.getLogger(__name__)

LEAST_READ = 16 * 1024
CONNECT_LIMIT = timedelta(seconds=5)
CLOSING_LIMIT = 3.0
"""Seconds for connections to close, before they are left to the process's end."""
DNS_KEPT = timedelta(seconds=30)
MOST_URLS = 4096
"""URLs of which it is remembered that they passed."""

_HEADERS = {
    "user-agent": f"unbind-broker/{version('unbind-broker')}",
    "content-type": "application/json",
    "accept": "application/json",
    "accept-encoding": "identity",
}


class Outbound:
    """Post signed bytes; never raises but when it is cancelled."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        policy: UrlPolicy,
        now: Callable[[], datetime],
    ) -> None:
        self._session = session
        self._check = lru_cache(MOST_URLS)(partial(check_endpoint_url, policy=policy))
        self._now = now

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, limit: timedelta
    ) -> Exchange:
        """Send ``body``; the whole exchange ends within ``limit``.

        The answer is judged by its status, even if its body is longer than is read
        of it, or breaks off. Twice the size of the request is read, for a large batch
        may be answered with a result for each of its items, and at least 16 KiB.
        """
        trace = Trace(limit)
        try:
            checked = self._check(url)
        except EndpointUrlRefused as refused:
            return trace.ended(Outcome(OutcomeKind.BLOCKED), refused.detail)
        trace.is_tls = checked.scheme == "https"
        traced.set(trace)
        try:
            async with asyncio.timeout(limit.total_seconds()):
                return await self._exchange(
                    trace, checked.url, {**_HEADERS, **headers}, body, limit
                )
        except TimeoutError:
            return _too_late(trace, limit)

    async def _exchange(
        self,
        trace: Trace,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        limit: timedelta,
    ) -> Exchange:
        while True:
            trace.is_kept_connection = False
            try:
                return await self._once(trace, url, headers, body, limit)
            except aiohttp.ClientError as error:
                # The other side had closed a kept connection just before: no fault.
                if trace.is_kept_connection and not trace.is_second and _is_cut(error):
                    trace.is_second = True
                    continue
                kind, what = _read_error(error)
                return trace.ended(Outcome(kind), what)
            except OSError as error:
                return trace.ended(Outcome(_kind_of(error)), name_fault(error))

    async def _once(
        self,
        trace: Trace,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        limit: timedelta,
    ) -> Exchange:
        async with self._session.post(
            url,
            data=body,
            headers=headers,
            allow_redirects=False,
            timeout=_within(min(CONNECT_LIMIT, limit)),
            trace_request_ctx=trace,
        ) as response:
            trace.first_byte = monotonic()
            trace.status = response.status
            answer = await _read(response, max(LEAST_READ, 2 * len(body)))
            retry_after = response.headers.get("retry-after")
            outcome = outcome_of(response.status, retry_after, self._now())
            return trace.ended(outcome, None, answer)


@asynccontextmanager
async def open_outbound(
    policy: UrlPolicy,
    now: Callable[[], datetime],
    *,
    tls: ssl.SSLContext | None = None,
    look_up: LookUp = look_up,
    names_kept: timedelta = DNS_KEPT,
) -> AsyncIterator[Outbound]:
    """Open the session that all endpoints share: one pool, kept connections.

    ``tls`` trusts the machine's authorities unless another context is given. What a
    name stands for is asked again after ``names_kept``.
    """
    names = GuardedNames(policy, look_up)
    connector = BoundedConnector(
        policy,
        resolver=_Resolver(names),
        ttl_dns_cache=names_kept.total_seconds(),
        limit=0,  # each lane keeps its own limit
        ssl=tls or True,
    )
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        trace_configs=[tracing()],
    )
    try:
        yield Outbound(session, policy, now)
    finally:
        names.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSING_LIMIT):
                await session.close()


class _Resolver(AbstractResolver):
    """Hand the connector addresses that were checked, all of them literal."""

    def __init__(self, names: GuardedNames) -> None:
        self._names = names

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=found.address,
                port=port,
                family=found.family,
                proto=found.protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for found in await self._names.resolve(host, port, family)
        ]

    @override
    async def close(self) -> None:
        """Do nothing: whoever opened the names closes them."""


@lru_cache(maxsize=8)
def _within(connect_limit: timedelta) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, sock_connect=connect_limit.total_seconds())


def _too_late(trace: Trace, limit: timedelta) -> Exchange:
    seconds = f"{limit.total_seconds():g} s"
    if not trace.disclosed:
        what = f"no connection within {seconds}"
        return trace.ended(Outcome(OutcomeKind.UNREACHABLE), what)
    what = f"no whole answer within {seconds}"
    return trace.ended(Outcome(OutcomeKind.TIMED_OUT, trace.status), what)


async def _read(response: aiohttp.ClientResponse, most: int) -> bytes:
    """Read what there is up to the cap; close the connection if that is not all."""
    answer = b""
    try:
        while len(answer) <= most:
            part = await response.content.read(most + 1 - len(answer))
            if not part:
                return answer
            answer += part
    except (aiohttp.ClientError, OSError):
        pass  # it broke off; the status stands
    response.close()
    return answer[:most]


def _is_cut(error: aiohttp.ClientError) -> bool:
    return isinstance(
        error, aiohttp.ServerDisconnectedError | ConnectionResetError
    ) or (
        isinstance(error, aiohttp.ClientOSError)
        and not isinstance(error, aiohttp.ClientConnectorError)
    )


def _read_error(error: aiohttp.ClientError) -> tuple[OutcomeKind, str]:
    cause = _cause(error)
    if isinstance(cause, AddressRefused):
        return OutcomeKind.BLOCKED, f"address refused: {cause}"
    if cause is not None:
        return _kind_of(cause), name_fault(cause)
    for fault, kind, what in _FAULTS:
        if isinstance(error, fault):
            return kind, what
    return OutcomeKind.UNREACHABLE, "connection failed"


_FAULTS: tuple[tuple[type[aiohttp.ClientError], OutcomeKind, str], ...] = (
    (
        aiohttp.ServerDisconnectedError,
        OutcomeKind.UNREACHABLE,
        "connection closed without an answer",
    ),
    (aiohttp.ServerTimeoutError, OutcomeKind.UNREACHABLE, "connection timed out"),
    (aiohttp.ClientResponseError, OutcomeKind.FAILED, "the answer is no HTTP"),
    (aiohttp.InvalidURL, OutcomeKind.BLOCKED, "the URL is not usable"),
)


def _cause(error: aiohttp.ClientError) -> OSError | None:
    match error:
        case aiohttp.ClientConnectorCertificateError():
            failed = error.certificate_error
            return failed if isinstance(failed, OSError) else None
        case aiohttp.ClientConnectorError():
            return error.os_error
        case OSError(errno=None, __cause__=OSError() as cause):
            return cause
        case OSError():
            return error
        case _:
            return None


def _kind_of(error: OSError) -> OutcomeKind:
    return OutcomeKind.OWN_FAULT if is_own(error) else OutcomeKind.UNREACHABLE
