"""Tables that narrow windows show as cards, and that stay tables for screen readers."""

import re
from collections.abc import Sequence

from markupsafe import Markup, escape

_OPENING = re.compile(r"<(tr|td|th)\b")


def stacked(rows: Markup, columns: Sequence[str]) -> Markup:
    """Tell each cell the name of its column, and its role.

    Where a cell stands below the other, the names stand beside them; and browsers take
    such boxes for no table any more, unless the roles say so.
    """
    labels = [f' role="cell" data-label="{escape(one)}"' for one in columns]
    place = 0

    def told(opening: re.Match[str]) -> str:
        nonlocal place
        if opening[1] == "tr":
            place = 0
            return f'{opening[0]} role="row"'
        label = labels[place]
        place += 1
        if opening[1] == "th":
            label = label.replace("cell", "rowheader", 1)
        return f"{opening[0]}{label}"

    return Markup(_OPENING.sub(told, rows))  # noqa: S704 - it was markup, and the names are escaped
