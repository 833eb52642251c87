"""How far the order log has been read, although transactions commit in any order.

The log is read in the order of transaction ids, which are taken long before the commit.
A read that has come to some row has therefore seen every row before it, except those of
the transactions that were under way in its snapshot. Each of them is remembered as a
*gap* until it has ended and its rows have been read; so nothing is missed, nothing read
twice, and a transaction that stays open costs one gap.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from unbind_broker.orders.positions import Position, start_of


class Snapshot(NamedTuple):
    """What a statement could not see: transactions ``running``, and all from ``end``.

    Subtransactions have ids too, but the log and snapshots name only those above them.
    """

    end: int
    running: Sequence[int]


@dataclass(frozen=True)
class Frontier:
    """What has been read: all up to ``front``, except for what lies in ``gaps``.

    A gap is a transaction before ``front`` of which all up to this place has been read.
    """

    front: Position
    gaps: tuple[Position, ...] = ()

    @property
    def safe(self) -> Position:
        """Give the place before which everything has been read, now and for ever."""
        return min((self.front, *self.gaps))

    def moved_to(self, place: Position | None, snapshot: Snapshot) -> "Frontier":
        """Move on over what a read found up to ``place``; None: over all there was.

        Reads find what lies in the gaps first, as it comes first in the log.
        """
        if place is None:
            return Frontier(start_of(snapshot.end), _starts(snapshot.running))
        if place > self.front:
            before = [xid for xid in snapshot.running if xid < place.xid]
            return Frontier(place, _starts(before))
        running = set(snapshot.running)
        left = [
            max(gap, place) if gap.xid == place.xid else gap
            for gap in self.gaps
            if gap.xid in running or gap.xid >= place.xid
        ]
        return Frontier(self.front, tuple(left))

    def back_to(self, place: Position) -> "Frontier":
        """Count as unread, once more, all that lies behind ``place``."""
        if place >= self.front:
            return self
        here = [gap for gap in self.gaps if gap.xid == place.xid]
        before = [gap for gap in self.gaps if gap.xid < place.xid]
        return Frontier(min((place, *here)), tuple(before))


def _starts(xids: Sequence[int]) -> tuple[Position, ...]:
    return tuple(start_of(xid) for xid in xids)
