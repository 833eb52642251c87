"""Durations and rates as people write them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbind_broker.base.durations import parse_duration, parse_rate


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("20s", 20), ("10m", 600), ("24h", 86400), ("180d", 15552000)],
)
def test_units(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


def test_bare_number_is_seconds() -> None:
    assert parse_duration(" 1.5 ") == timedelta(seconds=1.5)


@pytest.mark.parametrize("text", ["", "-1s", "soon", "1w", "1 s s", "١s", "1e3s"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a duration"):
        parse_duration(text)


@given(st.integers(0, 10**6))
def test_seconds_survive(seconds: int) -> None:
    assert parse_duration(f"{seconds}s") == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("text", "rate"), [("100/s", 100), ("6000/m", 100), ("3600/h", 1), ("0.5/s", 0.5)]
)
def test_rates_are_per_second(text: str, rate: float) -> None:
    assert parse_rate(text) == pytest.approx(rate)


@pytest.mark.parametrize("text", ["100", "100/d", "/s", "fast"])
def test_other_rates_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a rate"):
        parse_rate(text)
