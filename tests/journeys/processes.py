"""Real processes of the command line, ended by their ids whatever happens."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

PATIENCE = 90.0
"""Seconds that one step may take on a slow machine."""
GRACE = 20.0
"""Seconds that a command has to end by itself."""
SHORT = {
    "UNBIND_ALLOW_PRIVATE_ENDPOINTS": "1",
    "UNBIND_LEASE": "5s",
    "UNBIND_REQUEST_TIMEOUT": "3s",
    "UNBIND_RETRY_PLAN": "200ms,500ms,1s",
    "UNBIND_QUERY_RETRY_PLAN": "200ms,500ms,1s",
    "UNBIND_BREAKER_PAUSE": "200ms",
}
"""Settings with every clock short; but nobody on a busy machine fails by them."""


class Process:
    """One ``unbind-broker`` under way."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log
        self._printed: list[bytes] = []

    async def line(self) -> str:
        """Read the next line that it prints."""
        assert self._process.stdout is not None
        read = await asyncio.wait_for(self._process.stdout.readline(), PATIENCE)
        assert read, f"it ended without a word:\n{self._log.read_text()[-3000:]}"
        self._printed.append(read)
        return read.decode().rstrip("\n")

    async def told(self) -> dict[str, Any]:
        """Read the next line, which is JSON."""
        told: dict[str, Any] = json.loads(await self.line())
        return told

    async def rest(self) -> str:
        """Read all that it prints until it ends."""
        assert self._process.stdout is not None
        read = await asyncio.wait_for(self._process.stdout.read(), PATIENCE)
        self._printed.append(read)
        return read.decode()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process.returncode is not None

    def send(self, number: signal.Signals) -> None:
        """Send a signal to its id."""
        self._process.send_signal(number)

    @property
    def printed(self) -> str:
        """What was read so far of what it printed."""
        return b"".join(self._printed).decode()

    @property
    def log(self) -> str:
        """What it wrote to stderr so far."""
        return self._log.read_text()

    async def ended(self) -> int:
        """Wait for its end and give its exit code."""
        return await asyncio.wait_for(self._process.wait(), PATIENCE)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal to its id and wait for its end."""
        with suppress(ProcessLookupError):
            self._process.send_signal(number)
        return await self.ended()


class Processes:
    """Start commands with one environment."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        plain = {k: v for k, v in os.environ.items() if not k.startswith("UNBIND_")}
        self._environment = {**plain, **SHORT, **environment}
        self._folder = folder
        self._places = count()
        self.started: list[Process] = []

    async def start(self, *arguments: str | Path, **environment: str) -> Process:
        """Start a command and return at once."""
        log = self._folder / f"process-{next(self._places)}.log"
        with log.open("wb") as errors:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "unbind_broker", *arguments),
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                env={**self._environment, **environment},
                cwd=self._folder,
            )
        self.started.append(Process(process, log))
        return self.started[-1]

    async def run(self, *arguments: str | Path) -> str:
        """Run a command to its end and return what it printed."""
        process = await self.start(*arguments)
        printed = await process.rest()
        assert await process.ended() == 0, process.log
        return printed


@asynccontextmanager
async def processes(folder: Path, **environment: str) -> AsyncIterator[Processes]:
    """Start commands; those that still run in the end are ended, whatever it takes.

    A killed one would leave its embedded database running.
    """
    made = Processes(folder, environment)
    try:
        yield made
    finally:
        for process in reversed(made.started):
            try:
                await asyncio.wait_for(process.stop(), GRACE)
            except TimeoutError:
                await process.stop(signal.SIGKILL)
