from datetime import UTC, datetime, timedelta, timezone

import pytest

from unbind_broker.base import instants
from unbind_broker.base.instants import (
    parse_instant,
    show_instant,
    show_instant_or_null,
)


def test_an_instant_is_shown_in_utc_and_whole_seconds() -> None:
    east = timezone(timedelta(hours=8))
    at = datetime(2026, 11, 21, 16, 0, 0, 999_999, tzinfo=east)
    assert show_instant(at) == "2026-11-21T08:00:00Z"
    assert show_instant_or_null(at) == "2026-11-21T08:00:00Z"
    assert show_instant_or_null(None) is None


def test_a_naive_instant_is_not_shown() -> None:
    with pytest.raises(ValueError, match="naive"):
        show_instant(datetime(2026, 11, 21))  # noqa: DTZ001 - the point of the test


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-21T08:00:00Z", datetime(2026, 11, 21, 8, tzinfo=UTC)),
        ("2026-11-21t08:00:00z", datetime(2026, 11, 21, 8, tzinfo=UTC)),
        ("2026-11-21T16:00:00+08:00", datetime(2026, 11, 21, 8, tzinfo=UTC)),
        (
            "2026-11-21T08:00:00.123456789Z",
            datetime(2026, 11, 21, 8, 0, 0, 123_456, tzinfo=UTC),
        ),
        (
            "2026-11-21T08:00:00.123456789012345Z",
            datetime(2026, 11, 21, 8, 0, 0, 123_456, tzinfo=UTC),
        ),
    ],
)
def test_instants_of_rfc_3339_are_read(text: str, expected: datetime) -> None:
    assert parse_instant(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-21",
        "2026-11-21T08:00:00",
        "2026-11-21 08:00:00Z",
        "2026-11-21T08:00Z",
        "2026-02-30T08:00:00Z",
        "2026-11-21T08:00:61Z",
        "0001-01-01T00:00:00+08:00",
        "２０２６-11-21T08:00:00Z",
        "2026-11-21T08:00:00Z\n",
    ],
)
def test_anything_else_is_none(text: str) -> None:
    assert parse_instant(text) is None


def test_an_instant_that_goes_on_and_on_is_none() -> None:
    assert parse_instant(f"2026-11-21T08:00:00.{'1' * 43}Z") is not None
    assert parse_instant(f"2026-11-21T08:00:00.{'1' * 44}Z") is None


def test_nothing_else_that_was_written_is_kept() -> None:
    parse_instant("2026-11-21T08:00:00Z")
    kept = instants._read.cache_info().currsize
    for place in range(20):
        parse_instant(f"{place}{'x' * 1000}")
        parse_instant(f"2026-11-21T08:00:00.{place:050}Z")
    assert instants._read.cache_info().currsize == kept
