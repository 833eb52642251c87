"""Places in the order log."""

from typing import NamedTuple
from uuid import UUID

_LOWEST = UUID(int=0)


class Position(NamedTuple):
    """A place in the log: a row, or a gap between rows.

    Compares as Postgres compares ``(xid, order_id)``.
    """

    xid: int
    order_id: UUID


def start_of(xid: int) -> Position:
    """Give the place before every row of a transaction."""
    return Position(xid, _LOWEST)


def just_before(row: Position) -> Position:
    """Give a place that lies before ``row`` and behind every earlier row."""
    return Position(row.xid, UUID(int=row.order_id.int - 1))
