"""Let a bounded number of writes in; tell the others to come back."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic

from unbind_broker.api.rates import RateLimited
from unbind_broker.api.turns import Turns
from unbind_broker.base.errors import BrokerError

FEWEST = 4
"""Places that are left however slow the database is: with none, nobody would learn
that it is well again."""
SHRINKING = 0.7
_SLOWEST = 10.0
_WINDOW = 1.0
_REHEARSALS = "rehearsals"


class Overloaded(BrokerError):
    """Too many requests are being served at this moment."""

    code = "overloaded"
    title = "Too busy right now"

    def __init__(self, detail: str, wait: int = 1) -> None:
        """``wait`` is in seconds."""
        super().__init__(detail)
        self.headers = {"Retry-After": str(wait)}


class Admission:
    """Count what is under way; refuse at once above ``limit`` instead of queueing."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.inside = 0

    @asynccontextmanager
    async def enter(self) -> AsyncIterator[None]:
        """Hold a place while a transaction runs; raises ``Overloaded`` when full."""
        if self.inside >= self.limit:
            raise Overloaded(
                f"{self.limit} requests are being served by this process already; "
                "nothing was stored, try again in a second"
            )
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1


class SharedAdmission(Admission):
    """Give nobody more than ``of_one`` of the places, however long it keeps them.

    All who rehearse have half as many together: with a sandbox key besides its own,
    nobody keeps the others out, and no rehearsal keeps out what is real.
    """

    def __init__(self, limit: int, of_one: int) -> None:
        super().__init__(limit)
        self.of_one = of_one
        self.taken: Counter[str] = Counter()

    @asynccontextmanager
    async def enter_as(
        self, whose: str, *, rehearses: bool = False
    ) -> AsyncIterator[None]:
        """Hold a place of somebody's; raises ``RateLimited`` or ``Overloaded``."""
        most = self.of_one
        if rehearses:
            whose, most = _REHEARSALS, max(1, self.of_one // 2)
        if self.taken[whose] >= most:
            who, they = ("rehearsals", "they") if rehearses else ("you", "you")
            raise RateLimited(
                f"{who} have {most} of these calls open, which is all {they} may; "
                "try again when one has ended",
                1.0,
            )
        async with self.enter():
            self.taken[whose] += 1
            try:
                yield
            finally:
                self.taken[whose] -= 1


class Place:
    """One place, from the door until it is given back."""

    __slots__ = ("_admission", "since")

    def __init__(self, admission: "AdaptiveAdmission", since: float) -> None:
        self._admission: AdaptiveAdmission | None = admission
        self.since = since

    def release(self) -> None:
        """Give the place back; again changes nothing."""
        admission, self._admission = self._admission, None
        if admission is not None:
            admission.left(self)


class AdaptiveAdmission:
    """As many places as are served within ``target`` seconds, ``limit`` at most.

    Additive increase, multiplicative decrease on what each place was held for: the
    wait for the processor and for a connection counts, so it shrinks before the
    database suffers. One decrease per round: whoever entered before the last one says
    nothing new.
    """

    def __init__(
        self,
        limit: int,
        target: float,
        dice: Callable[[], float],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """``dice`` gives numbers in [0, 1), ``clock`` monotonic seconds."""
        self.limit = limit
        self.target = target
        self.room = float(limit)
        self.inside = 0
        self._clock = clock
        self._turns = Turns(dice)
        self._shrunk_at = clock()
        self._rate = limit / target
        self._window = clock()
        self._served = 0

    @property
    def is_full(self) -> bool:
        """Tell whether the next one is refused."""
        return self.inside >= int(self.room)

    def require_room(self) -> None:
        """Raise ``Overloaded`` when full."""
        if self.is_full:
            raise Overloaded(
                f"{self.inside} requests are being served by this process already; "
                "nothing was stored, try again after the seconds in Retry-After",
                self._turns.next(self._clock(), max(self._rate, _SLOWEST)),
            )

    def take(self) -> Place:
        """Take a place; raises ``Overloaded`` when full."""
        self.require_room()
        self.inside += 1
        return Place(self, self._clock())

    def left(self, place: Place) -> None:
        """Learn from how long ``place`` was held."""
        now = self._clock()
        self.inside -= 1
        self._count(now)
        if now - place.since <= self.target:
            self.room = min(float(self.limit), self.room + 1 / self.room)
        elif place.since >= self._shrunk_at:
            fewest = min(FEWEST, self.limit)
            self.room = max(float(fewest), self.room * SHRINKING)
            self._shrunk_at = now

    def _count(self, now: float) -> None:
        self._served += 1
        if (elapsed := now - self._window) >= _WINDOW:
            self._rate = (self._rate + self._served / elapsed) / 2
            self._window, self._served = now, 0
