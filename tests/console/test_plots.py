"""Plots say the same three times: drawn, in words, and as rows of a table."""

import re
from collections.abc import Callable, Sequence
from xml.etree import ElementTree as ET

import pytest

from unbind_broker.console.plots import HEIGHT, WIDTH, Plot, Point, bars, sparkline

_PAIR = re.compile(r"(-?[\d.]+),(-?[\d.]+)")
NOTHING: list[Point] = []
Draw = Callable[[str, str, Sequence[Point]], Plot]


def points(*values: float | None) -> list[Point]:
    return [Point(f"10:{place:02}", value) for place, value in enumerate(values)]


@pytest.mark.parametrize("draw", [sparkline, bars])
@pytest.mark.parametrize(
    "given",
    [NOTHING, points(None), points(0), points(0, 0), points(5), points(1, None, 1e9)],
    ids=["none", "gap", "zero", "zeros", "single", "far-apart"],
)
def test_drawing_stays_within_its_frame(draw: Draw, given: list[Point]) -> None:
    drawn = parsed(draw("Orders", "5 at most", given))
    assert drawn.get("viewBox") == f"0 0 {WIDTH} {HEIGHT}"
    for x, y in corners(drawn):
        assert -1 <= x <= WIDTH + 1
        assert 0 <= y <= HEIGHT


def test_line_follows_the_values() -> None:
    drawn = sparkline("Orders", "", points(0, 10, 5))
    (line,) = lines(drawn)
    heights = [y for _, y in line]
    assert heights[1] < heights[2] < heights[0]
    assert [x for x, _ in line] == sorted(x for x, _ in line)


def test_gap_parts_the_line() -> None:
    assert len(lines(sparkline("Orders", "", points(1, 2, None, 3)))) == 2


def test_plot_has_its_words_and_its_rows() -> None:
    given = points(1, None)
    plot = sparkline("Orders", "1 at most", given)
    assert (plot.title, plot.desc, plot.points) == ("Orders", "1 at most", tuple(given))
    drawn = parsed(plot)
    assert drawn.get("role") == "img"
    assert drawn.get("aria-label") == "Orders. 1 at most"


def test_hostile_words_are_only_text() -> None:
    hostile = '"><script>alert(1)</script>'
    drawn = parsed(bars(hostile, hostile, points(1)))
    assert [one.tag for one in drawn] == ["title", "desc", "rect"]
    assert drawn.get("aria-label") == f"{hostile}. {hostile}"


def parsed(plot: Plot) -> ET.Element:
    return ET.fromstring(plot.svg)  # noqa: S314 - drawn right here


def lines(plot: Plot) -> list[list[tuple[float, float]]]:
    return [
        pairs(one.get("points", "")) for one in parsed(plot) if one.tag == "polyline"
    ]


def corners(drawn: ET.Element) -> list[tuple[float, float]]:
    found = [pair for one in drawn for pair in pairs(one.get("points", ""))]
    for one in drawn.iter("rect"):
        x, y, width, height = (
            float(one.get(name, "")) for name in ("x", "y", "width", "height")
        )
        found += [(x, y), (x + width, y + height)]
    return found


def pairs(text: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in _PAIR.findall(text)]
