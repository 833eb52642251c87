"""Read an answer's status and ``Retry-After`` as an outcome."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from unbind_broker.deliveries.outcomes import Outcome, OutcomeKind

LONGEST_RETRY_AFTER = timedelta(days=30)

_KINDS = {
    410: OutcomeKind.GONE,
    **dict.fromkeys((400, 413, 415, 422), OutcomeKind.PAYLOAD_REFUSED),
    **dict.fromkeys((429, 502, 503, 504), OutcomeKind.THROTTLED),
    **dict.fromkeys((401, 403, 404, 405), OutcomeKind.MISCONFIGURED),
}
# RFC 9110 §15.3 and §15.4: success, and a redirect, which is not followed.
_CLASSES = {2: OutcomeKind.ACCEPTED, 3: OutcomeKind.MISCONFIGURED}
_MOST_DIGITS = 9


def outcome_of(status: int, retry_after: str | None, now: datetime) -> Outcome:
    """Judge an answer by its status alone."""
    kind = _kind_of(status)
    if kind is OutcomeKind.THROTTLED and retry_after is not None:
        return Outcome(kind, status, parse_retry_after(retry_after, now))
    return Outcome(kind, status)


def _kind_of(status: int) -> OutcomeKind:
    by_status = _KINDS.get(status)
    if by_status is not None:
        return by_status
    return _CLASSES.get(status // 100, OutcomeKind.FAILED)


def parse_retry_after(text: str, now: datetime) -> timedelta | None:
    """Read seconds or an HTTP date (RFC 9110 §10.2.3); None if it is neither.

    An instant that has passed is no wait; longer ones than 30 days are cut.
    """
    text = text.strip()
    if text.isascii() and text.isdigit():
        seconds = int(text[: _MOST_DIGITS + 1])
        if len(text) > _MOST_DIGITS:
            return LONGEST_RETRY_AFTER
        return min(timedelta(seconds=seconds), LONGEST_RETRY_AFTER)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return min(max(at - now, timedelta(0)), LONGEST_RETRY_AFTER)
