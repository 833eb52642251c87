"""When a call is tried again, and after how long: decided without any effect."""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto


class Repeat(Enum):
    """What a call may do if it is not known whether the broker carried it out."""

    ALWAYS = auto()  # it reads, it has an Idempotency-Key, or twice is like once
    UNSENT = auto()  # only if the broker cannot have carried it out


@dataclass(frozen=True, slots=True)
class Retrying:
    """How often and how long to try.

    Pauses double from ``first`` to ``longest``. The broker's ``Retry-After`` comes on
    top; if it is longer than ``obeyed``, the call fails at once instead of too early.
    """

    tries: int = 6
    first: timedelta = timedelta(seconds=0.2)
    longest: timedelta = timedelta(seconds=10)
    obeyed: timedelta = timedelta(seconds=60)

    def pause(
        self, failed: int, roll: float, retry_after: float | None = None
    ) -> float | None:
        """Give the seconds before the next try; None if there is none.

        ``failed`` tries were made; ``roll``, from 0 to 1, spreads those who fail at the
        same moment.
        """
        asked = retry_after or 0.0
        if failed >= self.tries or asked > self.obeyed.total_seconds():
            return None
        doubled = self.first.total_seconds() * 2.0 ** min(failed - 1, 30)
        step = min(doubled, self.longest.total_seconds())
        return asked + step * (0.5 + roll / 2)


_PASSING = frozenset({"idempotency-in-progress", "clearance-busy"})
"""Somebody, perhaps an earlier try, is about the same thing at this moment."""
_BUSY = 429
_AWAY = 503
_NOT_DONE = frozenset({"overloaded", "draining"})
_GATEWAY = frozenset({502, 504})


def may_repeat(status: int, code: str, repeat: Repeat) -> bool:
    """Tell whether a refused call may be made again.

    429, and 503 of a broker that is too busy or ends, say that nothing was done. Any
    other 503, and what a proxy says of its own, may come after it was carried out.
    """
    if code in _PASSING:
        return True
    if status == _BUSY or (status == _AWAY and code in _NOT_DONE):
        return True
    return repeat is Repeat.ALWAYS and (status == _AWAY or status in _GATEWAY)
