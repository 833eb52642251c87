"""Plots can be read: figures far apart, and labels of any length."""

import re

import pytest

from benchmarks.plots import Group, bars
from benchmarks.reading_back import spread


@pytest.mark.parametrize(
    ("values", "ticks"), [([10.0, 400.0], 0), ([30.0, 4000.0], 2), ([0.0, 5000.0], 0)]
)
def test_figures_far_apart_are_drawn_on_powers_of_ten(
    values: list[float], ticks: int
) -> None:
    drawn = bars("x", "ms", ["a"], [Group("one", [spread([one]) for one in values])], 0)

    assert drawn.count('class="tick"') == ticks
    assert "-" not in "".join(re.findall(r'width="([^"]*)"', drawn))


def test_the_unit_stands_on_the_plot() -> None:
    drawn = bars("x", "ms an order", ["a"], [Group("one", [spread([1.0])])], 0)

    assert re.findall(r'<text x="683" y="18">([^<]*)', drawn) == ["ms an order"]
    assert 'aria-label="x (ms an order)"' in drawn


def test_a_label_that_would_reach_the_bars_goes_on_below_itself() -> None:
    label = "a name of some length 1.0, posts by something, at once 10"

    drawn = bars("x", "ms", ["a"], [Group(label, [spread([1.0])])], 0)

    assert re.findall(r'<text x="0" y="(\d+)">([^<]*)', drawn) == [
        ("59", "a name of some length 1.0"),
        ("73", "posts by something, at once 10"),
    ]
