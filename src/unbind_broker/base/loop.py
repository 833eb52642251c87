"""Loops that outlive faults: a step fails, is counted and is tried again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import monotonic

log = logging.getLogger(__name__)

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0

Step = Callable[[], Awaitable[float]]
"""Does some work; returns the pause in seconds before it runs again."""


@dataclass(eq=False)
class Loop:
    """Repeat one step for ever; never end because of a fault.

    A fault doubles the pause from 0.2 s up to 10 s until a step succeeds.
    """

    name: str
    step: Step
    faults: int = 0
    last_good: float = field(default_factory=monotonic)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, stopping: asyncio.Event) -> None:
        """Run until ``stopping`` is set; the step under way ends first."""
        fault_pause = FIRST_PAUSE
        while not stopping.is_set():
            try:
                pause = await self.step()
            except Exception:
                self.faults += 1
                log.exception("loop_fault", extra={"loop": self.name})
                pause, fault_pause = fault_pause, min(fault_pause * 2, LONGEST_PAUSE)
            else:
                self.last_good, fault_pause = monotonic(), FIRST_PAUSE
            await self._rest(pause, stopping)

    def wake(self) -> None:
        """Cut the present pause short."""
        self._wake.set()

    async def _rest(self, pause: float, stopping: asyncio.Event) -> None:
        if stopping.is_set():
            return
        woken = asyncio.ensure_future(self._wake.wait())
        stopped = asyncio.ensure_future(stopping.wait())
        await asyncio.wait(
            (woken, stopped), timeout=pause, return_when=asyncio.FIRST_COMPLETED
        )
        woken.cancel()
        stopped.cancel()
        self._wake.clear()
