"""Worker processes, and what befalls them: killed, frozen, stopped, started anew."""

import asyncio
import random
import signal
from collections import Counter
from contextlib import suppress

from tests.chaos.own_postgres import OwnPostgres
from tests.chaos.witness import roles
from tests.journeys.processes import Process, Processes
from tests.support.waiting import eventually


class Squad:
    """Keep so many workers running; signal none but them, by their ids."""

    def __init__(
        self, commands: Processes, postgres: OwnPostgres, dice: random.Random
    ) -> None:
        self._commands = commands
        self._postgres = postgres
        self._dice = dice
        self._roles = roles()
        self._frozen: set[Process] = set()
        self._up: set[Process] = set()
        self._starting: set[asyncio.Task[None]] = set()
        self.workers: list[Process] = []
        self.befell: Counter[str] = Counter()

    async def enlist(self) -> None:
        """Start a worker with a role of its own."""
        url = self._postgres.url(next(self._roles), "postgresql")
        worker = await self._commands.start("worker", UNBIND_DATABASE_URL=url)
        self.workers.append(worker)
        starting = asyncio.create_task(self._see_up(worker))
        self._starting.add(starting)
        starting.add_done_callback(self._starting.discard)

    async def replace_ended(self) -> None:
        """Start those again that ended by themselves, as whatever watches them does."""
        for worker in [one for one in self.workers if one.has_ended]:
            self.befell["ended"] += 1
            self.workers.remove(worker)
            await self.enlist()

    async def kill(self) -> None:
        """Kill one, and start another."""
        await self._end(signal.SIGKILL, "killed")

    async def stop(self) -> None:
        """Ask one to stop, and start another."""
        await self._end(signal.SIGTERM, "stopped")

    async def freeze(self, seconds: float) -> None:
        """Let one stand still for a while, as a machine that is moved does."""
        worker = self._choose()
        if worker is None:
            return
        self._frozen.add(worker)
        self.befell["frozen"] += 1
        worker.send(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            with suppress(ProcessLookupError):
                worker.send(signal.SIGCONT)
            self._frozen.discard(worker)

    async def stand(self, count: int = 1) -> None:
        """Wait until so many are at work."""
        await eventually(lambda: len(self._ready()) >= count, within=60)

    async def _see_up(self, worker: Process) -> None:
        with suppress(AssertionError, TimeoutError):  # it ended before it was up
            await worker.line()
            self._up.add(worker)

    async def _end(self, how: signal.Signals, what: str) -> None:
        worker = self._choose()
        if worker is None:
            return
        self.workers.remove(worker)
        self.befell[what] += 1
        await self.enlist()
        await worker.stop(how)

    def _choose(self) -> Process | None:
        """Choose one at work. The last one is spared: a blow is for who works.

        Where starting takes longer than the time between blows, nobody ever would.
        """
        ready = self._ready()
        return self._dice.choice(ready) if len(ready) > 1 else None

    def _ready(self) -> list[Process]:
        return [
            one
            for one in self.workers
            if one in self._up and one not in self._frozen and not one.has_ended
        ]
