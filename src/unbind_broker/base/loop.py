"""Loops that outlive faults: a step fails, is counted and is tried again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic

log = logging.getLogger(__name__)

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0
TOGETHER = 0.25
"""Seconds; loops that rest at least so long wake at common instants, so far apart."""
BREAK_OFF_AGAIN = 1.0
"""Seconds; what still runs then may have swallowed its cancellation, as Python 3.11's
``wait_for`` does now and then."""

Step = Callable[[], Awaitable[float]]
"""Does some work; returns the pause in seconds before it runs again."""


@dataclass
class Streak:
    """Faults in a row: told when they begin, then ever more seldom, and at the end."""

    loop: str
    length: int = 0

    def add(self, error: Exception) -> None:
        """Count a fault."""
        self.length += 1
        if self.length == 1:
            log.error("loop_fault", exc_info=error, extra=self._facts)
        elif self.length.bit_count() == 1:
            facts = {**self._facts, "error": type(error).__name__}
            log.error("loop_fault_lasts", extra=facts)

    def end(self) -> None:
        """Note that all went well."""
        if self.length:
            log.warning("loop_recovered", extra=self._facts)
        self.length = 0

    @property
    def _facts(self) -> dict[str, object]:
        return {"loop": self.loop, "streak": self.length}


@dataclass(eq=False)
class Loop:
    """Repeat one step for ever; never end because of a fault.

    A fault doubles the pause from 0.2 s up to 5 s until a step succeeds; nothing wakes
    the loop from such a pause.
    """

    name: str
    step: Step
    faults: int = 0
    last_good: float = field(default_factory=monotonic)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _streak: Streak = field(init=False)

    def __post_init__(self) -> None:
        self._streak = Streak(self.name)

    async def run(self, stopping: asyncio.Event) -> None:
        """Run until ``stopping`` is set; the step under way ends first."""
        ending = asyncio.ensure_future(stopping.wait())
        ending.add_done_callback(lambda _: self._wake.set())
        try:
            await self._repeat(stopping)
        finally:
            ending.cancel()

    async def _repeat(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                pause = await self.step()
            except Exception as error:  # noqa: BLE001 - is told, and tried again
                self.faults += 1
                self._streak.add(error)
                self._wake.clear()
                await self._rest(self._fault_pause, stopping)
            else:
                self._streak.end()
                self.last_good = monotonic()
                await self._rest(pause, stopping)

    def wake(self) -> None:
        """Cut the present pause short, unless it follows a fault."""
        if not self._streak.length:
            self._wake.set()

    @property
    def _fault_pause(self) -> float:
        doublings = min(self._streak.length - 1, 16)
        return float(min(FIRST_PAUSE * 2**doublings, LONGEST_PAUSE))

    async def _rest(self, pause: float, stopping: asyncio.Event) -> None:
        if stopping.is_set():
            return
        # No tasks: a worker that has nothing to do rests dozens of times a second.
        with suppress(TimeoutError):
            async with asyncio.timeout(with_others(pause, monotonic())):
                await self._wake.wait()
        self._wake.clear()


def with_others(pause: float, now: float) -> float:
    """Lengthen or shorten a pause, so that its end is one for many loops.

    To wake costs more than what most steps do then, and caches are warm only once. By
    half of ``TOGETHER`` at most; shorter pauses than that stay as they are.
    """
    if pause < TOGETHER:
        return pause
    ends = now + pause
    return pause + round(ends / TOGETHER) * TOGETHER - ends


async def break_off(tasks: Collection["asyncio.Task[None]"]) -> None:
    """Cancel these until they have ended: a loop that misses it would run for ever."""
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=BREAK_OFF_AGAIN)
