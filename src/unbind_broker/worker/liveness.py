"""Tell whether a worker still gets something done."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from time import monotonic

from unbind_broker.base.loop import Loop
from unbind_broker.base.pulse import LoopPulse, Pulse

POLLS = frozenset({"read_log", "read_again"})
"""The loops that ask what is to be sent; they do so all the time."""


class Liveness:
    """Know the loops of one worker. ``seconds`` are those of the monotonic clock.

    Other loops than those that poll may rest for an hour, so that their age alone says
    nothing. Before there are any loops, the worker is as old as its start.
    """

    def __init__(
        self, limit: timedelta, seconds: Callable[[], float] = monotonic
    ) -> None:
        self._limit = limit
        self._seconds = seconds
        self._began = seconds()
        self._loops: tuple[Loop, ...] = ()

    def watch(self, loops: Iterable[Loop]) -> None:
        """Go by these loops from now on."""
        self._loops = tuple(loops)

    def pulse(self) -> Pulse:
        """Tell how it is now."""
        now = self._seconds()
        polls = [loop.last_good for loop in self._loops if loop.name in POLLS]
        return Pulse(
            last_good_poll_age_seconds=now - min(polls, default=self._began),
            limit_seconds=self._limit.total_seconds(),
            loops={
                loop.name: LoopPulse(now - loop.last_good, loop.faults)
                for loop in self._loops
            },
        )
