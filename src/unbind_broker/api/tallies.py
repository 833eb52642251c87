"""What a process has answered since it began, counted where it happens."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from time import monotonic

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from unbind_broker.base.spread import Spread
from unbind_broker.callbacks.results import LineStatus
from unbind_broker.orders.states import OrderKind

SHED = ("rate-limited", "overloaded")
"""What callers are answered who come too often, or while all places are taken."""
ANSWERS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Classes of the time until an answer begins, in seconds."""
UNMATCHED = "unmatched"
_FAULT = "internal-error"
SORTS = ("accept", "report", "fetch", "read", "write")
_SORTS = {
    "POST /v1/orders": "accept",
    "POST /v1/queries": "accept",
    "POST /v1/results": "report",
    "POST /v1/clearances/{clearance_id}/findings": "report",
    "GET /v1/items": "fetch",
}


class ApiTallies:
    """Counts that only rise.

    ``requests`` are by route and class of status, ``took`` by sort of call. Connections
    that are ``turned_away`` have no request yet. Of rehearsals only ``requests`` and
    ``accepted`` tell, and ``problems`` that are faults of the program; a call that is
    refused while nobody knows whose key it has counts as a real one.
    """

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        self.took = defaultdict[str, Spread](lambda: Spread(ANSWERS))
        self.problems: Counter[str] = Counter()
        self.accepted: Counter[tuple[OrderKind, bool]] = Counter()
        self.lines: Counter[tuple[str, LineStatus]] = Counter()
        self.repeated = 0
        self.turned_away = 0

    def reported(self, source: str, statuses: Iterable[LineStatus]) -> None:
        """Count the lines of a report."""
        for status in statuses:
            self.lines[source, status] += 1

    def answered(self, scope: Scope, status: int, seconds: float) -> None:
        """Count a request whose answer has begun."""
        route = _route(scope)
        self.requests[route, status // 100] += 1
        if route == UNMATCHED or _asked_to_wait(scope) or _rehearses(scope):
            return
        self.took[_sort(route)].add(seconds)

    def refused(self, scope: Scope) -> None:
        """Count the problem that a request was answered with, if it was one."""
        problem = scope.get("state", {}).get("problem")
        if problem is not None and (problem == _FAULT or not _rehearses(scope)):
            self.problems[problem] += 1


class CountRequests:
    """Count every request, and which problem it was answered with."""

    def __init__(self, app: ASGIApp, tallies: ApiTallies) -> None:
        self.app = app
        self.tallies = tallies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = monotonic(), 0

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self.tallies.answered(scope, status, monotonic() - began)
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        except Exception:
            if not status:  # the answer is written further out
                self.tallies.answered(scope, 500, monotonic() - began)
                self.tallies.problems[_FAULT] += 1
            raise
        self.tallies.refused(scope)


def _route(scope: Scope) -> str:
    """Name the route by its template and method; callers may make up both."""
    route = scope.get("route")
    path, methods = getattr(route, "path", None), getattr(route, "methods", None)
    if path is None or scope["method"] not in (methods or ()):
        return UNMATCHED
    return f"{scope['method']} {path}"


def _sort(route: str) -> str:
    return _SORTS.get(route) or ("read" if route.startswith("GET ") else "write")


def _rehearses(scope: Scope) -> bool:
    return scope.get("state", {}).get("rehearses", False) is True


def _asked_to_wait(scope: Scope) -> bool:
    return any(name == b"prefer" for name, _ in scope["headers"])
