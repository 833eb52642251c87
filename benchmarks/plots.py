"""Bars with their spread, as an SVG that can be read on light and on dark pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from benchmarks.reading_back import Spread

WIDTH = 760
_LABELS = 250
_FIGURES = 70
_BAR = 14
_GAP = 10
_HEAD = 44
_COLOURS = ("#2563eb", "#d97706", "#059669", "#a21caf", "#64748b", "#dc2626")
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#1f2328}"
    ".line{stroke:#1f2328}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.line{stroke:#e6edf3}}"
)


@dataclass(frozen=True)
class Group:
    """The bars of one case; None: that side was not measured in it."""

    label: str
    bars: Sequence[Spread | None]


def bars(title: str, sides: Sequence[str], groups: Sequence[Group], digits: int) -> str:
    """Draw a bar for each side of each case, from nought, all on one scale."""
    top = max((one.high for group in groups for one in group.bars if one), default=1.0)
    scale = (WIDTH - _LABELS - _FIGURES) / (top or 1.0)
    drawn = [_legend(sides)]
    below = _HEAD
    for group in groups:
        drawn.append(_text(0, below + _BAR - 3, group.label))
        for place, one in enumerate(group.bars):
            if one is None:
                continue
            drawn.append(_bar(one, below, scale, _COLOURS[place % 6], digits))
            below += _BAR
        below += _GAP
    name = escape(title)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {below}" '
        f'width="{WIDTH}" height="{below}" role="img" aria-label="{name}">'
        f"<title>{name}</title><style>{_STYLE}</style>\n"
        + "\n".join(drawn)
        + "\n</svg>\n"
    )


def _legend(sides: Sequence[str]) -> str:
    parts, left = [], 0
    for place, side in enumerate(sides):
        colour = _COLOURS[place % 6]
        parts.append(
            f'<rect x="{left}" y="8" width="12" height="12" fill="{colour}"/>'
            + _text(left + 18, 18, side)
        )
        left += 40 + sum(7 if one.isascii() else 13 for one in side)
    return "".join(parts)


def _bar(one: Spread, below: int, scale: float, colour: str, digits: int) -> str:
    ends = [_LABELS + round(value * scale, 1) for value in (one.low, one.high)]
    middle = below + _BAR / 2
    width = round(one.median * scale, 1)
    return (
        f'<rect x="{_LABELS}" y="{below}" width="{width}" height="{_BAR - 3}" '
        f'fill="{colour}"/>'
        f'<line class="line" x1="{ends[0]}" x2="{ends[1]}" '
        f'y1="{middle - 1.5}" y2="{middle - 1.5}"/>'
        + _text(max(ends[1], _LABELS + width) + 6, below + _BAR - 4, _told(one, digits))
    )


def _told(one: Spread, digits: int) -> str:
    return f"{one.median:,.{digits}f}"


def _text(left: float, below: float, text: str) -> str:
    return f'<text x="{round(left, 1)}" y="{below}">{escape(text)}</text>'
