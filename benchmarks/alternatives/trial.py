"""Start the processes of one side, and watch until the last row is recorded."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import IO, Protocol

from benchmarks.frame import Reading
from benchmarks.processes import computed_by_family, run_on
from benchmarks.stack import end

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 300.0
LOOK = 0.02
_TAIL = 2000


class Receiving(Protocol):
    """Who takes the posts."""

    def reset(self) -> None:
        """Begin to count anew."""

    def read(self) -> Mapping[str, float]:
        """Return items, and when the first came (monotonic seconds)."""


@dataclass(frozen=True)
class Trial:
    """What one side runs, how many rows it is to record, and how many it has."""

    commands: Sequence[Sequence[str]]
    environment: Mapping[str, str]
    expected: int
    recorded: Callable[[], Awaitable[int]]


@dataclass(frozen=True)
class Machine:
    """Which cores the side may use, and whose work for it counts too."""

    cores: frozenset[int]
    stores: tuple[int, ...]


async def timed(trial: Trial, receiving: Receiving, machine: Machine) -> Reading:
    """Run it; time goes from the first post to the last row."""
    receiving.reset()
    async with _started(trial, machine) as watched:
        await watched.until(lambda: _came(receiving, 1))
        before = watched.computed()
        await watched.until(lambda: _came(receiving, trial.expected))
        await watched.until(lambda: _is_recorded(trial))
        ended, after = monotonic(), watched.computed()
    found = await trial.recorded()
    if found != trial.expected:
        raise AssertionError(f"{trial.expected} rows expected, {found} recorded")
    own, stores = (later - sooner for later, sooner in zip(after, before, strict=True))
    each = 1000 / trial.expected
    return {
        "items_per_second": trial.expected / (ended - receiving.read()["first"]),
        "cpu_ms": own * each,
        "cpu_ms_with_stores": (own + stores) * each,
    }


async def run_to_its_end(
    command: Sequence[str], environment: Mapping[str, str]
) -> None:
    """Run a command that ends by itself; complain with what it said last."""
    with tempfile.TemporaryFile() as log:
        running = await _start(command, environment, log)
        if await running.wait():
            raise AssertionError(f"{' '.join(command)} failed: {_last_words(log)}")


class _Watched:
    """The processes of one side."""

    def __init__(
        self,
        running: Sequence[asyncio.subprocess.Process],
        stores: Sequence[int],
        log: IO[bytes],
    ) -> None:
        self._running = running
        self._stores = stores
        self._log = log

    def computed(self) -> tuple[float, float]:
        """Give the seconds that the side, and its stores, have computed."""
        own = sum(computed_by_family(one.pid) for one in self._running)
        return own, sum(computed_by_family(pid) for pid in self._stores)

    async def until(self, is_so: Callable[[], Awaitable[bool]]) -> None:
        """Wait for it as long as the processes live."""
        async with asyncio.timeout(PATIENCE):
            while not await is_so():
                if any(one.returncode is not None for one in self._running):
                    raise AssertionError(f"it ended: {_last_words(self._log)}")
                await asyncio.sleep(LOOK)


@asynccontextmanager
async def _started(trial: Trial, machine: Machine) -> AsyncIterator[_Watched]:
    async with AsyncExitStack() as ending:
        log = ending.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - it is closed
        usual = os.sched_getaffinity(0)
        running = []
        run_on(machine.cores)  # those that are started inherit it
        try:
            for command in trial.commands:
                running.append(await _start(command, trial.environment, log))
                ending.push_async_callback(end, running[-1])
        finally:
            run_on(usual)
        yield _Watched(running, machine.stores, log)


async def _start(
    command: Sequence[str], environment: Mapping[str, str], log: IO[bytes]
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *command,
        env=dict(environment),
        cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=log,
        stderr=log,
    )


async def _came(receiving: Receiving, items: int) -> bool:
    return receiving.read()["items"] >= items


async def _is_recorded(trial: Trial) -> bool:
    return await trial.recorded() >= trial.expected


def _last_words(log: IO[bytes]) -> str:
    log.seek(0)
    return log.read()[-_TAIL:].decode("utf-8", "replace")
