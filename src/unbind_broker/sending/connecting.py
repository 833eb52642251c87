"""Connections to checked addresses only: watched, with one answer to each request."""

import select
import socket
from asyncio import AbstractEventLoop
from contextvars import ContextVar
from functools import partial
from time import monotonic
from types import SimpleNamespace
from typing import Any

import aiohttp
from aiohttp import AddrInfoType
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.http import HttpProcessingError, RawResponseMessage
from typing_extensions import override

from unbind_broker.base.network_guard import UrlPolicy
from unbind_broker.sending.exchanges import Trace
from unbind_broker.sending.faults import StoodStill
from unbind_broker.sending.resolving import check_address

MOST_HEADS = 32
"""Heads of answers that may wait on a connection: some hints (1xx) and an answer."""

traced: ContextVar[Trace] = ContextVar("traced")
"""The exchange that asks for a connection."""


class BoundedConnector(aiohttp.TCPConnector):
    """Dial what the policy admits, and cut off whoever says more than was asked.

    The address is judged here once more: a literal in a URL is never resolved. A
    head may be as small as a line, and all that arrive together would be taken one by
    one before anything else gets its turn.
    """

    def __init__(self, policy: UrlPolicy, **options: Any) -> None:
        super().__init__(socket_factory=partial(_socket, policy), **options)
        self._factory = partial(_bounded, loop=self._loop)

    @override
    def _release(
        self,
        key: ConnectionKey,
        protocol: ResponseHandler,
        *,
        should_close: bool = False,
    ) -> None:
        """Have the connection used next: what a rush needed beside it goes idle, ends.

        Taken in turns, as the pool does it, all would be kept for ever.
        """
        super()._release(key, protocol, should_close=should_close)
        kept = self._conns.get(key)
        if kept and kept[-1][0] is protocol:
            kept.rotate(1)


class _BoundedHandler(ResponseHandler):
    """Take one answer to each request; what else arrives ends the connection.

    Otherwise an answer that nobody asked for would lie in wait on a kept connection,
    and be taken for the answer to the next request.
    """

    _was_asked = False
    _is_answered = True

    @override
    def set_response_params(self, **options: Any) -> None:
        """Expect an answer; a kept connection on which words wait is no use."""
        if self._was_asked and self._has_unread():
            self._give_up(aiohttp.ServerDisconnectedError())
        self._was_asked, self._is_answered = True, False
        super().set_response_params(**options)

    @override
    def data_received(self, data: bytes) -> None:
        """Parse what belongs to the answer; no data means to go on parsing."""
        body = self._payload
        if data and self._is_answered and (body is None or body.is_eof()):
            self._give_up(HttpProcessingError(message="words without a request"))
        elif self.exception() is None:
            super().data_received(data)

    @override
    def feed_data(self, data: Any, size: int = 0) -> None:
        """Queue one head, or give the connection up."""
        message: RawResponseMessage = data[0]
        if len(self) >= MOST_HEADS:
            self._give_up(HttpProcessingError(message="too many heads"))
        else:
            self._is_answered |= message.code >= 200 or message.code == 101  # noqa: PLR2004 - RFC 9110 §15.2
            super().feed_data(data, size)

    @override
    def close(self) -> None:
        """Close at once; who does not read, or keeps TLS open, would hold it long."""
        self.abort()

    def _give_up(self, error: Exception) -> None:
        if self.exception() is None:
            self.set_exception(error)
        if self.transport is not None:
            self.transport.abort()

    def _has_unread(self) -> bool:
        """Look whether words, or the end, have arrived that nobody has read yet."""
        if self.transport is None:
            return False
        waiting = select.poll()  # asks in one call; epoll takes four
        waiting.register(self.transport.get_extra_info("socket"), select.POLLIN)
        return bool(waiting.poll(0))


def tracing() -> aiohttp.TraceConfig:
    """Have each exchange note its moments in its ``Trace``."""
    config = aiohttp.TraceConfig()
    config.on_connection_create_end.append(_secured)
    config.on_dns_resolvehost_start.append(_stamp("dns_started"))
    config.on_dns_resolvehost_end.append(_stamp("dns_ended"))
    config.on_connection_reuseconn.append(_flag("is_kept_connection"))
    config.on_request_chunk_sent.append(_leaving)
    return config


async def _secured(_: object, context: SimpleNamespace, __: object) -> None:
    trace: Trace = context.trace_request_ctx
    if trace.is_tls:
        trace.secured = monotonic()


async def _leaving(_: object, context: SimpleNamespace, __: object) -> None:
    """Let head and body go, which leave together; this is the last word before."""
    trace: Trace = context.trace_request_ctx
    if trace.is_too_late and not trace.disclosed:
        raise StoodStill
    trace.disclosed = True


def _stamp(name: str) -> Any:
    async def stamp(_: object, context: SimpleNamespace, __: object) -> None:
        setattr(context.trace_request_ctx, name, monotonic())

    return stamp


def _flag(name: str) -> Any:
    async def flag(_: object, context: SimpleNamespace, __: object) -> None:
        setattr(context.trace_request_ctx, name, True)

    return flag


def _socket(policy: UrlPolicy, place: AddrInfoType) -> socket.socket:
    """Make the socket for an address; raises ``AddressRefused``."""
    family, kind, protocol, _, address = place
    check_address(policy, str(address[0]))
    trace = traced.get(None)
    if trace is not None:
        trace.dialled = trace.dialled or monotonic()
    return socket.socket(family, kind, protocol)


def _bounded(loop: AbstractEventLoop) -> ResponseHandler:
    """Make the protocol of a socket that has just been connected."""
    trace = traced.get(None)
    if trace is not None:
        trace.connected = monotonic()
    return _BoundedHandler(loop)
