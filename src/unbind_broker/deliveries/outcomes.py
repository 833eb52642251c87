"""What one HTTP exchange came to."""

from dataclasses import dataclass
from datetime import timedelta

from unbind_broker.base.coded_enum import CodedEnum


class OutcomeKind(CodedEnum):
    """The closed set of ways an attempt can end."""

    ACCEPTED = ("accepted", 1)  # 2xx
    GONE = ("gone", 2)  # 410
    PAYLOAD_REFUSED = ("payload_refused", 3)  # 400, 413, 415, 422
    THROTTLED = ("throttled", 4)  # 429, 502, 503, 504
    FAILED = ("failed", 5)  # any other answer
    TIMED_OUT = ("timed_out", 6)  # no whole answer within the limit
    UNREACHABLE = ("unreachable", 7)  # name, connection or TLS failed
    BLOCKED = ("blocked", 8)  # the guard refused the address
    OWN_FAULT = ("own_fault", 9)  # nothing was sent, and it was our doing
    MISCONFIGURED = ("misconfigured", 10)  # 3xx, 401, 403, 404, 405: a wrong setting


class Cause(CodedEnum):
    """Why an item became undeliverable."""

    REFUSED = ("refused", 1)  # the platform refused its payload for good
    OVERDUE = ("overdue", 2)  # its deadline passed before it was taken


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended, as far as the decision needs it."""

    kind: OutcomeKind
    status_code: int | None = None
    retry_after: timedelta | None = None
