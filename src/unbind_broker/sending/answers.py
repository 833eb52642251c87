"""Read an answer's status and ``Retry-After`` as an outcome."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from unbind_broker.deliveries.outcomes import Outcome, OutcomeKind

LONGEST_RETRY_AFTER = timedelta(days=30)

_GONE = 410
_REFUSED = frozenset({400, 413, 415, 422})
_THROTTLED = frozenset({429, 503})
_MOST_DIGITS = 9


def outcome_of(status: int, retry_after: str | None, now: datetime) -> Outcome:
    """Judge an answer by its status alone."""
    if 200 <= status < 300:  # noqa: PLR2004 - the class of success, RFC 9110 §15.3
        return Outcome(OutcomeKind.ACCEPTED, status)
    if status == _GONE:
        return Outcome(OutcomeKind.GONE, status)
    if status in _REFUSED:
        return Outcome(OutcomeKind.PAYLOAD_REFUSED, status)
    if status in _THROTTLED:
        pause = None if retry_after is None else parse_retry_after(retry_after, now)
        return Outcome(OutcomeKind.THROTTLED, status, pause)
    return Outcome(OutcomeKind.FAILED, status)


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
