"""Bars with their spread, as an SVG that can be read on light and on dark pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

from benchmarks.reading_back import Spread

WIDTH = 760
_LABELS = 250
_FIGURES = 70
_BAR = 14
_GAP = 10
_HEAD = 48
_FAR_APART = 50
_COLOURS = ("#2563eb", "#d97706", "#059669", "#a21caf", "#64748b", "#dc2626")
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#1f2328}"
    ".line{stroke:#1f2328}.tick{stroke:#8c959f;stroke-opacity:.4}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.line{stroke:#e6edf3}}"
)


@dataclass(frozen=True)
class Group:
    """The bars of one case; None: that side was not measured in it."""

    label: str
    bars: Sequence[Spread | None]


def bars(
    title: str, unit: str, sides: Sequence[str], groups: Sequence[Group], digits: int
) -> str:
    """Draw a bar for each side of each case, all on one scale.

    It begins at nought; where figures lie too far apart for that it is logarithmic,
    and says so with a line at each power of ten.
    """
    scale = _scale([one for group in groups for one in group.bars if one])
    drawn = [_legend(sides), _text(WIDTH - _width(unit), 18, unit)]
    below = _HEAD
    for group in groups:
        lines = _lines(group.label)
        ends = below + _BAR * len(lines)
        for place, line in enumerate(lines, start=1):
            drawn.append(_text(0, below + _BAR * place - 3, line))
        for place, one in enumerate(group.bars):
            if one is None:
                continue
            drawn.append(_bar(one, below, scale, _COLOURS[place % 6], digits))
            below += _BAR
        below = max(below, ends) + _GAP
    drawn += [_tick(power, scale(power), below) for power in scale.ticks]
    name = escape(f"{title} ({unit})")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {below}" '
        f'width="{WIDTH}" height="{below}" role="img" aria-label="{name}">'
        f"<title>{name}</title><style>{_STYLE}</style>\n"
        + "\n".join(drawn)
        + "\n</svg>\n"
    )


@dataclass(frozen=True)
class _Scale:
    """Pixels of a value; ``first`` is where a logarithmic one begins."""

    top: float
    first: float | None = None

    def __call__(self, value: float) -> float:
        """Give how far from the labels a value lies."""
        if self.first is None:
            part = value / self.top
        else:
            part = log10(max(value, self.first) / self.first)
            part /= log10(self.top / self.first)
        return round(part * (WIDTH - _LABELS - _FIGURES), 1)

    @property
    def ticks(self) -> Sequence[float]:
        """Name the powers of ten on a logarithmic scale."""
        if self.first is None:
            return ()
        powers = range(round(log10(self.first)) + 1, int(log10(self.top)) + 1)
        return [10.0**power for power in powers]


def _scale(shown: Sequence[Spread]) -> _Scale:
    top = max((one.high for one in shown), default=1.0) or 1.0
    least = min((one.low for one in shown), default=top)
    if least <= 0 or top / least < _FAR_APART:
        return _Scale(top)
    return _Scale(top, 10.0 ** floor(log10(least) - 0.3))


def _tick(value: float, left: float, below: int) -> str:
    place = _LABELS + left
    return (
        f'<line class="tick" x1="{place}" x2="{place}" y1="{_HEAD}" y2="{below}"/>'
        + _text(place - 12, _HEAD - 6, f"{value:,.0f}" if value >= 1 else f"{value:g}")
    )


def _legend(sides: Sequence[str]) -> str:
    parts, left = [], 0
    for place, side in enumerate(sides):
        colour = _COLOURS[place % 6]
        parts.append(
            f'<rect x="{left}" y="8" width="12" height="12" fill="{colour}"/>'
            + _text(left + 18, 18, side)
        )
        left += 40 + _width(side)
    return "".join(parts)


def _lines(label: str) -> list[str]:
    """Break a label at its commas, so that it ends before the bars begin."""
    lines: list[str] = []
    for part in label.split(", "):
        joined = f"{lines[-1]}, {part}" if lines else part
        if lines and _width(joined) <= _LABELS:
            lines[-1] = joined
        else:
            lines.append(part)
    return lines


def _width(text: str) -> int:
    """Guess how many pixels a text takes."""
    return sum(7 if one.isascii() else 13 for one in text)


def _bar(one: Spread, below: int, scale: _Scale, colour: str, digits: int) -> str:
    ends = [_LABELS + scale(value) for value in (one.low, one.high)]
    middle, width = below + _BAR / 2 - 1.5, scale(one.median)
    return (
        f'<rect x="{_LABELS}" y="{below}" width="{width}" height="{_BAR - 3}" '
        f'fill="{colour}"/>'
        f'<line class="line" x1="{ends[0]}" x2="{ends[1]}" '
        f'y1="{middle}" y2="{middle}"/>'
        + _text(max(ends[1], _LABELS + width) + 6, below + _BAR - 4, _told(one, digits))
    )


def _told(one: Spread, digits: int) -> str:
    return f"{one.median:,.{digits}f}"


def _text(left: float, below: float, text: str) -> str:
    return f'<text x="{round(left, 1)}" y="{below}">{escape(text)}</text>'
