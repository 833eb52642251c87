"""Small plots, drawn on the server as SVG without a single style of their own."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH = 320
HEIGHT = 64
_EDGE = 2

_SVG = Markup(
    '<svg class="plot" viewBox="0 0 {} {}" role="img" aria-label="{}"'
    ' preserveAspectRatio="none" focusable="false">'
    "<title>{}</title><desc>{}</desc>{}</svg>"
)
_LINE = Markup('<polyline class="plot-line" points="{}"/>')
_AREA = Markup('<polygon class="plot-area" points="{}"/>')
_BAR = Markup('<rect class="plot-bar" x="{}" y="{}" width="{}" height="{}"/>')


@dataclass(frozen=True)
class Point:
    """One value with what it belongs to, in words; None: nothing is known."""

    label: str
    value: float | None


@dataclass(frozen=True)
class Plot:
    """A drawing, and the same as the rows of a table; ``desc`` says it in words."""

    title: str
    desc: str
    points: tuple[Point, ...]
    svg: str


def sparkline(title: str, desc: str, points: Sequence[Point]) -> Plot:
    """Draw a line over equal steps; gaps stay gaps."""
    top = _top(points)
    runs = _runs(points)
    drawn = Markup("").join(
        _area(run, len(points), top) + _line(run, len(points), top) for run in runs
    )
    return _plot(title, desc, points, drawn)


def bars(title: str, desc: str, points: Sequence[Point]) -> Plot:
    """Draw a bar for each value."""
    top = _top(points)
    step = WIDTH / max(1, len(points))
    drawn = Markup("").join(
        _bar(place * step, step, (point.value or 0.0) / top)
        for place, point in enumerate(points)
    )
    return _plot(title, desc, points, drawn)


def _plot(title: str, desc: str, points: Sequence[Point], drawn: Markup) -> Plot:
    svg = _SVG.format(WIDTH, HEIGHT, f"{title}. {desc}", title, desc, drawn)
    return Plot(title, desc, tuple(points), svg)


def _top(points: Sequence[Point]) -> float:
    """Give the upper end of the scale, which begins at 0."""
    return max((point.value or 0.0 for point in points), default=0.0) or 1.0


def _runs(points: Sequence[Point]) -> list[list[tuple[int, float]]]:
    runs: list[list[tuple[int, float]]] = [[]]
    for place, point in enumerate(points):
        if point.value is None:
            runs.append([])
        else:
            runs[-1].append((place, point.value))
    return [run for run in runs if run]


def _line(run: list[tuple[int, float]], steps: int, top: float) -> Markup:
    corners = [_corner(place, value, steps, top) for place, value in run]
    if len(corners) == 1:
        x, y = corners[0]
        corners = [(x - 1, y), (x + 1, y)]
    return _LINE.format(" ".join(f"{x:.1f},{y:.1f}" for x, y in corners))


def _area(run: list[tuple[int, float]], steps: int, top: float) -> Markup:
    corners = [_corner(place, value, steps, top) for place, value in run]
    ground = HEIGHT - _EDGE
    around = [(corners[0][0], ground), *corners, (corners[-1][0], ground)]
    return _AREA.format(" ".join(f"{x:.1f},{y:.1f}" for x, y in around))


def _corner(place: int, value: float, steps: int, top: float) -> tuple[float, float]:
    x = _EDGE + place * (WIDTH - 2 * _EDGE) / max(1, steps - 1)
    return x, HEIGHT - _EDGE - value / top * (HEIGHT - 2 * _EDGE)


def _bar(x: float, step: float, part: float) -> Markup:
    height = part * (HEIGHT - 2 * _EDGE)
    gap = step * 0.1
    return _BAR.format(
        f"{x + gap:.1f}",
        f"{HEIGHT - _EDGE - height:.1f}",
        f"{step - 2 * gap:.1f}",
        f"{height:.1f}",
    )
