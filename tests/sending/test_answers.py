from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.clock import NOON
from unbind_broker.deliveries.outcomes import OutcomeKind
from unbind_broker.sending.answers import (
    LONGEST_RETRY_AFTER,
    outcome_of,
    parse_retry_after,
)

SOON = NOON + timedelta(minutes=3)


@pytest.mark.parametrize(
    ("statuses", "kind"),
    [
        ((200, 201, 202, 204, 206, 299), OutcomeKind.ACCEPTED),
        ((410,), OutcomeKind.GONE),
        ((400, 413, 415, 422), OutcomeKind.PAYLOAD_REFUSED),
        ((429, 502, 503, 504), OutcomeKind.THROTTLED),
        (
            (300, 301, 302, 304, 307, 308, 399, 401, 403, 404, 405),
            OutcomeKind.MISCONFIGURED,
        ),
        ((199, 402, 406, 408, 409, 425, 500, 501, 505, 599), OutcomeKind.FAILED),
    ],
)
def test_status_alone_decides(statuses: tuple[int, ...], kind: OutcomeKind) -> None:
    assert {outcome_of(status, None, NOON).kind for status in statuses} == {kind}
    assert outcome_of(statuses[0], None, NOON).status_code == statuses[0]


@pytest.mark.parametrize("status", [429, 503])
def test_throttling_brings_its_pause(status: int) -> None:
    assert outcome_of(status, "7", NOON).retry_after == timedelta(seconds=7)
    assert outcome_of(status, "soon", NOON).retry_after is None


def test_pause_means_nothing_elsewhere() -> None:
    assert outcome_of(500, "7", NOON).retry_after is None
    assert outcome_of(200, "7", NOON).retry_after is None


@pytest.mark.parametrize(
    ("text", "pause"),
    [
        ("0", timedelta(0)),
        (" 120 ", timedelta(seconds=120)),
        ("999999999999999999999999", LONGEST_RETRY_AFTER),
        (format_datetime(NOON + timedelta(minutes=3)), timedelta(minutes=3)),
        (
            format_datetime(NOON + timedelta(minutes=3), usegmt=True),
            timedelta(minutes=3),
        ),
        (format_datetime(NOON - timedelta(minutes=3)), timedelta(0)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_RETRY_AFTER),
        ("Fri, 20 Nov 2026 04:00:10 -0000", timedelta(seconds=10)),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("tomorrow", None),
        ("Fri, 99 Nov 2026 99:00:10 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, pause: timedelta | None) -> None:
    assert parse_retry_after(text, NOON) == pause


@given(st.text())
def test_retry_after_never_raises(text: str) -> None:
    pause = parse_retry_after(text, datetime(2026, 1, 1, tzinfo=UTC))
    assert pause is None or timedelta(0) <= pause <= LONGEST_RETRY_AFTER
