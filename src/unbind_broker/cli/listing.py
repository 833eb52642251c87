"""Print lists: columns for people, JSON for programs."""

import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from rich.cells import cell_len

from unbind_broker.base.errors import BrokerError

PAGE = 200

Row = TypeVar("Row")
Key = TypeVar("Key")


class NotRegistered(BrokerError):
    """Nothing is registered under this name."""

    code = "not-registered"
    title = "Nothing is registered under this name"


async def read_all(
    read_page: Callable[[Key | None, int], Awaitable[list[Row]]],
    key_of: Callable[[Row], Key],
) -> list[Row]:
    """Read a list to its end, page by page."""
    rows: list[Row] = []
    while True:
        page = await read_page(key_of(rows[-1]) if rows else None, PAGE)
        rows += page
        if len(page) < PAGE:
            return rows


def show(rows: Sequence[Mapping[str, object]], *, as_json: bool) -> None:
    """Print rows that all have the same fields.

    For people an empty list is ``none`` on stderr: stdout stays empty for programs.
    """
    if as_json:
        print(json.dumps(list(rows), ensure_ascii=False, indent=2))
        return
    if not rows:
        print("none", file=sys.stderr)
        return
    lines = [[name.upper() for name in rows[0]]]
    lines += [[_cell(value) for value in row.values()] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = (
            cell + " " * (width - cell_len(cell))
            for cell, width in zip(line, widths, strict=True)
        )
        print("  ".join(padded).rstrip())


def _cell(value: object) -> str:
    if value is None or value == []:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ";".join(value) if isinstance(value, list) else str(value)
