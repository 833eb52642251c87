"""Refuse what a crowd sends before it is even parsed.

While all places are taken, a process that parsed, routed and logged each refusal would
spend on them the time that those inside need. So a request that is whole in one piece
and certain to be refused is answered from its bytes; whatever looks unusual takes the
ordinary way.
"""

import json
import logging
from asyncio import get_running_loop
from collections import Counter
from typing import Any

from unbind_broker.api.admission import Overloaded
from unbind_broker.api.door import ADMITTED, Door, key_in
from unbind_broker.api.problem_kind import ProblemKind
from unbind_broker.api.problem_kinds import KINDS
from unbind_broker.api.rates import Quota, RateLimited
from unbind_broker.api.request_ids import choose_request_id
from unbind_broker.api.security_headers import OF_DATA
from unbind_broker.base.clock import Clock

log = logging.getLogger(__name__)

_LINES = tuple(f"{method} {path} HTTP/1.1\r\n".encode() for method, path in ADMITTED)
_WORDS = {429: b"Too Many Requests", 503: b"Service Unavailable"}
_UNUSUAL = (b"\r\ntransfer-encoding:", b"\r\nexpect:", b"\r\nupgrade:", b"\r\n ")
_SECURITY = b"".join(b"%s: %s\r\n" % field for field in OF_DATA)
_EVERY = 1.0


class QuickRefusals:
    """What the server asks about bytes that begin a request."""

    def __init__(self, door: Door, clock: Clock) -> None:
        self._door = door
        self._clock = clock
        self._refused: Counter[int] = Counter()

    def judge(self, data: bytes, date: bytes) -> bytes | dict[str, Any] | None:
        """Write the whole answer, or give what the request that is let in holds.

        Its place is taken here and not later: a thousand requests that come at one
        moment must not all find the same place free. None: it takes the ordinary way.
        """
        head = _simple_head(data)
        if head is None:
            return None
        quota: Quota | None = None
        try:
            quota = self._door.count(head.get("key"))
            held: dict[str, Any] = {"place": self._door.orders.take()}
        except RateLimited as refusal:
            return self._written(refusal, refusal.quota, head, date)
        except Overloaded as refusal:
            return self._written(refusal, quota, head, date)
        if quota is not None:
            held["quota"] = quota
        return held

    def turned_away(self) -> None:
        """Count a connection that was closed because there are too many."""
        self._door.tallies.turned_away += 1

    def _written(
        self,
        refusal: RateLimited | Overloaded,
        quota: Quota | None,
        head: dict[str, str],
        date: bytes,
    ) -> bytes:
        kind = KINDS[refusal.code]
        self._note(kind.status)
        if not self._door.rehearses(head.get("key")):
            self._door.tallies.problems[kind.code] += 1
        request_id = choose_request_id(head.get("request_id", ""), self._clock)
        body = _problem(kind, refusal.detail, request_id)
        fields = b"".join(
            b"%s: %s\r\n" % field for field in (quota.fields if quota else ())
        )
        close = b"connection: close\r\n" if self._door.closing else b""
        return (
            b"HTTP/1.1 %d %s\r\n%s"
            b"content-type: application/problem+json\r\ncontent-length: %d\r\n"
            b"retry-after: %s\r\nx-request-id: %s\r\n%s%s%s\r\n%s"
        ) % (
            kind.status,
            _WORDS[kind.status],
            date,
            len(body),
            refusal.headers["Retry-After"].encode(),
            request_id.encode(),
            _SECURITY,
            fields,
            close,
            body,
        )

    def _note(self, status: int) -> None:
        """Count for one log line a second: one for each would cost more than it."""
        if not self._refused:
            get_running_loop().call_later(_EVERY, self._tell)
        self._refused[status] += 1

    def _tell(self) -> None:
        counts = {str(status): count for status, count in self._refused.items()}
        log.warning("shed", extra={"refused": counts})
        self._refused.clear()


def _problem(kind: ProblemKind, detail: str, request_id: str) -> bytes:
    problem = {
        "type": f"/problems/{kind.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "code": kind.code,
        "request_id": request_id,
    }
    return json.dumps(problem, separators=(",", ":")).encode()


def _simple_head(data: bytes) -> dict[str, str] | None:
    """Read what matters of a whole, plain request; None if it is anything else."""
    if not data.startswith(_LINES):
        return None
    head, found, body = data.partition(b"\r\n\r\n")
    lowered = head.lower() + b"\r\n"
    if not found or any(word in lowered for word in _UNUSUAL):
        return None
    if _value(lowered, lowered, b"content-length") != b"%d" % len(body):
        return None
    if _value(lowered, lowered, b"connection") not in {b"", b"keep-alive"}:
        return None
    told: dict[str, str] = {}
    key = key_in(_value(head, lowered, b"authorization"))
    if key is not None:
        told["key"] = key
    told["request_id"] = _value(head, lowered, b"x-request-id").decode("latin-1")
    return told


def _value(head: bytes, lowered: bytes, name: bytes) -> bytes:
    """Give the value of a header; one that comes twice is no value of any request."""
    name = b"\r\n" + name + b":"
    start = lowered.find(name)
    if start < 0:
        return b""
    if lowered.find(name, start + 1) >= 0:
        return b"twice"
    start += len(name)
    return head[start : lowered.index(b"\r\n", start)].strip(b" \t")
