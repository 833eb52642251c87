"""Give every request an id, echo it, log one line and make one span per request."""

import logging
import re
from time import perf_counter

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from unbind_broker.base.clock import Clock
from unbind_broker.base.ids import new_uuid7
from unbind_broker.base.tracing import (
    NO_TRACES,
    Kind,
    Span,
    TraceContext,
    Tracer,
    read_traceparent,
    under_way,
)

log = logging.getLogger("unbind_broker.requests")

_ACCEPTABLE = re.compile(r"[A-Za-z0-9._:-]{1,128}", re.ASCII)
_NUMBER_LIKE = re.compile(r"\d{7,}", re.ASCII)
_MOBILE = re.compile(r"1[3-9]\d{9}", re.ASCII)
_SEPARATORS = str.maketrans("", "", "._:-")
_RANDOM_UUID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
    re.ASCII | re.IGNORECASE,
)
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked every few seconds by machines: told at debug only, and not traced."""
_METHODS = frozenset(
    ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")
)
_FAULT = 500


def request_id_of(scope: Scope) -> str:
    """Return the id of the request under way."""
    return str(scope.get("state", {}).get("request_id", "unknown"))


class RequestIds:
    """Take ``X-Request-Id`` or make one; honour ``traceparent`` (W3C).

    An id that could hold a phone number (7 or more digits in a row, or a mobile number
    with separators) is replaced, so that none reaches the log by this door. A random
    UUID has such digits by chance, and passes.
    """

    def __init__(self, app: ASGIApp, clock: Clock, tracer: Tracer = NO_TRACES) -> None:
        self.app = app
        self.clock = clock
        self.tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = choose_request_id(headers.get("x-request-id", ""), self.clock)
        scope.setdefault("state", {})["request_id"] = request_id
        caller_trace = read_traceparent(headers.get("traceparent"))
        served = _Served(scope, request_id)

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            served.note(message)
            await send(message)

        try:
            if self.tracer.is_on and scope["path"] not in _PROBES:
                foreign = caller_trace and caller_trace._replace(is_foreign=True)
                await self._traced(served, foreign, receive, send_with_id)
            else:
                await self.app(scope, receive, send_with_id)
        finally:
            served.tell(caller_trace)

    async def _traced(
        self,
        served: "_Served",
        parent: TraceContext | None,
        receive: Receive,
        send: Send,
    ) -> None:
        facts = {
            "http.request.method": served.method,
            "url.scheme": served.scope["scheme"],
            "unbind.request_id": served.request_id,
        }
        span = self.tracer.begin(served.method, Kind.SERVER, facts, parent=parent)
        served.context = span.context
        with under_way(span):
            try:
                await self.app(served.scope, receive, send)
            finally:
                served.describe(span)


class _Served:
    """What is told of one request once it is answered."""

    def __init__(self, scope: Scope, request_id: str) -> None:
        self.scope = scope
        self.request_id = request_id
        self.status = _FAULT
        self.bytes = 0
        self.context: TraceContext | None = None
        self._started = perf_counter()

    @property
    def method(self) -> str:
        """Name the method, or that it is a word of the caller's own."""
        method = self.scope["method"]
        return method if method in _METHODS else "_OTHER"

    def note(self, message: Message) -> None:
        """See what goes out."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.bytes += len(message.get("body", b""))

    def describe(self, span: Span) -> None:
        """Tell a span what its request came to."""
        route = _route(self.scope)
        span.rename(f"{self.method} {route}")
        span.tell(
            {
                "http.route": route,
                "http.response.status_code": self.status,
                "http.response.body.size": self.bytes,
                "unbind.caller": self.scope["state"].get("caller"),
            }
        )

    def tell(self, caller_trace: TraceContext | None) -> None:
        """Log the line."""
        context = self.context or caller_trace
        log.log(
            logging.DEBUG if self.scope["path"] in _PROBES else logging.INFO,
            "request",
            extra={
                "method": self.method,
                "route": _route(self.scope),
                "status": self.status,
                "ms": round((perf_counter() - self._started) * 1000, 1),
                "bytes": self.bytes,
                "request_id": self.request_id,
                "caller": self.scope["state"].get("caller"),
                "trace_id": None if context is None else context.trace_id,
            },
        )


def choose_request_id(given: str, clock: Clock) -> str:
    """Take the id that a caller gave, or make one."""
    if _ACCEPTABLE.fullmatch(given) and not _could_hold_number(given):
        return given
    return str(new_uuid7(clock.now()))


def _could_hold_number(text: str) -> bool:
    if _RANDOM_UUID.fullmatch(text):
        return False
    digits = text.translate(_SEPARATORS)
    return bool(_NUMBER_LIKE.search(text) or _MOBILE.search(digits))


def _route(scope: Scope) -> str:
    """Name the route by its template: a path typed by a caller may hold anything."""
    route = scope.get("route")
    return getattr(route, "path", "unmatched")
