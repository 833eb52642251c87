"""Give every request an id, echo it, and log one line per request."""

import logging
import re
from time import perf_counter

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from unbind_broker.base.clock import Clock
from unbind_broker.base.ids import new_uuid7

log = logging.getLogger("unbind_broker.requests")

_ACCEPTABLE = re.compile(r"[A-Za-z0-9._:-]{1,128}", re.ASCII)
_NUMBER_LIKE = re.compile(r"\d{7,}", re.ASCII)
_MOBILE = re.compile(r"1[3-9]\d{9}", re.ASCII)
_SEPARATORS = str.maketrans("", "", "._:-")
_RANDOM_UUID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
    re.ASCII | re.IGNORECASE,
)
_TRACE = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}.*")


def request_id_of(scope: Scope) -> str:
    """Return the id of the request under way."""
    return str(scope.get("state", {}).get("request_id", "unknown"))


class RequestIds:
    """Take ``X-Request-Id`` or make one; honour ``traceparent`` (W3C) in the log line.

    An id that could hold a phone number (7 or more digits in a row, or a mobile number
    with separators) is replaced, so that none reaches the log by this door. A random
    UUID has such digits by chance, and passes.
    """

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self.app = app
        self.clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = choose_request_id(headers.get("x-request-id", ""), self.clock)
        scope.setdefault("state", {})["request_id"] = request_id
        started, status = perf_counter(), 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        finally:
            log.info(
                "request",
                extra={
                    "method": scope["method"],
                    "route": _route(scope),
                    "status": status,
                    "ms": round((perf_counter() - started) * 1000, 1),
                    "request_id": request_id,
                    "caller": scope["state"].get("caller"),
                    "trace_id": _trace_id(headers),
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


def _trace_id(headers: Headers) -> str | None:
    """Read the trace; one without a single letter may hold a number; leave it out."""
    trace = _TRACE.fullmatch(headers.get("traceparent", ""))
    return None if trace is None or trace[1].isdecimal() else trace[1]


def _route(scope: Scope) -> str:
    """Name the route by its template: a path typed by a caller may hold anything."""
    route = scope.get("route")
    return getattr(route, "path", "unmatched")
