"""Serve the API from this process, and leave without cutting anybody off."""

import asyncio
import errno
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import h11
import uvicorn
from fastapi import FastAPI
from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

from unbind_broker.api.quick_refusals import QuickRefusals
from unbind_broker.base.errors import BrokerError

KEEP_ALIVE = 75
"""Seconds an idle connection is kept: longer than what load balancers wait."""
DRAINING = 10
"""Seconds that requests under way have in the end."""
HEAD_LIMIT = 20.0
"""Seconds until the head of a request must be whole, from its first byte or, on a new
connection, from the beginning: callers that say nothing would hold places for ever."""
LARGEST_HEAD = 32 * 1024
"""Bytes."""
STALL_LIMIT = 120.0
"""Seconds for which a caller may take nothing of an answer: one that never reads would
hold memory, and whoever writes the answer, for ever."""

BACKLOG = 1024
"""Connections that the kernel keeps until the process takes them."""
SPARE_FILES = 128
"""Open files that are left for the database and all else."""
_TOO_MANY = (
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\n"
    b"connection: close\r\ncontent-length: 0\r\n\r\n"
)


class CannotListen(BrokerError):
    """The address cannot be had."""

    code = "cannot-listen"
    title = "The address cannot be listened on"


@contextmanager
def reserve(host: str, port: int) -> Iterator[socket.socket]:
    """Take an address before anything else is started; port 0 is any free one."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        taken = socket.socket(family, kind, protocol)
    except OSError as error:
        raise CannotListen(f"cannot listen on {host}: {error.strerror}") from error
    with closing(taken):
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(address)
        except OSError as error:
            raise CannotListen(_why_not(host, port, error)) from error
        yield taken


def url_of(listener: socket.socket) -> str:
    """Write the address of ``listener`` as a URL that a browser takes."""
    host, port = listener.getsockname()[:2]
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - not bound, translated
    return (
        f"http://[{reachable}]:{port}"
        if ":" in reachable
        else f"http://{reachable}:{port}"
    )


class ApiServer(uvicorn.Server):
    """An HTTP server that obeys its caller instead of catching signals."""

    def __init__(
        self,
        app: FastAPI,
        on_ready: Callable[[], None],
        head_limit: float = HEAD_LIMIT,
        *,
        stall_limit: float = STALL_LIMIT,
        refusals: QuickRefusals | None = None,
        most_connections: int | None = None,
    ) -> None:
        settled = {
            "head_limit": head_limit,
            "stall_limit": stall_limit,
            "refusals": refusals,
            "most_connections": _affordable(most_connections),
        }
        super().__init__(
            uvicorn.Config(
                app,
                http=type("_Settled", (_Connection,), settled),
                backlog=BACKLOG,
                proxy_headers=False,
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                ws="none",
                lifespan="off",
                timeout_keep_alive=KEEP_ALIVE,
                timeout_graceful_shutdown=DRAINING,
                h11_max_incomplete_event_size=LARGEST_HEAD,
            )
        )
        self._on_ready = on_ready

    async def serve_on(self, listener: socket.socket) -> None:
        """Serve until ``drain`` or ``drop`` is called."""
        await self.serve([listener])

    def drain(self) -> None:
        """Take no more requests and end when those under way are answered."""
        self.should_exit = True

    def drop(self) -> None:
        """End now."""
        self.should_exit = True
        self.force_exit = True

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell when the first request can come; raises ``CannotListen``.

        Two processes that start together may both take an address; one can listen.
        """
        try:
            await super().startup(sockets)
        except OSError as error:
            host, port = sockets[0].getsockname()[:2] if sockets else ("", 0)
            raise CannotListen(_why_not(host, port, error)) from error
        self._on_ready()

    @contextmanager
    @override
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the process."""
        yield


class _Connection(H11Protocol):
    """Close connections on which no head of a request comes, or no answer is read.

    Beyond ``most_connections`` they are turned away; what a crowd sends is refused from
    its bytes.
    """

    head_limit = HEAD_LIMIT
    stall_limit = STALL_LIMIT
    refusals: QuickRefusals | None = None
    most_connections: int | None = None
    _waiting: asyncio.TimerHandle | None = None
    _stalling: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn does
        super().connection_made(transport)
        most = self.most_connections
        if most is not None and len(self.connections) > most:
            if self.refusals is not None:
                self.refusals.turned_away()
            transport.write(_TOO_MANY)
            transport.close()
            return
        self._wait_for_head()

    @override
    def data_received(self, data: bytes) -> None:
        judged = self._judge(data)
        if isinstance(judged, bytes):
            self._refuse(judged)
        elif judged is None:
            self._receive(data)
        else:
            self._let_in(data, judged)

    def _receive(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self._waiting is None:
            self._wait_for_head()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._stop_stalling()
        super().connection_lost(exc)

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        self._expect_reading()

    @override
    def resume_writing(self) -> None:
        self._stop_stalling()
        super().resume_writing()

    def _judge(self, data: bytes) -> bytes | dict[str, Any] | None:
        """Judge a new request that begins here, if nothing else is due."""
        is_idle = (
            self.conn.our_state is h11.IDLE
            and self.conn.their_state is h11.IDLE
            and not self.conn.trailing_data[0]
            and not self.flow.write_paused  # or unread refusals would pile up
        )
        if self.refusals is None or not is_idle:
            return None
        fields = self.server_state.default_headers
        date = b"".join(b"%s: %s\r\n" % field for field in fields)
        return self.refusals.judge(data, date)

    def _refuse(self, answer: bytes) -> None:
        self._stop_waiting()
        self.transport.write(answer)
        if b"\r\nconnection: close\r\n" in answer:
            self.transport.close()
            return
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def _let_in(self, data: bytes, held: dict[str, Any]) -> None:
        """Hand a request what it holds; whoever serves it gives the place back."""
        before = self.scope
        shared, self.app_state = self.app_state, {**self.app_state, **held}
        try:
            self._receive(data)
        finally:
            self.app_state = shared
            if self.scope is before:
                held["place"].release()

    def _wait_for_head(self) -> None:
        self._waiting = self.loop.call_later(self.head_limit, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _expect_reading(self) -> None:
        unread = self.transport.get_write_buffer_size()
        self._stalling = self.loop.call_later(self.stall_limit, self._cut_off, unread)

    def _cut_off(self, unread: int) -> None:
        if self.transport.get_write_buffer_size() < unread:
            self._expect_reading()
        else:
            self.transport.abort()

    def _stop_stalling(self) -> None:
        if self._stalling is not None:
            self._stalling.cancel()
            self._stalling = None


def _affordable(most_connections: int | None) -> int | None:
    """Keep files for the rest of the process, however many connections are allowed."""
    if most_connections is None:
        return None
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return most_connections
    return min(most_connections, max(files - SPARE_FILES, files // 2))


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} of {host} is in use; choose another with --port "
            "(0 takes any free one)"
        )
    return f"cannot listen on {host} port {port}: {error.strerror}"
